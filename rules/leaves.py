"""The predicates of a condition one by one, in the order in which they are written."""

from __future__ import annotations

from collections.abc import Iterator
from typing import assert_never

from msgspec import Struct

from rules.evaluate import Leaf
from rules.nodes import All, Any, Compare, Constant, Not, Opaque, Predicate, Reference, Test


class Placed(Struct, frozen=True):
    """A predicate and whether it stands under a negation."""

    leaf: Leaf
    negated: bool


def placed_leaves(node: Predicate) -> list[Placed]:
    """All predicates of a condition, as written; those of a named condition where it is referred to."""
    return list(_walk(node, False))


def _walk(node: Predicate, negated: bool) -> Iterator[Placed]:
    match node:
        case Test() | Compare() | Opaque() | Constant():
            yield Placed(node, negated)
        case All(children) | Any(children):
            for child in sorted(children, key=lambda child: child.span):
                yield from _walk(child, negated)
        case Not(child):
            yield from _walk(child, not negated)
        case Reference(_, child):
            yield from _walk(child, negated)
        case _:
            assert_never(node)
