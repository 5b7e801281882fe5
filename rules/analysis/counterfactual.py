"""What of one request would have to be different so that a rule takes it, shown by a request, or the proof that nothing would.

point of the request -> nearest point at which the rule decides -> the request revised -> read and decided again
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

from msgspec import Struct
from msgspec.structs import replace

from rules.analysis.budget import Budget, Spent
from rules.analysis.certify import BYTES_A_STEP, Unmade
from rules.analysis.locate import Locator
from rules.analysis.nearest import Nearby, Nearest, change_of, owners_of
from rules.analysis.prove import Prover
from rules.evaluate import UnknownFact
from rules.facts import MISSING, UNKNOWN, Facts, Seen
from rules.filters import filtered
from rules.nodes import Decision
from rules.requests.bodies import envelope_of
from rules.requests.revise import revisions, unchosen
from rules.requests.shapes import Shape
from rules.requests.wanted import Wanted
from schemas.request import BadRequest

MAX_TRIES = 12
"""Points that are made into requests before a question is given up."""


class Changed(Struct, frozen=True):
    """One fact before and after."""

    fact: str
    before: Seen
    after: Seen


class Reached(Struct, frozen=True):
    """The request after the changes, decided as wanted. `changes` are all facts that differ in a way that rules can tell.

    `facts` are those behind the filters, which let it pass.
    """

    number: int
    changes: tuple[Changed, ...]
    shape: Shape
    decision: Decision
    facts: Facts


class Unreachable(Struct, frozen=True):
    """No request at all is decided so; `blockers` are outcomes that take every one, none of them by itself to spare."""

    blockers: tuple[int, ...]


class Unsettled(Struct, frozen=True):
    """Neither shown nor refuted, and why."""

    reason: str


Counterfactual = Reached | Unreachable | Unsettled


class Prepared(Struct, frozen=True):
    """A rule set ready to be asked about request after request. `owners` are those of `owners_of`."""

    prover: Prover
    locator: Locator
    owners: Sequence[tuple[str, ...]]


class Subject(Struct, frozen=True):
    """The request that is asked about. `fresh` gives it as it came, as JSON, each time anew.

    `facts` and `point` are its own behind the filters.
    """

    fresh: Callable[[], Shape]
    facts: Facts
    point: Mapping[int, int]


def prepared(prover: Prover) -> Prepared:
    """A prover with what its questions have in common."""
    return Prepared(prover, Locator(prover.atoms, prover.rules), owners_of(prover.atoms))


def counterfactual(ready: Prepared, subject: Subject, numbers: Sequence[int], budget: Budget) -> Counterfactual:
    """The least change with which one of some outcomes decides a request; which of them, `Reached` says.

    `budget` is for the search and the requests made by it; what is proved of all requests is paid by the prover's own.
    """
    try:
        if all(_is_empty(ready.prover, number) for number in numbers):
            return _never(ready.prover, numbers)
        return _Search(ready, subject, numbers, budget).found()
    except Spent:
        return Unsettled("the budget is spent")


def _is_empty(prover: Prover, number: int) -> bool:
    listing = prover.listing
    return listing.reasons(listing.outcomes[number].region, listing.before(number)) is not None


def _never(prover: Prover, numbers: Sequence[int]) -> Unreachable | Unsettled:
    blockers: dict[int, None] = {}
    for number in numbers:
        listing = prover.listing
        reasons = listing.reasons(listing.outcomes[number].region, listing.before(number))
        shown = None if reasons is None else prover.blockers(number, reasons)
        if shown is None:
            return Unsettled("the budget is spent")
        blockers.update(dict.fromkeys(shown[0]))
    return Unreachable(tuple(sorted(blockers)))


class _Search:
    def __init__(self, ready: Prepared, subject: Subject, numbers: Sequence[int], budget: Budget) -> None:
        self.ready, self.prover, self.subject, self.budget = ready, ready.prover, subject, budget
        budget.ask()
        self.nearest = Nearest(self.prover.listing, ready.owners, subject.point, numbers, budget)

    def found(self) -> Counterfactual:
        tries = 0
        while tries < MAX_TRIES and (nearby := self.nearest.next()) is not None:
            tries += 1
            made = self._made(nearby)
            if made is not None:
                return made
        if self.nearest.gave_up:
            return Unsettled("there are too many combinations of changes")
        return Unsettled(
            "no request was made that shows it" if tries else "the facts that are not given stand in the way"
        )

    def _made(self, nearby: Nearby) -> Reached | None:
        """A request revised as a point says and decided as wanted; else what else changed on the way is queued."""
        wanted = self._wanted(nearby)
        if wanted is None:
            return None
        outcome = self.prover.listing.outcomes[nearby.number]
        plain, supposed = wanted
        others: list[frozenset[str]] = []
        for shape in revisions(self._fresh(nearby), plain, self._spend):
            decided = self._decided(shape, supposed, tagged="tags" in nearby.changes)
            if decided is None:
                continue
            facts, decision = decided
            crossed = self._crossed(facts)
            if decision.rule == outcome.name and decision.route.to == outcome.route.to:
                return Reached(nearby.number, self._changes(nearby, facts, crossed), shape, decision, facts)
            others.append(crossed - nearby.changes)
        for more in others:
            if more:
                self.nearest.also(nearby.number, nearby.box, nearby.changes | more)
        return None

    def _wanted(self, nearby: Nearby) -> tuple[Wanted, Mapping[str, Seen]] | None:
        """What is to be changed, and what is to be supposed of facts that are not given, should they be needed."""
        facts = self.subject.facts
        axes = self.prover.atoms.axes
        read = {fact for leaf, _ in self.prover.atoms.unknowns.values() for fact in leaf.facts}
        stay = {fact for fact in read if change_of(fact) not in nearby.changes and facts.get(fact) is not UNKNOWN}
        wanted = self.prover.certifier.wanted(nearby.domains, {fact: facts.get(fact) for fact in stay})
        if isinstance(wanted, Unmade):
            return None
        unknown = {fact for fact in axes if facts.get(fact) is UNKNOWN}
        supposed = {fact: value for fact, value in wanted.values.items() if fact in unknown}
        supposed |= {fact: int(span[0]) for fact, span in wanted.spans.items() if fact in unknown}

        def moves(fact: str) -> bool:
            return change_of(fact) in nearby.changes and fact not in unknown

        values = {fact: value for fact, value in wanted.values.items() if moves(fact)}
        spans = {fact: span for fact, span in wanted.spans.items() if moves(fact)}
        members = {fact: value for fact, value in wanted.members.items() if moves(fact)}
        sizes = {fact: value for fact, value in wanted.sizes.items() if moves(fact)}
        choice = wanted.choice if "explicit" in nearby.changes else None
        return Wanted(values, spans, members, wanted.words, wanted.no_words, choice, sizes), supposed

    def _fresh(self, nearby: Nearby) -> Callable[[], Shape]:
        if not nearby.changes & {"explicit", "tags"}:
            return self.subject.fresh

        def fresh() -> Shape:
            shape = self.subject.fresh()
            if "explicit" in nearby.changes:
                unchosen(shape["request"])
            tags = self.subject.facts.get("tags")
            if "tags" in nearby.changes and isinstance(tags, frozenset):
                shape["tags"] = sorted(tags)
            return shape

        return fresh

    def _decided(self, shape: Shape, supposed: Mapping[str, Seen], *, tagged: bool) -> tuple[Facts, Decision] | None:
        """The facts of a request and what production decides; suppositions are made only as they are needed.

        None where a filter blocks it. `tagged`: its tags are supposed, whatever filters make of it.
        """
        while True:
            try:
                envelope = envelope_of(shape)
            except (BadRequest, ValueError):
                return None
            self._spend(len(envelope.request.raw))
            behind = filtered(self.prover.rules.filters, envelope)
            if behind.blocked is not None:
                return None
            facts = Facts(replace(behind.envelope, tags=envelope.tags) if tagged else behind.envelope)
            try:
                return facts, self.prover.certifier.decide(facts)
            except UnknownFact as unknown:
                if unknown.fact not in supposed:
                    return None
                suppose(shape, unknown.fact, supposed[unknown.fact])

    def _spend(self, size: int) -> None:
        self.budget.step(1 + size // BYTES_A_STEP)

    def _crossed(self, facts: Facts) -> frozenset[str]:
        """The changes by which a request is somewhere else than the one asked about."""
        there, owners = self.ready.locator.point_of(facts), self.ready.owners
        moved = [variable for variable, piece in there.items() if self.subject.point.get(variable, piece) != piece]
        return frozenset(owners[variable][0] for variable in moved if len(owners[variable]) == 1)

    def _changes(self, nearby: Nearby, facts: Facts, crossed: frozenset[str]) -> tuple[Changed, ...]:
        """The facts that differ: those to be changed, those that rules see differently, those supposed."""
        before = self.subject.facts
        listed: list[Changed] = []
        names = [*self.prover.atoms.axes, *(["contentKeywords"] if self.prover.atoms.words else []), "stream", "path"]
        for fact in names:
            old, new = before.get(fact), facts.get(fact)
            unknown = old is UNKNOWN and new is not UNKNOWN
            if unknown or (old != new and change_of(fact) in nearby.changes | crossed):
                listed.append(Changed(fact, old, new))
        old_choice, new_choice = before.choices()[:1], facts.choices()[:1]
        if old_choice != new_choice:
            listed.append(Changed("explicit", *(one[0] if one else MISSING for one in (old_choice, new_choice))))
        return tuple(listed)


def suppose(shape: Shape, fact: str, value: Seen) -> None:
    """Says in a request what is supposed of a fact that is not given."""
    if fact == "time" and isinstance(value, int | float):
        shape["now"] = datetime.fromtimestamp(value, UTC).isoformat()
    else:
        shape["state"] = {**shape.get("state", {}), fact: value}
