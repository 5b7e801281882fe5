"""305, off by default: rules that share requests with an earlier one and send the rest elsewhere."""

from __future__ import annotations

from collections.abc import Iterator

from rules.analysis.budget import Spent
from rules.analysis.prove import Prover
from rules.analysis.space import both, inside
from rules.analysis.wording import owner_of
from rules.nodes import Rule
from schemas.codes import finding
from schemas.diagnostics import Diagnostic, Label
from schemas.wording import listed

_NAMED = 5


def overlaps(prover: Prover, dead: set[int]) -> Iterator[Diagnostic]:
    """One finding for each rule, with all earlier rules it overlaps."""
    listing = prover.listing
    for number, outcome in enumerate(listing.outcomes):
        entry = outcome.entry
        if number in dead or outcome.kind != "rule" or not isinstance(entry, Rule):
            continue
        near = 0
        for box in outcome.region:
            near |= listing.field.touched_by(box)
        others = [
            other
            for other in listing.owners(near & listing.before(number))
            if listing.outcomes[other].key != outcome.key
            and listing.outcomes[other].kind != "filter"
            and _partly(prover, other, number)
        ]
        if others:
            names = [listing.outcomes[other].name for other in others]
            yield finding(
                "CCR305",
                f"{owner_of(outcome)} overlaps {listed(names[:_NAMED], 'and')}{f' and {len(names) - _NAMED} more' if len(names) > _NAMED else ''}",
                entry.span,
                help="what both accept goes to the earlier one",
                labels=tuple(
                    Label(one.span, "overlaps")
                    for other in others[:_NAMED]
                    if (one := listing.outcomes[other].entry) is not None
                ),
                data={"rule": outcome.name, "overlaps": names},
            )


def _partly(prover: Prover, one: int, other: int) -> bool:
    """Whether two rules share a request and neither contains the other."""
    first, second = (prover.listing.outcomes[number].region for number in (one, other))
    if all(any(inside(box, outer) for outer in first) for box in second):
        return False
    if all(any(inside(box, outer) for outer in second) for box in first):
        return False
    shared = [common for box in first for part in second if (common := both(box, part)) is not None]
    try:
        return prover.listing.first_in(shared, prover.listing.impossible) is not None
    except Spent:
        return False
