"""Questions about a rule set with their proofs: who is reached, by which request; who is not, because of whom."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from msgspec import Struct

from rules.analysis.atoms import Atoms
from rules.analysis.bits import bits_of
from rules.analysis.boxes import Boxes
from rules.analysis.budget import Budget, Spent
from rules.analysis.certify import MAX_TRIES, Certifier, Witness
from rules.analysis.listing import Listing
from rules.analysis.offered import Providers
from rules.analysis.plain import Plain
from rules.analysis.solve import Found, Nowhere, solve
from rules.analysis.space import Box, Region
from rules.nodes import Decision, RuleSet

MAX_PARTS = 20_000


class Never(Struct, frozen=True):
    """No request does; `boxes` show it, as bits of the field."""

    boxes: int


class Unproven(Struct, frozen=True):
    """Neither shown nor refuted, and why."""

    reason: str


class Surely(Struct, frozen=True):
    """Some request does: the facts it needs do not depend on one another. None was made."""

    domains: Sequence[int]


Answer = Witness | Never | Unproven


class Prover(Struct, frozen=True):
    """A rule set, ready to be asked about."""

    rules: RuleSet
    providers: Providers
    atoms: Atoms
    boxes: Boxes
    listing: Listing
    certifier: Certifier
    plain: Plain
    budget: Budget

    def reach(self, number: int) -> Answer:
        """Whether some request gets an outcome, with such a request."""
        outcome = self.listing.outcomes[number]
        return self.some(outcome.region, self.listing.before(number), lambda decision: decision.rule == outcome.name)

    def never(self, number: int) -> Never | Found | Unproven:
        """That no request gets an outcome, or a point that is left for it."""
        try:
            found = self.listing.found_in(self.listing.outcomes[number].region, self.listing.before(number))
        except Spent:
            return self._unproven("the budget is spent")
        return found if isinstance(found, Found) else Never(found.used)

    def is_reached(self, number: int) -> Answer | Surely:
        """The same, with no request made where one is certain to be there."""
        try:
            found = self.listing.first_in(self.listing.outcomes[number].region, self.listing.before(number))
            if found is not None and self.plain.has(found):
                return Surely(found.domains)
        except Spent:
            return self._unproven("the budget is spent")
        return self.reach(number)

    def some(self, region: Region, missing: int, wants: Callable[[Decision], bool]) -> Answer:
        """A request in a region, in none of the boxes, that is decided as wanted."""
        waiting = list(region)
        tries = reasons = 0
        try:
            self.budget.ask()
            while waiting:
                box = waiting.pop(0)
                found = solve(self.listing.field, box, missing, self.budget)
                if isinstance(found, Nowhere):
                    reasons |= found.used
                    continue
                made = self.certifier.witness(found.domains, wants)
                if isinstance(made, Witness):
                    return made
                tries += 1
                if tries > MAX_TRIES:
                    return self._unproven("no request was made that shows it")
                waiting[:0] = without(box, made.box, self.atoms.space.full)
        except Spent:
            return self._unproven("the budget is spent")
        return self._unproven("no request was made that shows it") if tries else Never(reasons)

    def _unproven(self, reason: str) -> Unproven:
        self.budget.unproven += 1
        return Unproven(reason)

    def blockers(self, number: int, boxes: int) -> tuple[list[int], int] | None:
        """A smallest set of earlier outcomes that leave nothing of one, and the boxes that show it.

        Dropping any of them leaves something. None where the budget is spent or the second opinion differs.
        """
        listing = self.listing
        region = listing.outcomes[number].region
        kept = listing.owners(boxes)
        bits = sum(map(listing.bits, kept)) | listing.impossible
        try:
            for other in list(kept):
                if not bits & listing.bits(other):
                    continue
                reasons = listing.reasons(region, bits & ~listing.bits(other))
                if reasons is not None:
                    boxes = reasons
                    kept = listing.owners(reasons)
                    self.budget.work(len(kept))
                    bits = sum(map(listing.bits, kept)) | listing.impossible
            if not self._covered(region, boxes):
                return None
        except Spent:
            self.budget.unproven += 1
            return None
        return kept, boxes

    def is_empty(self, region: Region) -> bool:
        """Whether no request is in a region at all; both routines must say so."""
        everyday = self.listing.everyday
        return not any(map(everyday.is_in, region)) and self.is_taken(region, self.listing.impossible)

    def is_taken(self, region: Region, boxes: int) -> bool:
        """Whether no request is in a region and in none of some boxes; both routines must say so."""
        if self.budget.is_spent:
            self.budget.unproven += 1
            return False
        try:
            reasons = self.listing.reasons(region, boxes)
            return reasons is not None and self._covered(region, reasons)
        except Spent:
            self.budget.unproven += 1
            return False

    def _covered(self, region: Region, boxes: int) -> bool:
        listed = [self.listing.field.boxes[bit] for bit in bits_of(boxes)]
        return covered(region, listed, self.atoms.space.full, self.budget)


def without(box: Box, other: Box, full: Sequence[int]) -> list[Box]:
    """What of a box is not in another one, as boxes that do not overlap."""
    parts: list[Box] = []
    rest: dict[int, int] = dict(box)
    for variable, mask in other.items():
        domain = rest.get(variable, full[variable])
        if not domain & mask:
            return [box]
        if domain & ~mask:
            parts.append({**rest, variable: domain & ~mask})
            rest[variable] = domain & mask
    return parts


def covered(region: Iterable[Box], boxes: Sequence[Box], full: Sequence[int], budget: Budget) -> bool:
    """Whether boxes leave nothing of a region: the second opinion, by cutting box after box away. Raises `Spent`."""
    parts = list(region)
    budget.work(len(boxes))
    for box in _nearest_first(parts, boxes):
        budget.work(2 * len(parts))
        parts = [rest for part in parts for rest in without(part, box, full)]
        if len(parts) > MAX_PARTS:
            raise Spent
        if not parts:
            return True
    return not parts


def _nearest_first(region: list[Box], boxes: Iterable[Box]) -> Iterator[Box]:
    """The boxes with the fewest variables that the region leaves free first: they cut least."""
    named = {variable for box in region for variable in box}
    yield from sorted(boxes, key=lambda box: sum(variable not in named for variable in box))
