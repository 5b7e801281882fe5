"""The shorthand in which routing tests write requests: fact names and exact values."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from rules.facts import FACTS, MISSING, Seen, spec_of
from rules.operands import LiteralError, number_in
from rules.operators import NUMBERS
from rules.requests.wanted import Wanted
from schemas.suggest import nearest
from schemas.wording import quoted

_OWN = ("tools", "now", "explicit", "file")
"""Keys that are no facts."""

_NO_VALUE = ("time", "rollout")
"""Facts that a request does not have but is judged by: `now` and the key of a rollout are written instead."""


class BadShorthand(ValueError):  # noqa: N818 - named as `BadRequest` is
    """A shorthand that stands for no request; blame: the test. `str()` says why.

    `key` is the entry to blame; `unknown`: it is the key itself that is wrong, not what is written under it.
    """

    def __init__(self, message: str, key: str, *, unknown: bool = False) -> None:
        super().__init__(message)
        self.key, self.unknown = key, unknown


def wanted_of_mapping(request: Mapping[str, Any]) -> Wanted:
    """What a shorthand wants. Raises `BadShorthand` for an unknown key, a value the fact never has, and two for one fact."""
    values: dict[str, Seen] = {}
    said: dict[str, str] = {}
    words: list[str] = []
    choice: str | None = None
    for key, value in request.items():
        if key == "explicit":
            choice = str(value)
            continue
        if key == "contentKeywords":
            words += [str(word).casefold() for word in (value if isinstance(value, list) else [value])]
            continue
        for fact, seen in _facts_of(key, value).items():
            if values.setdefault(fact, seen) != seen:
                raise BadShorthand(f"{quoted(said[fact])} and {quoted(key)} cannot be had together", key)
            said.setdefault(fact, key)
    return Wanted(values, words=words, choice=choice)


def _facts_of(key: str, value: Any) -> dict[str, Seen]:
    """The facts that one entry is about."""
    if key == "tools" and isinstance(value, list):
        return {"toolNames": frozenset(map(str, value)), "toolCount": len(value)}
    if key == "tools":
        return {"toolCount": _number(key, value)}
    if key == "now":
        return {"time": _moment(value)}
    fact = key.lower() if key.startswith("header.") else key
    return {fact: _value(key, fact, value)}


def _value(key: str, fact: str, value: Any) -> Seen:
    spec = spec_of(fact)
    if spec is None or fact in _NO_VALUE:
        near = nearest(fact, [*FACTS, *_OWN])
        hint = f", did you mean {quoted(near)}?" if near and near != fact else ""
        raise BadShorthand(f"a request has no {quoted(fact)}{hint}", key, unknown=True)
    if value is None:
        if not spec.optional:
            raise BadShorthand(f"{quoted(fact)} is never missing", key)
        return MISSING
    if spec.type in NUMBERS:
        return _number(key, value)
    if spec.type == "bool":
        if not isinstance(value, bool):
            raise BadShorthand(f"{quoted(fact)} is true or false", key)
        return value
    if spec.type == "set":
        return frozenset(map(str, value if isinstance(value, list) else [value]))
    if spec.words and value not in spec.words:
        raise BadShorthand(f"{quoted(fact)} is never {quoted(str(value))}, it is one of {', '.join(spec.words)}", key)
    if not isinstance(value, str):
        raise BadShorthand(f"{quoted(fact)} is a text", key)
    return value


def _number(key: str, value: Any) -> int | float:
    if isinstance(value, str):
        try:
            value = number_in(value)
        except LiteralError as problem:
            raise BadShorthand(f"{quoted(key)}: {problem.message}", key) from None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BadShorthand(f"{quoted(key)} is a number", key)
    return value


def _moment(value: Any) -> float:
    try:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return datetime.fromtimestamp(value, UTC).timestamp()
        moment = datetime.fromisoformat(str(value))
    except (ValueError, OverflowError, OSError):
        raise BadShorthand(f"`now` is a time such as 2026-01-05T09:00:00Z, not {quoted(str(value))}", "now") from None
    return (moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).timestamp()
