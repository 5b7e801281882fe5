"""A box in the words of the conditions that it was made of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import assert_never

from msgspec.structs import replace

from rules.analysis.boxes import Boxes
from rules.analysis.listing import Outcome
from rules.analysis.space import Box, Region, inside
from rules.analysis.wording import said_of
from rules.facts import spec_of
from rules.nodes import All, Any, Compare, Constant, Not, Opaque, Predicate, Reference, Test

ALL = "all that no earlier rule takes"
_IS = "is "
_OPPOSITE: Mapping[str, str] = {"gt": "lte", "gte": "lt", "lt": "gte", "lte": "gt"}


def described(box: Box, outcomes: Iterable[Outcome], boxes: Boxes) -> str:
    """What holds throughout a box of what the predicates of some outcomes ask: `stream is true and toolCount <= 5`.

    That earlier rules take none of it goes without saying.
    """
    said: dict[str, str] = {}
    for outcome in outcomes:
        if outcome.entry is not None:
            said.update(_holding(outcome.entry.condition, box, boxes))
        elif outcome.places:
            provider, model = outcome.places[0]
            said[f"the client chooses {provider},{model or 'any model'}"] = ""
    known = {fact.removeprefix(_IS) for fact in said.values() if fact.startswith(_IS)}
    return " and ".join(text for text, fact in said.items() if fact not in known) or ALL


def _holding(node: Predicate, box: Box, boxes: Boxes) -> Iterator[tuple[str, str]]:
    """The verdicts that all requests in a box have in common, each with the fact of which it says something.

    A fact behind `_IS` has one value, so that nothing else needs to be said of it.
    """
    match node:
        case Test() | Compare() | Opaque():
            sides = boxes.sides_of(node)
            if _throughout(box, sides.holds):
                is_value = isinstance(node, Test) and node.operator == "eq" and not node.ignore_case
                yield said_of(node), f"{_IS}{node.fact}" if isinstance(node, Test) and is_value else ""
            elif _throughout(box, sides.fails_to_hold):
                yield _unsaid(node), node.fact if isinstance(node, Test) else ""
        case All(children) | Any(children):
            found = [text for child in children for text in _holding(child, box, boxes)]
            yield from found
            if not found and isinstance(node, Any) and children:
                yield f"({' or '.join(map(said_of, children))})", ""
        case Not(child) | Reference(_, child):
            yield from _holding(child, box, boxes)
        case Constant():
            return
        case _:
            assert_never(node)


def _unsaid(node: Test | Compare | Opaque) -> str:
    """That a predicate does not hold; of a fact that is always there as what does hold."""
    spec = spec_of(node.fact) if isinstance(node, Test) else None
    if isinstance(node, Test) and spec is not None and not spec.optional:
        if node.operator in _OPPOSITE:
            return said_of(replace(node, operator=_OPPOSITE[node.operator]))
        if node.operator == "eq" and isinstance(node.operand, bool):
            return said_of(replace(node, operand=not node.operand))
    return f"not {said_of(node)}"


def _throughout(box: Box, region: Region) -> bool:
    return any(inside(box, other) for other in region)
