"""Where a request is in a space: the piece of every variable, read off its facts."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from operator import and_

from rules.analysis.atoms import Atoms
from rules.analysis.constraints import outcome_of
from rules.analysis.members import Members
from rules.analysis.offered import ANY_MODEL
from rules.analysis.scales import Scale, Words
from rules.analysis.texts import Texts, key_of
from rules.evaluate import explicit_target
from rules.facts import MISSING, UNKNOWN, FactSource, Seen, spec_of
from rules.nodes import RuleSet, Test
from rules.operators import address_of, holds_for
from schemas.diagnostics import Span


def point_of(atoms: Atoms, rules: RuleSet, facts: FactSource) -> dict[int, int]:
    """Variable -> mask of the request's piece.

    Variables that stand for parts of conditions are left out, and so is what depends on facts that are not given.
    """
    return Locator(atoms, rules).point_of(facts)


class Locator:
    """Finds the pieces of many requests in one space."""

    def __init__(self, atoms: Atoms, rules: RuleSet) -> None:
        self._atoms, self._rules = atoms, rules
        self._pinning: dict[str, list[tuple[Test, int]]] = {}
        for fact, axis in atoms.axes.items():
            if isinstance(axis, Texts):
                keyed = [(test, key_of(test)) for test in axis.tests]
                self._pinning[fact] = [(test, axis.masks[key]) for test, key in keyed if key not in axis.apart]

    def point_of(self, facts: FactSource) -> dict[int, int]:
        """As the function of that name."""
        atoms, point = self._atoms, dict[int, int]()
        ways = list(zip(atoms.ways("stream"), atoms.ways("path"), strict=True))
        point[atoms.way] = 1 << ways.index((facts.get("stream"), facts.get("path")))
        for fact, axis in atoms.axes.items():
            seen = facts.get(fact)
            if seen is UNKNOWN:
                continue
            match axis:
                case Members():
                    point |= _members_at(axis, seen)
                case Texts():
                    found = _text_at(axis, self._pinning[fact], atoms.space.full[axis.variable], seen)
                    if found:
                        point[axis.variable] = found
                    point |= _aside_at(axis, atoms.space.full, seen)
                case Words() if fact != "time" and seen in axis.values:
                    point[axis.variable] = 1 << axis.values.index(seen)
                case _:
                    found = _on_scale(axis, atoms.space.full[axis.variable], seen)
                    if found:
                        point[axis.variable] = found
        return point | self._across(facts)

    def _across(self, facts: FactSource) -> dict[int, int]:
        """The pieces of what no single fact decides."""
        atoms, point = self._atoms, dict[int, int]()
        spoken = facts.get("contentKeywords") if atoms.words else ""
        for word, variable in atoms.words.items():
            point[variable] = _flag(word in str(spoken))
        for test, variable in atoms.uncut.values():
            if facts.get(test.fact) is not UNKNOWN:
                point[variable] = _flag(holds_for(test, facts.get(test.fact)))
        for leaf, variable in atoms.unknowns.values():
            values = {fact: facts.get(fact) for fact in leaf.facts}
            if UNKNOWN not in values.values():
                point[variable] = outcome_of(leaf, values)
        target = explicit_target(self._rules, facts)
        chosen = None if target is None else (target.provider, str(target.model))
        if chosen is not None and chosen not in atoms.choices:
            chosen = (chosen[0], ANY_MODEL)
        if chosen in atoms.choices:
            point[atoms.choice] = 1 << atoms.choices.index(chosen)
        return point


def _flag(holds: bool) -> int:
    return 0b10 if holds else 0b01


def _members_at(axis: Members, seen: Seen) -> dict[int, int]:
    members = seen if isinstance(seen, frozenset) else frozenset()
    point = {}
    for one, variable in axis.asked.values():
        has = one in members if isinstance(one, str) else any(holds_for(one, member) for member in members)
        point[variable] = _flag(has)
    if axis.size is not None:
        spans = enumerate(axis.size.spans)
        point[axis.size.variable] = next(1 << at for at, span in spans if span and span[0] <= len(members) <= span[1])
    return point


def _aside_at(axis: Texts, full: Sequence[int], seen: Seen) -> dict[int, int]:
    """The pieces of variables that predicates have apart; of two that they do not tell apart, a missing text has the last."""
    left: dict[int, int] = {}
    for number, (variable, mask) in axis.numbered.items():
        fitting = mask if holds_for(axis.tests[number], seen) else full[variable] & ~mask
        left[variable] = left.get(variable, full[variable]) & fitting
    if seen is MISSING:
        return {variable: 1 << domain.bit_length() - 1 for variable, domain in left.items()}
    return {variable: domain & -domain for variable, domain in left.items()}


def _text_at(axis: Texts, pinning: list[tuple[Test, int]], full: int, seen: Seen) -> int:
    """The piece of a text; 0: none is, as of a client's address that is no address."""
    mask = full
    for test, holding in pinning:
        mask &= holding if holds_for(test, seen) else ~holding
    text = None if seen is MISSING else seen
    spec = spec_of(axis.fact)
    if spec is not None and spec.type == "address" and isinstance(text, str):
        text = str(address_of(text) or text)  # as pieces write it
    same = [at for at, piece in enumerate(axis.pieces) if mask >> at & 1 and piece.only and piece.text == text]
    others = [at for at, piece in enumerate(axis.pieces) if mask >> at & 1 and not piece.only]
    return next((1 << at for at in (*same, *others)), 0)


def _on_scale(axis: Scale | Words, full: int, seen: Seen) -> int:
    """The piece by its bounds, or by the verdicts of all predicates where pieces have none; 0: none is the number's."""
    if isinstance(axis, Scale) and not isinstance(seen, float):
        inside = (
            number
            for number, span in enumerate(axis.spans)
            if (span is None) == (seen is MISSING)
            and (span is None or (isinstance(seen, int) and span[0] <= seen <= span[1]))
        )
        return next((1 << number for number in inside), 0)
    verdicts = (mask if _verdict(axis.fact, key, seen) else full & ~mask for key, mask in axis.masks.items())
    found = reduce(and_, verdicts, full)
    return found & -found


def _verdict(fact: str, key: object, seen: Seen) -> bool:
    assert isinstance(key, tuple)
    operator, ignore_case, _, operand = key
    return holds_for(Test(fact, operator, operand, Span("", 1, 1, 1, 1), ignore_case), seen)
