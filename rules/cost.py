"""What a condition reads and what that costs; the order in which conjunctions and disjunctions are tried."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import assert_never

from rules.facts import spec_of
from rules.nodes import All, Any, Compare, Constant, Not, Opaque, Predicate, Reference, Test

COMPUTED_OPERATORS = ("rollout", "window")
"""Operators that compute something of a free fact."""


def leaves_of(node: Predicate) -> Iterator[Test | Compare | Opaque | Constant]:
    """All predicates of a condition, those of named conditions too, in the order in which they are tried."""
    waiting = [node]
    while waiting:
        match waiting.pop():
            case Test() | Compare() | Opaque() | Constant() as leaf:
                yield leaf
            case All(children) | Any(children):
                waiting += reversed(children)
            case Not(child) | Reference(_, child):
                waiting.append(child)
            case other:
                assert_never(other)


def facts_of(node: Predicate) -> frozenset[str]:
    """The facts a condition reads."""
    found: set[str] = set()
    for leaf in leaves_of(node):
        if isinstance(leaf, Test):
            found.add(leaf.fact)
        elif not isinstance(leaf, Constant):
            found.update(leaf.facts)
    return frozenset(found)


def tier_of(fact: str) -> int:
    """What a fact costs, by its row."""
    spec = spec_of(fact)
    return 0 if spec is None else spec.tier


def may_fail(node: Predicate) -> bool:
    """Whether evaluating a condition can fail."""
    return any(isinstance(leaf, Opaque) and leaf.may_fail for leaf in leaves_of(node))


def cheapest_first(children: Iterable[Predicate]) -> tuple[Predicate, ...]:
    """The children as they are to be tried: what cannot fail first, then by cost, then as written.

    A time or a share costs a little more than other free facts: it is computed, and the time may not be given.

    INVARIANT: a child that can fail is not reached where another one decides.
    """
    return tuple(sorted(children, key=_price))


def _price(node: Predicate) -> tuple[bool, int, bool]:
    if isinstance(node, Test):
        return False, tier_of(node.fact), node.operator in COMPUTED_OPERATORS
    fails, tier, computed = False, 0, False
    for leaf in leaves_of(node):
        if isinstance(leaf, Test):
            tier = max(tier, tier_of(leaf.fact))
            computed = computed or leaf.operator in COMPUTED_OPERATORS
        elif not isinstance(leaf, Constant):
            tier = max((tier, *map(tier_of, leaf.facts)))
            fails = fails or (isinstance(leaf, Opaque) and leaf.may_fail)
    return fails, tier, computed
