"""303 and 304: rules and predicates without which every request is decided as before."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import reduce

from msgspec import Struct, field

from rules.analysis.budget import Spent
from rules.analysis.edits import Source
from rules.analysis.prove import Prover
from rules.analysis.space import EVERYTHING, Region, TooMany, meet
from rules.analysis.unreached import Unreached
from rules.analysis.wording import owner_of, said_of
from rules.nodes import All, Any, Compare, Not, Opaque, Predicate, Reference, Rule, Test
from schemas.codes import finding
from schemas.diagnostics import Diagnostic, Fix
from schemas.wording import quoted


def redundant(prover: Prover, source: Source, reach: Unreached, constant: set[int]) -> Iterator[Diagnostic]:
    """Rules first; of those that do change something, predicates that do not. `constant` are parts with their own finding."""
    listing = prover.listing
    # rules that are never reached stay in: one of them may be reached once another rule is gone
    gone = 0
    for number, outcome in enumerate(listing.outcomes):
        entry = outcome.entry
        if number in reach.dead or outcome.kind != "rule" or not isinstance(entry, Rule):
            continue
        if prover.boxes.sides_of(entry.condition).breaks:
            continue
        if number not in reach.needed and _changes_nothing(prover, outcome.region, number, gone):
            gone |= listing.bits(number)
            edits = source.rule_removed(entry.index)
            yield finding(
                "CCR303",
                f"{owner_of(outcome)} changes nothing: without it, every request goes where it goes now",
                entry.span,
                help="remove it",
                fix=None if edits is None else Fix(True, edits),
                data={"rule": outcome.name},
            )
            continue
        for part in _Parts(prover, number, gone, constant).without_effect(entry.condition):
            edits = source.part_removed(entry.index, part.span)
            yield finding(
                "CCR304",
                f"{quoted(said_of(part))} changes nothing in {owner_of(outcome)}",
                part.span,
                help="without it, every request goes where it goes now",
                fix=None if edits is None else Fix(True, edits),
                data={"rule": outcome.name},
            )


def _changes_nothing(prover: Prover, region: Region, number: int, gone: int) -> bool:
    """Whether a rule may take or leave a region without any request going elsewhere."""
    listing = prover.listing
    try:
        return listing.differing(region, number, listing.before(number) & ~gone, gone) is None
    except Spent:
        prover.budget.unproven += 1
        return False


class _Parts(Struct):
    """The predicates of one rule, tried one after the other; what was found to have no effect stays out."""

    prover: Prover
    number: int
    gone: int
    constant: set[int]
    # by id: the rule holds them all
    removed: set[int] = field(default_factory=set)

    def without_effect(self, node: Predicate, where: Region = EVERYTHING) -> Iterator[Predicate]:
        """The parts of a condition without effect; `where` is the region in which the condition matters."""
        if isinstance(node, Not):
            yield from self.without_effect(node.child, where)
        if not isinstance(node, All | Any) or len(node.children) == 1:
            return
        if self.prover.budget.is_spent:
            self.prover.budget.unproven += len(node.children)
            return
        for child in node.children:
            if id(child) in self.constant:
                continue
            try:
                # a new question
                self.prover.budget.ask()
                self.prover.budget.step(len(node.children))
                rest = [one for one in node.children if one is not child and id(one) not in self.removed]
                if not rest:
                    continue
                matters = meet(where, self._others(rest, isinstance(node, All)), self.prover.budget)
                sides = self.prover.boxes.sides_of(child)
                changed = meet(
                    matters, sides.fails_to_hold if isinstance(node, All) else sides.holds, self.prover.budget
                )
            except TooMany:
                continue
            except Spent:
                self.prover.budget.unproven += 1
                continue
            removable = isinstance(child, Test | Compare | Opaque | Reference | All | Any)
            if removable and not _changes_nothing(self.prover, changed, self.number, self.gone):
                yield from self.without_effect(child, matters)
            elif changed and self.prover.is_empty(changed):
                # other facts say so already: a predicate for the reader, such as `thinking: enabled` beside a budget
                continue
            elif removable:
                self.removed.add(id(child))
                yield child
            else:
                yield from self.without_effect(child, matters)

    def _others(self, rest: Sequence[Predicate], conjunction: bool) -> Region:
        sides = [self.prover.boxes.sides_of(one) for one in rest]
        regions = [one.holds if conjunction else one.fails_to_hold for one in sides]
        return reduce(lambda one, other: meet(one, other, self.prover.budget), regions, EVERYTHING)
