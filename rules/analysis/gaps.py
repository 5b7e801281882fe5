"""312: a number between `> n` and `< n` that neither takes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeAlias

from rules.analysis.budget import Spent
from rules.analysis.certify import Witness
from rules.analysis.listing import Listing
from rules.analysis.prove import Prover
from rules.analysis.scales import Scale
from rules.analysis.solve import Found, solve
from rules.analysis.space import Box, both
from rules.analysis.wording import owner_of, shown_in
from rules.cost import leaves_of
from rules.nodes import Rule, Test
from schemas.codes import finding
from schemas.diagnostics import Diagnostic, Label, Span
from schemas.wording import quoted

_Bounds: TypeAlias = dict[int, dict[str, list[tuple[int, Span]]]]
"""Number -> operator -> the outcomes that compare strictly with it, and where."""

MAX_PAIRS = 100_000
"""Pairs of rules with a number between them that are looked at."""


def gaps(prover: Prover, dead: set[int]) -> Iterator[Diagnostic]:
    """The findings, one for each number and fact."""
    scales = {fact: axis for fact, axis in prover.atoms.axes.items() if isinstance(axis, Scale)}
    strict = _strict_bounds(prover, scales.keys(), dead)
    looks = iter(range(MAX_PAIRS))
    for fact, axis in scales.items():
        for bound, sides in sorted(strict[fact].items()):
            if not all(sides.values()):
                continue
            place = _piece_of(axis, bound)
            if place is None or not 0 < place < len(axis.spans) - 1:
                continue
            found = _gap(prover, axis, place, sides, looks)
            if found is not None:
                yield found


def _piece_of(axis: Scale, number: int) -> int | None:
    """The piece that is just this number."""
    for place, span in enumerate(axis.spans):
        if span is not None and span[0] == number == span[1]:
            return place
    return None


def _strict_bounds(prover: Prover, facts: Iterable[str], dead: set[int]) -> dict[str, _Bounds]:
    """Those of each fact."""
    bounds: dict[str, _Bounds] = {fact: {} for fact in facts}
    for number, outcome in enumerate(prover.listing.outcomes):
        if number in dead or not isinstance(outcome.entry, Rule) or outcome.kind != "rule":
            continue
        for leaf in leaves_of(outcome.entry.condition):
            if isinstance(leaf, Test) and leaf.fact in bounds:
                for operator, bound in _ends(leaf):
                    sides = bounds[leaf.fact].setdefault(bound, {name: [] for name in ("gt", "lt")})
                    sides[operator].append((number, leaf.span))
    return bounds


def _ends(leaf: Test) -> list[tuple[str, int]]:
    """The numbers that a comparison just leaves out, and on which side of them it holds."""
    if leaf.operator in ("gt", "lt") and isinstance(leaf.operand, int):
        return [(leaf.operator, leaf.operand)]
    if leaf.operator == "between" and isinstance(leaf.operand, tuple) and isinstance(leaf.operand[1], int):
        return [("lt", leaf.operand[1])]
    return []


def _gap(
    prover: Prover, axis: Scale, place: int, sides: dict[str, list[tuple[int, Span]]], looks: Iterator[int]
) -> Diagnostic | None:
    listing, variable = prover.listing, axis.variable
    uppers, lowers = (
        [(number, span, box) for number, span in sides[end] for box in _beside(listing, variable, place, near, number)]
        for end, near in (("gt", 1), ("lt", -1))
    )
    for above, above_span, one in uppers:
        for below, below_span, other in lowers:
            if above == below:
                continue
            if next(looks, None) is None:
                prover.budget.unproven += 1
                return None
            # where one rule would take the next larger number and the other the next smaller one, but neither this
            box = both(one, other, {variable: 1 << place})
            witness = None if box is None else _witness(prover, variable, place, box, above, below)
            if witness is not None:
                return _finding(prover, axis, place, (above, below), (above_span, below_span), witness)
    return None


def _beside(listing: Listing, variable: int, place: int, near: int, number: int) -> Iterator[Box]:
    """Where a rule takes the number next to a piece but not that piece, whatever the number."""
    for box in listing.outcomes[number].region:
        mask = box.get(variable, 0)
        if mask >> place + near & 1 and not mask >> place & 1:
            yield listing.atoms.space.but(box, variable)


def _witness(prover: Prover, variable: int, place: int, box: Box, above: int, below: int) -> Witness | None:
    listing = prover.listing
    try:
        prover.budget.ask()
        found = solve(listing.field, box, listing.before(max(above, below)), prover.budget)
        if not isinstance(found, Found):
            return None
        point = listing.point(found)
        here = listing.outcomes[listing.decided(point)]
        higher, lower = ({**point, variable: 1 << place + near} for near in (1, -1))
        if listing.decided(higher) != above or listing.decided(lower) != below:
            return None
        if here.kind == "filter" or here.key in (listing.outcomes[above].key, listing.outcomes[below].key):
            return None
        witness = prover.certifier.witness(found.domains, lambda decision: decision.rule == here.name)
    except Spent:
        prover.budget.unproven += 1
        return None
    return witness if isinstance(witness, Witness) else None


def _finding(
    prover: Prover, axis: Scale, place: int, rules: tuple[int, int], spans: tuple[Span, Span], witness: Witness
) -> Diagnostic:
    above, below = (prover.listing.outcomes[number] for number in rules)
    span = axis.spans[place]
    assert span is not None
    first, second = sorted(zip(spans, (above, below), strict=True), key=lambda pair: pair[0])
    return finding(
        "CCR312",
        f"{owner_of(above)} and {owner_of(below)} leave out the requests with {axis.fact} {span[0]}",
        second[0],
        help=f"write `>=` or `<=` in one of them; it goes to {quoted(witness.decision.rule)}",
        labels=(Label(first[0], "the other side"),),
        data={"rule": second[1].name, **shown_in(witness)},
    )
