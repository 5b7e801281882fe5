"""Where a real request is in a space: the piece of every variable, read off its facts."""

from __future__ import annotations

from rules.analysis.atoms import Atoms
from rules.analysis.constraints import outcome_of
from rules.analysis.members import Members
from rules.analysis.scales import Scale, Words
from rules.analysis.texts import Texts, key_of
from rules.evaluate import explicit_target
from rules.facts import MISSING, FactSource
from rules.moments import Share, bucket_of
from rules.nodes import RuleSet
from rules.operators import holds_for


def point_of(atoms: Atoms, rules: RuleSet, facts: FactSource) -> dict[int, int]:
    """Variable -> mask of the request's piece; variables that stand for parts of conditions are left out."""
    point: dict[int, int] = {}
    ways = list(zip(atoms.ways("stream"), atoms.ways("path"), strict=True))
    point[atoms.way] = 1 << ways.index((facts.get("stream"), facts.get("path")))
    for fact, axis in atoms.axes.items():
        seen = facts.get(fact)
        match axis:
            case Scale(spans=spans):
                inside = [
                    number
                    for number, span in enumerate(spans)
                    if (span is None) == (seen is MISSING)
                    and (span is None or (isinstance(seen, int | float) and span[0] <= seen <= span[1]))
                ]
                assert len(inside) == 1, (fact, seen, spans)
                point[axis.variable] = 1 << inside[0]
            case Words(values=values):
                if fact == "time":
                    tests = list(axis.masks)
                    point[axis.variable] = _time_piece(axis, tests, seen)
                else:
                    point[axis.variable] = 1 << values.index(seen)
            case Texts():
                point[axis.variable] = _text_piece(axis, seen)
                for test in axis.tests:
                    if key_of(test) in axis.free:
                        point[axis.free[key_of(test)]] = 0b10 if holds_for(test, seen) else 0b01
            case Members():
                assert isinstance(seen, frozenset)
                for one, variable in axis.asked.values():
                    has = one in seen if isinstance(one, str) else any(holds_for(one, member) for member in seen)
                    point[variable] = 0b10 if has else 0b01
                if axis.size is not None:
                    place = next(
                        n for n, span in enumerate(axis.size.spans) if span and span[0] <= len(seen) <= span[1]
                    )
                    point[axis.size.variable] = 1 << place
    spoken = facts.get("contentKeywords")
    for word, variable in atoms.words.items():
        point[variable] = 0b10 if word in str(spoken) else 0b01
    for leaf, variable in atoms.unknowns.values():
        point[variable] = outcome_of(leaf, {fact: facts.get(fact) for fact in leaf.facts})
    target = explicit_target(rules, facts)
    if target is None:
        point[atoms.choice] = 1
    elif (target.provider, target.model) in atoms.choices:
        point[atoms.choice] = 1 << atoms.choices.index((target.provider, str(target.model)))
    return point


def _time_piece(axis: Words, keys: list[object], seen: object) -> int:
    windows = [key[3] for key in keys if isinstance(key, tuple)]
    for number, value in enumerate(axis.values):
        if all(window.holds(value) == window.holds(seen) for window in windows):  # type: ignore[union-attr]
            return 1 << number
    raise AssertionError(f"no piece has the moment {seen}")


def _text_piece(axis: Texts, seen: object) -> int:
    tests = [test for test in axis.tests if key_of(test) not in axis.free and not isinstance(test.operand, Share)]
    for number, piece in enumerate(axis.pieces):
        if piece.text is None or seen is MISSING:
            if piece.text is None and seen is MISSING:
                return 1 << number
            continue
        if piece.only and piece.text != seen:
            continue
        same = all(bool(axis.masks[key_of(test)] >> number & 1) == holds_for(test, seen) for test in tests)
        if same and all(low <= bucket_of(salt, str(seen)) < high for salt, low, high in piece.shares):
            return 1 << number
    raise AssertionError(f"no piece of {axis.fact} has {seen!r}")
