"""301, 302, 307, 309: rules that no request gets to, because of themselves or of those before them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec import Struct, field

from rules.analysis.boxes import Sides
from rules.analysis.budget import SHOWN, Spent
from rules.analysis.certify import Witness
from rules.analysis.edits import Source
from rules.analysis.prove import Never, Prover
from rules.analysis.solve import Found
from rules.analysis.space import EVERYTHING, Region, TooMany, meet
from rules.analysis.wording import clash_of, owner_of, said_of, shown_in, takes
from rules.nodes import All, Predicate, Reference, Rule, Test
from rules.patterns.compiled import Glob, Pattern
from schemas.codes import finding
from schemas.diagnostics import Diagnostic, Fix, Label, Severity, Span
from schemas.wording import listed, quoted

_OWN_FINDING = ("window", "rollout")


class Unreached(Struct):
    """The search. `dead` are the outcomes that no request gets, `alive` those for which there is a point.

    Of these, `reached` are those for which a request is certain to be there; without one of `needed` it goes elsewhere.
    """

    prover: Prover
    source: Source
    dead: set[int] = field(default_factory=set)
    alive: list[int] = field(default_factory=list)
    reached: set[int] = field(default_factory=set)
    needed: set[int] = field(default_factory=set)
    _shadows: list[tuple[int, Sequence[int]]] = field(default_factory=list)
    _spare: int = SHOWN

    def findings(self) -> Iterator[Diagnostic]:
        """Those but for shadowed rules."""
        prover, dead = self.prover, self.dead
        same: dict[object, int] = {}
        outcomes = prover.listing.outcomes
        last = max((number for number, outcome in enumerate(outcomes) if outcome.kind == "rule"), default=-1)
        for number, outcome in enumerate(outcomes):
            entry = outcome.entry
            if entry is None or outcome.kind in ("filter", "refusing"):
                continue
            if outcome.kind == "category" and getattr(entry, "builtin", True):
                self._note_shadowed(number)
                continue
            sides = prover.boxes.sides_of(entry.condition)
            if prover.is_empty(sides.holds):
                dead.add(number)
                yield from _contradiction(prover, number)
                continue
            key = _canonical(sides)
            first = same.setdefault(key, number)
            if first != number and isinstance(entry, Rule) and not sides.breaks:
                dead.add(number)
                yield finding(
                    "CCR307",
                    f"{owner_of(outcome)} has the same condition as {owner_of(outcomes[first])}",
                    entry.span,
                    help="the first one takes every request; remove one of them",
                    labels=(Label(_span(prover, first), "the first one"),),
                    fix=_removal(self.source, entry),
                    data={"rule": outcome.name, "blockers": [outcomes[first].name]},
                )
                continue
            if self._note_shadowed(number):
                continue
            if outcome.kind == "rule" and number < last and not sides.breaks and prover.is_empty(sides.fails_to_hold):
                yield finding(
                    "CCR309",
                    f"{owner_of(outcome)} always holds and is not the last rule",
                    entry.span,
                    help="no rule after it is reached; move it to the end",
                    data={"rule": outcome.name},
                )

    def _note_shadowed(self, number: int) -> bool:
        """Notes, and says, whether earlier outcomes take every request of one; of a rule that somebody wrote, by which of them is kept."""
        answer = self.prover.never(number)
        if not isinstance(answer, Never):
            if isinstance(answer, Found):
                self.alive.append(number)
                self._note_point(number, answer)
            return False
        if not getattr(self.prover.listing.outcomes[number].entry, "builtin", False):
            shadowed = self.prover.blockers(number, answer.boxes)
            if shadowed is None:
                return False
            self._shadows.append((number, shadowed[0]))
        self.dead.add(number)
        return True

    def _note_point(self, number: int, found: Found) -> None:
        """Notes what the point that shows that an outcome has one shows besides, so that it need not be looked for again."""
        prover = self.prover
        try:
            prover.budget.ask()
            if prover.listing.outcomes[number].kind == "rule" and prover.listing.goes_elsewhere(found, number):
                self.needed.add(number)
            if prover.plain.has(found):
                self.reached.add(number)
        except Spent:
            # what is not noted is asked where it matters
            return

    def shadows(self) -> Iterator[Diagnostic]:
        """The findings about shadowed rules, with a request as far as the budget lasts."""
        for number, blockers in self._shadows:
            with self.prover.budget.aside(self._spare):
                before = self.prover.budget.used
                shown = _taken(self.prover, number, blockers)
                self._spare -= self.prover.budget.used - before
            yield _shadowed(self.prover, self.source, number, blockers, shown)

    def settle(self) -> None:
        """Asks of every outcome with a point whether there is a request, too; where none is known, that is counted."""
        for number in self.alive:
            if number not in self.reached:
                self.prover.is_reached(number)


def _canonical(sides: Sides) -> object:
    # in hexadecimal: as numbers, masks of one piece have nearly all the same hash
    return frozenset(frozenset((variable, hex(mask)) for variable, mask in box.items()) for box in sides.holds)


def _removal(source: Source, entry: object) -> Fix | None:
    edits = source.rule_removed(entry.index) if isinstance(entry, Rule) else None
    return None if edits is None else Fix(False, edits)


def _span(prover: Prover, number: int) -> Span:
    entry = prover.listing.outcomes[number].entry
    assert entry is not None
    return entry.span


def _shadowed(
    prover: Prover, source: Source, number: int, blockers: Sequence[int], shown: Witness | None
) -> Diagnostic:
    outcomes = prover.listing.outcomes
    outcome = outcomes[number]
    entry = outcome.entry
    assert entry is not None
    labels: list[Label] = []
    for place, other in enumerate(blockers):
        blocker = outcomes[other]
        if blocker.entry is not None and all(label.span != blocker.entry.span for label in labels):
            said = takes(blocker)
            labels.append(Label(blocker.entry.span, f"and {said.removeprefix('takes requests ')}" if place else said))
    names = list(dict.fromkeys(outcomes[other].name for other in blockers))
    differs = any(outcomes[other].key != outcome.key for other in blockers)
    filters = any(outcomes[other].kind == "filter" for other in blockers)
    before = next((outcomes[other].entry for other in blockers if outcomes[other].entry is not None), None)
    fix = None
    help_text = f"{listed(names, 'and')} {'take' if len(names) > 1 else 'takes'} every request it accepts"
    if isinstance(entry, Rule) and isinstance(before, Rule) and not filters:
        help_text = f"move {quoted(outcome.name)} above line {before.span.line}"
        edits = source.rule_moved(entry.index, before.index) or source.rule_removed(entry.index)
        fix = None if edits is None else Fix(False, edits)
    data: dict[str, object] = {"rule": outcome.name, "blockers": names}
    if shown is not None:
        data |= shown_in(shown)
    return finding(
        "CCR302",
        f"{owner_of(outcome)} can never be reached",
        entry.span,
        help=help_text,
        labels=tuple(labels),
        fix=fix,
        severity=Severity.ERROR if differs else Severity.WARNING,
        data=data,
    )


def _taken(prover: Prover, number: int, blockers: Sequence[int]) -> Witness | None:
    """A request that a rule accepts and an earlier one takes, one of the blockers if no other is before it."""
    listing = prover.listing
    outcome = listing.outcomes[number]
    others = listing.before(number) & ~sum(listing.bits(other) for other in blockers)
    for missing in (others, listing.impossible):
        shown = prover.some(outcome.region, missing, lambda decision: decision.rule != outcome.name)
        if isinstance(shown, Witness):
            return shown
    return None


def _contradiction(prover: Prover, number: int) -> Iterator[Diagnostic]:
    outcome = prover.listing.outcomes[number]
    assert outcome.entry is not None
    core = conflict_of(prover, outcome.entry.condition)
    if len(core) == 1 and _has_own_finding(core[0]):
        return
    said = [said_of(part) for part in core]
    yield finding(
        "CCR301",
        f"{owner_of(outcome)} contradicts itself: {clash_of(core)}",
        outcome.entry.span,
        labels=tuple(Label(part.span, "this" if not place else "and this") for place, part in enumerate(core)),
        help="no request meets it; remove or correct one of these" if len(said) > 1 else "no request meets it",
        data={"rule": outcome.name, "conflict": said},
    )


def _has_own_finding(part: Predicate) -> bool:
    return isinstance(part, Test) and (part.operator in _OWN_FINDING or isinstance(part.operand, Pattern | Glob))


def _conjuncts(node: Predicate) -> list[Predicate]:
    if isinstance(node, All):
        return [part for child in node.children for part in _conjuncts(child)]
    if isinstance(node, Reference) and isinstance(node.child, All):
        return _conjuncts(node.child)
    return [node]


def conflict_of(prover: Prover, condition: Predicate) -> list[Predicate]:
    """A smallest part of a condition that no request meets; dropping any of it leaves some."""
    parts = _conjuncts(condition)
    core = list(parts)
    for part in parts:
        rest = [other for other in core if other is not part]
        if rest and _is_empty(prover, rest):
            core = rest
    return core


def _is_empty(prover: Prover, parts: Sequence[Predicate]) -> bool:
    region: Region = EVERYTHING
    try:
        prover.budget.ask()
        for part in parts:
            region = meet(region, prover.boxes.sides_of(part).holds, prover.budget)
    except (TooMany, Spent):
        return False
    return prover.is_empty(region)
