"""How findings name rules, predicates and what is shown."""

from __future__ import annotations

from collections.abc import Sequence

from rules.analysis.certify import Witness
from rules.analysis.listing import Outcome
from rules.leaves import placed_leaves
from rules.nodes import All, Any, Compare, Constant, Not, Opaque, Predicate, Reference, Test
from rules.operators import wanted_of
from schemas.wording import listed, quoted

_LONGEST = 70


def said_of(node: Predicate) -> str:
    """A predicate in words: `toolCount > 5`."""
    match node:
        case Test(fact=fact):
            return f"{fact} {wanted_of(node)}"
        case Compare(source=source) | Opaque(source=source):
            return source
        case Constant(value=value):
            return "always" if value else "always: false"
        case Reference(name=name):
            return f"ref {name}"
        case Not(child=child):
            return f"not {said_of(child)}"
        case All(()):
            return "all of no conditions"
        case Any(()):
            return "one of no conditions"
        case _:
            return " and ".join(said_of(placed.leaf) for placed in placed_leaves(node)[:3])


def clash_of(core: Sequence[Predicate]) -> str:
    """Why no request meets all of some predicates, of which none can be left out."""
    said = [said_of(part) for part in core]
    if len(said) == 1:
        return f"{quoted(said[0])} never holds"
    return f"{listed(said, 'and')} exclude {'each other' if len(said) == 2 else 'one another'}"


def takes(outcome: Outcome) -> str:
    """What an outcome takes, for a label: `takes requests with stream is true`."""
    if outcome.entry is None:
        return "takes what the client chooses"
    condition = outcome.entry.condition
    parts = condition.children if isinstance(condition, All) else (condition,)
    simple = [said_of(part) for part in parts if isinstance(part, Test | Reference | Compare)]
    said = " and ".join(simple)
    if len(simple) == len(parts) and len(said) <= _LONGEST:
        return f"takes requests with {said}"
    if isinstance(condition, Constant):
        return "takes every request"
    return "takes some of them"


def owner_of(outcome: Outcome) -> str:
    """`rule x`, `category x` or `filter x`, as a message names it."""
    return f"{outcome.kind if outcome.kind in ('category', 'filter') else 'rule'} {quoted(outcome.name)}"


def shown_in(witness: Witness) -> dict[str, object]:
    """A witness as findings carry it: the request, and one line about it."""
    return {"witness": witness.data, "proof": witness.line}
