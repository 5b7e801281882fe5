"""A box in the words of the conditions that it was made of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import assert_never

from rules.analysis.boxes import Boxes
from rules.analysis.listing import Outcome
from rules.analysis.space import Box, Region, inside
from rules.analysis.wording import said_of
from rules.nodes import All, Any, Compare, Constant, Not, Opaque, Predicate, Reference, Test

ALL = "all that no earlier rule takes"


def described(box: Box, outcomes: Iterable[Outcome], boxes: Boxes) -> str:
    """What holds throughout a box of what the predicates of some outcomes ask: `stream is true and not toolCount > 5`.

    That earlier rules take none of it goes without saying.
    """
    said: dict[str, None] = {}
    for outcome in outcomes:
        if outcome.entry is not None:
            said.update(dict.fromkeys(_holding(outcome.entry.condition, box, boxes)))
        elif outcome.places:
            provider, model = outcome.places[0]
            said[f"the client chooses {provider},{model or 'any model'}"] = None
    return " and ".join(said) or ALL


def _holding(node: Predicate, box: Box, boxes: Boxes) -> Iterator[str]:
    """The verdicts that all requests in a box have in common."""
    match node:
        case Test() | Compare() | Opaque():
            sides = boxes.sides_of(node)
            if _throughout(box, sides.holds):
                yield said_of(node)
            elif _throughout(box, sides.fails_to_hold):
                yield f"not {said_of(node)}"
        case All(children) | Any(children):
            found = [text for child in children for text in _holding(child, box, boxes)]
            yield from found
            if not found and isinstance(node, Any) and children:
                yield f"({' or '.join(map(said_of, children))})"
        case Not(child) | Reference(_, child):
            yield from _holding(child, box, boxes)
        case Constant():
            return
        case _:
            assert_never(node)


def _throughout(box: Box, region: Region) -> bool:
    return any(inside(box, other) for other in region)
