"""What changes between two rule sets, for all requests: who goes elsewhere, with one request each, or that nobody does."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from rules.analysis.budget import Budget, Spent
from rules.analysis.certify import MAX_TRIES, Witness
from rules.analysis.described import described
from rules.analysis.field import Field
from rules.analysis.listing import Outcome
from rules.analysis.offered import Providers
from rules.analysis.prove import Prover, without
from rules.analysis.ready import provers_of
from rules.analysis.solve import Nowhere, solve
from rules.analysis.space import Box, both
from rules.facts import Facts
from rules.nodes import Decision, RuleSet
from rules.requests.bodies import envelope_of


class Change(Struct, frozen=True):
    """Requests that `old` decided and `new` decides now, to another target; `witness` is one of them, decided by the old rules.

    `region` says where such requests are, in the words of both conditions.
    """

    old: Outcome
    new: Outcome
    witness: Witness
    decision: Decision
    region: str


class Difference(Struct, frozen=True):
    """All changes; `proved`: there are no others. No changes and proved: nothing changes for any request."""

    changes: tuple[Change, ...]
    proved: bool

    @property
    def is_nothing(self) -> bool:
        """Whether it is proved that nothing changes."""
        return self.proved and not self.changes


def difference(
    old: tuple[RuleSet, Providers], new: tuple[RuleSet, Providers], budget: Budget | None = None, *, most: int = 1_000
) -> Difference:
    """What changes from one rule set to another; the search ends after `most` changes."""
    budget = budget or Budget()
    before, after = provers_of([old, new], budget)
    comparison = _Comparison(before, after, budget)
    changes: list[Change] = []
    for change in comparison.changes():
        changes.append(change)
        if len(changes) >= most:
            return Difference(tuple(changes), False)
    return Difference(tuple(changes), comparison.proved)


class _Comparison:
    """Both rule sets over one field: the boxes without requests, the old outcomes' boxes, the new ones'."""

    def __init__(self, before: Prover, after: Prover, budget: Budget) -> None:
        self.before, self.after, self.budget = before, after, budget
        self.proved = True
        one, two = before.listing, after.listing
        self._shift = len(one.field.boxes)
        self._none = len(before.atoms.space.impossible)
        new_boxes: list[Box] = [box for outcome in two.outcomes for box in outcome.region]
        self.field = Field(before.atoms.space, [*one.field.boxes, *new_boxes])

    def changes(self) -> Iterator[Change]:
        """One for each pair of an old and a new outcome that some request goes from and to."""
        outcomes = self.after.listing.outcomes
        for number, outcome in enumerate(self.before.listing.outcomes):
            done: set[int] = set()
            for box in outcome.region:
                for other in self._new_owners(self.field.touched_by(box)):
                    if other not in done and outcomes[other].key != outcome.key:
                        found = self._change(box, number, other)
                        if found is not None:
                            done.add(other)
                            yield found

    def _change(self, box: Box, number: int, other: int) -> Change | None:
        """A request in a box that an old outcome decides, and a new one with another route."""
        one, two = self.before.listing, self.after.listing
        missing = one.before(number) | self._new(two.before(other))
        old, new = one.outcomes[number], two.outcomes[other]
        try:
            self.budget.ask()
            for part in new.region:
                common = both(box, part)
                waiting = [] if common is None else [common]
                tries = 0
                while waiting:
                    start = waiting.pop(0)
                    found = solve(self.field, start, missing, self.budget)
                    if isinstance(found, Nowhere):
                        continue
                    made = self.before.certifier.witness(found.domains, lambda decision: decision.rule == old.name)
                    if isinstance(made, Witness):
                        decision = self.after.certifier.decide(Facts(envelope_of(made.shape)))
                        if decision.rule == new.name:
                            assert common is not None
                            return Change(old, new, made, decision, self._region(common, number, other))
                    self.proved = False
                    tries += 1
                    if isinstance(made, Witness) or tries > MAX_TRIES:
                        break
                    waiting = [*without(start, made.box, self.field.space.full), *waiting]
        except Spent:
            self.proved = False
        return None

    def _region(self, box: Box, number: int, other: int) -> str:
        """A box in words, without what the other version of either outcome takes before: where a bound moved, up to there."""
        one, two = self.before.listing.outcomes, self.after.listing.outcomes
        said = [one[number], two[other]]
        for name, earlier in ((one[number].name, two[:other]), (two[other].name, one[:number])):
            for outcome in earlier:
                if outcome.name == name and outcome.entry is not None:
                    fails = self.before.boxes.sides_of(outcome.entry.condition).fails_to_hold
                    rest = [common for part in fails if (common := both(box, part)) is not None]
                    if len(rest) == 1 and rest[0] != box:
                        box, said = rest[0], [*said, outcome]
        return described(box, said, self.before.boxes)

    def _new(self, boxes: int) -> int:
        """Boxes of the new listing in the common field."""
        return boxes >> self._none << self._shift

    def _new_owners(self, boxes: int) -> list[int]:
        return self.after.listing.owners(boxes >> self._shift << self._none)
