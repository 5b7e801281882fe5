"""Conditions as lanes: conjunctions of literals that one fact decides, and a rest that is walked.

A condition holds when one of its lanes does. What would need too many lanes stays in the rest of one.
"""

from __future__ import annotations

from typing import assert_never

from msgspec import Struct

from rules.cost import COMPUTED_OPERATORS, may_fail, tier_of
from rules.facts import FACTS
from rules.nodes import All, Any, Compare, Constant, Not, Opaque, Predicate, Reference, Test

MAX_LANES = 8


class Lane(Struct, frozen=True):
    """`literals` must come out as their booleans say, and every part of `rest` must hold."""

    literals: tuple[tuple[Test, bool], ...] = ()
    rest: tuple[Predicate, ...] = ()


def lanes_of(condition: Predicate) -> tuple[Lane, ...]:
    """The lanes of a condition; none where it never holds.

    A condition that can fail has one lane whose rest is all of it: its literals are those that are tried before
    anything that can fail.
    """
    if may_fail(condition):
        return (Lane(_filter_of(condition), (condition,)),)
    return _lanes(condition, True)


def is_literal(test: Test) -> bool:
    """Whether a test is worth deciding ahead for all rules at once: its fact is cheap and its values recur."""
    spec = FACTS.get(test.fact)
    long_text = spec is not None and spec.type in ("text", "keywords")
    return tier_of(test.fact) < 2 and not long_text and test.operator not in COMPUTED_OPERATORS


def _filter_of(condition: Predicate) -> tuple[tuple[Test, bool], ...]:
    children = condition.children if isinstance(condition, All) else ()
    return tuple((child, True) for child in children if isinstance(child, Test) and is_literal(child))


def _lanes(node: Predicate, wanted: bool) -> tuple[Lane, ...]:
    """The lanes in which a node comes out as wanted."""
    match node:
        case Test():
            return (Lane(((node, wanted),)),) if is_literal(node) else (_walked(node, wanted),)
        case Compare() | Opaque():
            return (_walked(node, wanted),)
        case Constant(value):
            return (Lane(),) if value is wanted else ()
        case Not(child):
            return _lanes(child, not wanted)
        case Reference(_, child):
            return _lanes(child, wanted)
        case All(children) | Any(children):
            parts = [_lanes(child, wanted) for child in children]
            joined = _product(parts) if isinstance(node, All) is wanted else _sum(parts)
            return joined if joined is not None else (_walked(node, wanted),)
        case _:
            assert_never(node)


def _walked(node: Predicate, wanted: bool) -> Lane:
    return Lane((), (node if wanted else Not(node, node.span),))


def _sum(parts: list[tuple[Lane, ...]]) -> tuple[Lane, ...] | None:
    lanes = tuple(lane for part in parts for lane in part)
    return lanes if len(lanes) <= MAX_LANES else None


def _product(parts: list[tuple[Lane, ...]]) -> tuple[Lane, ...] | None:
    lanes: tuple[Lane, ...] = (Lane(),)
    for part in parts:
        if len(lanes) * len(part) > MAX_LANES:
            return None
        lanes = tuple(Lane(one.literals + other.literals, one.rest + other.rest) for one in lanes for other in part)
    return lanes
