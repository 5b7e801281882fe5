"""The fast evaluator: the decisions of the plain walk, sooner.

Every condition becomes lanes, every lane a bit. For each fact a `Column` knows which lanes its value leaves in the
running; columns are asked in the order of cost, and only while a lane in the running needs them. What a column cannot
know (long texts, tokens, time, shares, expressions) is walked, lane by lane, when its lane is the first one left.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence

from msgspec import Struct

from rules.cost import may_fail, tier_of
from rules.evaluate import (
    EXPLICIT,
    UnknownFact,
    decide,
    explicit_target,
    holds,
    refusal_of,
    route_of,
    try_condition,
)
from rules.facts import UNKNOWN, FactSource, Seen, spec_of
from rules.lanes import Lane, lanes_of
from rules.nodes import Category, Decision, Predicate, Route, Rule, RuleSet, Skipped, Test
from rules.operators import NUMBERS, holds_for

MAX_REMEMBERED = 1024
"""Values of one fact whose lanes are remembered; then all are forgotten."""


def decider_of(rules: RuleSet) -> Callable[[FactSource], Decision]:
    """The decision function of a rule set, prepared once.

    INVARIANT: it gives what `decide` gives. Where preparing misses something and a column fails, `decide` answers.
    """
    enabled = [rule for rule in rules.rules if rule.enabled]
    first_rule = Grid(enabled)
    first_category = Grid(rules.categories)
    by_rule = [Decision(rule.route, rule.name, None) for rule in enabled]
    by_category = [Decision(route_of(category), category.name, category.name) for category in rules.categories]

    def decided(facts: FactSource) -> Decision:
        skipped: list[Skipped] = []
        index = first_rule.first(facts, skipped)
        if index is not None:
            rule = enabled[index]
            if skipped and skipped[-1].rule == rule.name:
                return Decision(refusal_of(rule, skipped[-1].reason), rule.name, None, tuple(skipped))
            return _with(by_rule[index], skipped)
        target = explicit_target(rules, facts)
        if target is not None:
            return Decision(Route(target), EXPLICIT, None, tuple(skipped))
        index = first_category.first(facts, skipped)
        assert index is not None
        return _with(by_category[index], skipped)

    def decided_anyway(facts: FactSource) -> Decision:
        try:
            return decided(facts)
        except UnknownFact:
            raise
        except Exception:  # noqa: BLE001 - rule evaluation: the plain walk knows which rule fails
            return decide(rules, facts)

    return decided_anyway


def _with(decision: Decision, skipped: list[Skipped]) -> Decision:
    return Decision(decision.route, decision.rule, decision.category, tuple(skipped)) if skipped else decision


class Grid:
    """The lanes of several rules or categories, and the columns that thin them out."""

    __slots__ = ("_all", "_columns", "_entries", "_fallible", "_owners", "_rests", "_unclear")

    def __init__(self, entries: Sequence[Rule | Category]) -> None:
        lanes = [(owner, lane) for owner, entry in enumerate(entries) for lane in lanes_of(entry.condition)]
        self._entries = entries
        self._owners = [owner for owner, _ in lanes]
        self._rests: list[tuple[Predicate, ...]] = [lane.rest for _, lane in lanes]
        self._fallible = [may_fail(entry.condition) for entry in entries]
        self._all = (1 << len(lanes)) - 1
        self._columns = _columns_of([lane for _, lane in lanes])
        # lanes that some column from the n-th on still has a say in
        self._unclear = [0] * (len(self._columns) + 1)
        for number in range(len(self._columns) - 1, -1, -1):
            self._unclear[number] = self._unclear[number + 1] | self._columns[number].users

    def first(self, facts: FactSource, skipped: list[Skipped]) -> int | None:
        """The first entry that holds; those that fail are added to `skipped`, and one that refuses then is the answer."""
        running, number, columns, unclear = self._all, 0, self._columns, self._unclear
        while running:
            lowest = running & -running
            if lowest & unclear[number]:
                column = columns[number]
                number += 1
                if running & column.users:
                    seen = facts.get(column.fact)
                    if seen is UNKNOWN:
                        raise UnknownFact(column.fact)
                    left = column.remembered.get(seen) if column.cuts is None else None
                    running &= column.left_by(seen) if left is None else left
                continue
            lane = lowest.bit_length() - 1
            owner = self._owners[lane]
            if self._fallible[owner]:
                entry = self._entries[owner]
                outcome = try_condition(entry.name, entry.condition, facts, None)
                if isinstance(outcome, str):
                    skipped.append(Skipped(entry.name, outcome))
                    if isinstance(entry, Rule) and entry.on_error == "reject":
                        return owner
                elif outcome:
                    return owner
            elif not (rest := self._rests[lane]) or all(holds(part, facts) for part in rest):
                return owner
            running ^= lowest
        return None


class Cell(Struct):
    """A test of a column and the lanes that want it true or false."""

    test: Test
    wanting: int = 0
    refusing: int = 0


class Column:
    """One fact: which lanes each of its values leaves in the running.

    `remembered` holds that by value; of a number fact by piece, between the `cuts` that its tests speak of.
    """

    __slots__ = ("_all", "_cells", "cuts", "fact", "remembered", "users")

    def __init__(self, fact: str, cells: Sequence[Cell], lanes: int) -> None:
        self.fact = fact
        self.users = 0
        for cell in cells:
            self.users |= cell.wanting | cell.refusing
        self._all = (1 << lanes) - 1
        self._cells = cells
        self.remembered: dict[object, int] = {}
        spec = spec_of(fact)
        numeric = spec is not None and spec.type in NUMBERS
        self.cuts = sorted({cut for cell in cells for cut in _cuts_of(cell.test)}) if numeric else None

    def left_by(self, seen: Seen) -> int:
        """The lanes that a value of the fact leaves in the running."""
        key: object = seen
        if self.cuts is not None and isinstance(seen, int | float):
            # values in one piece between the numbers that tests speak of are all the same
            at = bisect_left(self.cuts, seen)
            key = 2 * at + (at < len(self.cuts) and self.cuts[at] == seen)
        left = self.remembered.get(key)
        if left is None:
            if len(self.remembered) >= MAX_REMEMBERED:
                self.remembered.clear()
            left = self.remembered[key] = self._judge(seen)
        return left

    def _judge(self, seen: Seen) -> int:
        out = 0
        for cell in self._cells:
            out |= cell.refusing if holds_for(cell.test, seen) else cell.wanting
        return self._all & ~out


def _columns_of(lanes: Sequence[Lane]) -> list[Column]:
    """A column for each fact with literals, the cheapest and most used ones first."""
    cells: dict[str, dict[tuple[object, ...], Cell]] = {}
    for number, lane in enumerate(lanes):
        for test, wanted in lane.literals:
            same = cells.setdefault(test.fact, {})
            cell = same.setdefault((test.operator, test.ignore_case, _key_of(test.operand)), Cell(test))
            if wanted:
                cell.wanting |= 1 << number
            else:
                cell.refusing |= 1 << number
    columns = [Column(fact, tuple(same.values()), len(lanes)) for fact, same in cells.items()]
    return sorted(columns, key=lambda column: (tier_of(column.fact), -column.users.bit_count()))


def _key_of(operand: object) -> object:
    """What makes two operands the same; tests inside one may stand in different places."""
    if isinstance(operand, Test):
        return (operand.operator, operand.ignore_case, _key_of(operand.operand))
    if isinstance(operand, tuple):
        return tuple(map(_key_of, operand))
    return (type(operand), operand)


def _cuts_of(test: Test) -> list[int | float]:
    operand = test.operand
    numbers = operand if isinstance(operand, tuple | frozenset) else (operand,)
    return [number for number in numbers if isinstance(number, int | float) and not isinstance(number, bool)]
