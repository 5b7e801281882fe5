"""What a condition reads and what that costs; the order in which conjunctions and disjunctions are tried."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TypeAlias, assert_never

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


Price: TypeAlias = tuple[bool, int, bool]
"""Whether trying a condition can fail, the highest tier of its facts, and whether it computes something of a free fact."""


def cheapest_first(children: Iterable[Predicate], named: Mapping[str, Price]) -> tuple[Predicate, ...]:
    """The children as they are to be tried: what cannot fail first, then by cost, then as written.

    A time or a share costs a little more than other free facts: it is computed, and the time may not be given.
    `named` are the prices of the named conditions, which may stand for many others.

    INVARIANT: a child that can fail is not reached where another one decides.
    """
    return tuple(sorted(children, key=lambda child: price_of(child, named)))


def sorted_by_cost(node: Predicate) -> Predicate:
    """The predicate of an expression with every conjunction and disjunction in the order of cost."""
    match node:
        case All(children, span):
            return All(cheapest_first(map(sorted_by_cost, children), {}), span)
        case Any(children, span):
            return Any(cheapest_first(map(sorted_by_cost, children), {}), span)
        case Not(child, span):
            return Not(sorted_by_cost(child), span)
        case _:
            return node


def price_of(node: Predicate, named: Mapping[str, Price]) -> Price:
    """The price of a condition: the most that any part of it costs."""
    match node:
        case Test():
            return False, tier_of(node.fact), node.operator in COMPUTED_OPERATORS
        case Compare() | Opaque():
            fails = isinstance(node, Opaque) and node.may_fail
            return fails, max(map(tier_of, node.facts), default=0), False
        case Constant():
            return False, 0, False
        case Reference(name):
            return named[name]
        case Not(child):
            return price_of(child, named)
        case All(children) | Any(children):
            prices = [price_of(child, named) for child in children]
            return (
                any(fails for fails, _, _ in prices),
                max((tier for _, tier, _ in prices), default=0),
                any(computed for _, _, computed in prices),
            )
        case _:
            assert_never(node)
