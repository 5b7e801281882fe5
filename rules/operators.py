"""Every operator a predicate may have: which facts it is for, what it means, how it prints."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Any, TypeAlias

from msgspec import Struct

from rules.facts import MISSING, FactType, Seen
from rules.moments import Share, Window
from rules.nodes import Test
from rules.patterns.compiled import Glob, Pattern

Network: TypeAlias = IPv4Network | IPv6Network

STRINGS: frozenset[FactType] = frozenset({"string", "text"})
WORDS: frozenset[FactType] = frozenset({"string", "text", "enum"})
NUMBERS: frozenset[FactType] = frozenset({"int", "number"})
SETS: frozenset[FactType] = frozenset({"set"})
EVERY: frozenset[FactType] = frozenset({"string", "text", "bool", "int", "number", "enum", "set", "address"})


class Operator(Struct, frozen=True):
    """One row: `holds(value, operand, ignore_case)` for a fact that is there; `says(operand)` reads after the fact's name."""

    types: frozenset[FactType]
    holds: Callable[[Any, Any, bool], bool]
    says: Callable[[Any], str]


def holds_for(test: Test, seen: Seen) -> bool:
    """Whether a predicate holds for what was seen of its fact; a missing fact makes all false but `exists: false`."""
    if test.operator == "exists":
        return (seen is not MISSING) is test.operand
    return seen is not MISSING and OPERATORS[test.operator].holds(seen, test.operand, test.ignore_case)


def holds_between(test: Test, low: int, high: int) -> bool | None:
    """What a predicate on a number gives wherever in `low..high` that number is; None where the place matters."""
    if low == high:
        return holds_for(test, low)
    operand: Any = test.operand
    match test.operator:
        case "gt" | "gte" | "lt" | "lte":
            at_low = holds_for(test, low)
            return at_low if holds_for(test, high) is at_low else None
        case "between":
            if high < operand[0] or low >= operand[1]:
                return False
            return True if low >= operand[0] and high < operand[1] else None
        case "eq":
            return None if low <= operand <= high else False
        case "in":
            return None if any(low <= number <= high for number in operand) else False
        case "exists":
            return bool(operand)
    return None


def wanted_of(test: Test) -> str:
    """What a predicate wants, to be read after the fact's name: `contains haiku`, `> 60000`."""
    said = OPERATORS[test.operator].says(test.operand)
    return f"{said}, in any case" if test.ignore_case else said


@lru_cache(maxsize=4096)
def address_of(text: str) -> IPv4Address | IPv6Address | None:
    """The address written in a text, an IPv4 one inside IPv6 as itself; None where it is none."""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _eq(value: Any, operand: Any, ignore_case: bool) -> bool:
    return bool(value.casefold() == operand.casefold() if ignore_case else value == operand)


def _in(value: Any, operand: Any, ignore_case: bool) -> bool:
    return value.casefold() in {word.casefold() for word in operand} if ignore_case else value in operand


def _contains(value: str, operand: str, ignore_case: bool) -> bool:
    return operand.casefold() in value.casefold() if ignore_case else operand in value


def _prefix(value: str, operand: str, ignore_case: bool) -> bool:
    return value.casefold().startswith(operand.casefold()) if ignore_case else value.startswith(operand)


def _suffix(value: str, operand: str, ignore_case: bool) -> bool:
    return value.casefold().endswith(operand.casefold()) if ignore_case else value.endswith(operand)


def _glob(value: str, operand: Glob, _ignore_case: bool) -> bool:
    return operand.fits(value)


def _regex(value: str, operand: Pattern, _ignore_case: bool) -> bool:
    return operand.search(value)


def _between(value: float, operand: tuple[float, float], _ignore_case: bool) -> bool:
    return operand[0] <= value < operand[1]


def has_member(members: frozenset[str], member: str | Test) -> bool:
    """Whether a set has that member, or one for which a string predicate holds."""
    if isinstance(member, str):
        return member in members
    return any(holds_for(member, value) for value in members)


def _has_any(value: frozenset[str], operand: tuple[str | Test, ...], _ignore_case: bool) -> bool:
    return any(has_member(value, member) for member in operand)


def _has_all(value: frozenset[str], operand: tuple[str | Test, ...], _ignore_case: bool) -> bool:
    return all(has_member(value, member) for member in operand)


def _size(value: frozenset[str], operand: Test, _ignore_case: bool) -> bool:
    return holds_for(operand, len(value))


def _cidr(value: str, operand: tuple[Network, ...], _ignore_case: bool) -> bool:
    address = address_of(value)
    return address is not None and any(address in network for network in operand)


def _same_address(value: str, operand: str, _ignore_case: bool) -> bool:
    return address_of(value) == address_of(operand) is not None or value == operand


def _keywords(value: str, operand: tuple[str, ...], _ignore_case: bool) -> bool:
    return any(word in value for word in operand)


def _say_value(operand: Any) -> str:
    if isinstance(operand, bool):
        return "true" if operand else "false"
    return str(operand) or '""'


def _say_members(operand: tuple[str | Test, ...]) -> str:
    said = [_say_value(member) if isinstance(member, str) else f"one that {wanted_of(member)}" for member in operand]
    return ", ".join(said) or "nothing"


def _say_set(operand: Iterable[Any]) -> str:
    return ", ".join(sorted(map(_say_value, operand))) or "nothing"


OPERATORS: Mapping[str, Operator] = {
    "eq": Operator(EVERY - SETS, _eq, lambda operand: f"is {_say_value(operand)}"),
    "in": Operator(WORDS | NUMBERS, _in, lambda operand: f"is one of {_say_set(operand)}"),
    "contains": Operator(STRINGS, _contains, lambda operand: f"contains {_say_value(operand)}"),
    "prefix": Operator(STRINGS, _prefix, lambda operand: f"starts with {_say_value(operand)}"),
    "suffix": Operator(STRINGS, _suffix, lambda operand: f"ends with {_say_value(operand)}"),
    "glob": Operator(STRINGS, _glob, lambda operand: f"matches {operand.source}"),
    "regex": Operator(STRINGS, _regex, lambda operand: f"matches /{operand.source}/"),
    "gt": Operator(NUMBERS, lambda value, operand, _: bool(value > operand), lambda operand: f"> {operand}"),
    "gte": Operator(NUMBERS, lambda value, operand, _: bool(value >= operand), lambda operand: f">= {operand}"),
    "lt": Operator(NUMBERS, lambda value, operand, _: bool(value < operand), lambda operand: f"< {operand}"),
    "lte": Operator(NUMBERS, lambda value, operand, _: bool(value <= operand), lambda operand: f"<= {operand}"),
    "between": Operator(NUMBERS, _between, lambda operand: f"is in {operand[0]}..{operand[1]}, the end excluded"),
    "has": Operator(SETS, lambda value, operand, _: has_member(value, operand), lambda operand: f"has {_say_members((operand,))}"),
    "hasAny": Operator(SETS, _has_any, lambda operand: f"has any of {_say_members(operand)}"),
    "hasAll": Operator(SETS, _has_all, lambda operand: f"has all of {_say_members(operand)}"),
    "hasNone": Operator(
        SETS, lambda value, operand, _: not _has_any(value, operand, False), lambda operand: f"has none of {_say_members(operand)}"
    ),
    "size": Operator(SETS, _size, lambda operand: f"has a size that {wanted_of(operand)}"),
    "address": Operator(frozenset({"address"}), _same_address, lambda operand: f"is {operand}"),
    "cidr": Operator(frozenset({"address"}), _cidr, lambda operand: f"is in {_say_set(operand)}"),
    "exists": Operator(EVERY, lambda _value, _operand, _: False, lambda operand: "is there" if operand else "is missing"),
    "window": Operator(frozenset({"window"}), lambda value, operand, _: window_holds(operand, value), lambda operand: f"is in {operand}"),
    "rollout": Operator(WORDS | {"address"}, lambda value, operand, _: share_holds(operand, value), lambda operand: f"is in the first {operand}"),
    "keywords": Operator(frozenset({"keywords"}), _keywords, lambda operand: f"is one of {_say_members(operand)}"),
}  # fmt: skip
"""Operator -> row. Written ones are those of the language; `address`, `window`, `rollout` and `keywords` come from forms of their own."""


def window_holds(window: Window, now: float) -> bool:
    """Whether a moment is in a window."""
    return window.holds(now)


def share_holds(share: Share, key: str) -> bool:
    """Whether a value is in a share."""
    return share.holds(key)
