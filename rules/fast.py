"""The fast evaluator: the decisions of the plain walk, sooner.

Every condition becomes lanes, every lane a bit, in the order in which they decide: rules, the client's own choice,
categories. For each fact a `Column` knows which lanes its value leaves in the running; one is asked only when the first
lane in the running needs it, and thins out all lanes. What a column cannot know (long texts, tokens, time, shares,
expressions) is walked when its lane is the first one left. Which lanes are left after which answers is worked out when
it is first met: most requests only follow steps that others went before.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial, reduce
from operator import ge, gt, le, lt, or_
from typing import Any, TypeAlias, assert_never

from msgspec import Struct, field
from msgspec.structs import replace

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

MAX_ANSWERS = 4096
"""Answers whose steps are remembered, in all; then all are forgotten."""


def decider_of(rules: RuleSet) -> Callable[[FactSource], Decision]:
    """The decision function of a rule set, prepared once.

    INVARIANT: it gives what `decide` gives. Where preparing misses something and a column fails, `decide` answers.
    """
    grid = Grid(rules)

    def decided(facts: FactSource) -> Decision:
        try:
            return grid.decision(facts)
        except UnknownFact:
            raise
        except Exception:  # noqa: BLE001 - rule evaluation: the plain walk knows which rule fails
            return decide(rules, facts)

    return decided


class Fallible(Struct, frozen=True):
    """A rule or category whose condition is tried as a whole, since evaluating it can fail."""

    entry: Rule | Category
    decision: Decision


class Chosen(Struct, frozen=True):
    """The client's own choice, if it made one that counts."""

    rules: RuleSet


Ending: TypeAlias = Decision | Fallible | Chosen
"""What a lane leads to, once its literals and its rest hold."""


End: TypeAlias = Callable[[FactSource, list[Skipped]], Decision | None]
"""The decision of a lane whose literals hold, if its rest does; an entry that fails is added to those skipped."""


class Track(Struct, frozen=True):
    """A lane of the grid: the columns that have a say in it, the cheapest and most used ones first; `decision` if no more is asked."""

    columns: tuple[Column, ...]
    end: End
    decision: Decision | None


class Step(Struct):
    """Where a decision stands: `track` is the first lane in `running`; lanes and the columns `asked` are bits.

    Next its `column` is asked, and every answer leads on by `ways`; without one all its literals hold: its `decision`
    stands (None: it depends), or `otherwise` comes.
    """

    running: int
    asked: int
    track: Track
    column: Column | None
    decision: Decision | None
    ways: dict[Seen, Step] = field(default_factory=dict)
    otherwise: Step | None = None


class Grid:
    """The lanes of a rule set, the columns that thin them out, and the steps met so far."""

    __slots__ = ("_all", "_answers", "_first", "_steps", "_tracks")

    def __init__(self, rules: RuleSet) -> None:
        lanes = list(_lanes_of(rules))
        columns = _columns_of([lane for lane, _ in lanes])
        self._all = (1 << len(lanes)) - 1
        self._tracks = [
            Track(
                _columns_for(lane, columns),
                _end_of(lane.rest, ending),
                ending if isinstance(ending, Decision) and not lane.rest else None,
            )
            for lane, ending in lanes
        ]
        self._forget()

    def decision(self, facts: FactSource) -> Decision:
        """The decision: that of the first lane that holds."""
        step = self._first
        skipped: list[Skipped] = []
        while True:
            column = step.column
            if column is not None:
                key = seen = facts.get(column.fact)
                if column.cuts is not None and isinstance(seen, (int, float)):
                    # values in one piece between the numbers that tests speak of are all the same
                    key = bisect_left(column.cuts, seen) + bisect_right(column.cuts, seen)
                step = step.ways.get(key) or self._behind(step, column, key, seen)
                continue
            decision = step.decision or step.track.end(facts, skipped)
            if decision is not None:
                return replace(decision, skipped=tuple(skipped)) if skipped else decision
            step = step.otherwise or self._otherwise(step)

    @property
    def known(self) -> int:
        """How many answers are remembered."""
        return self._answers

    def _behind(self, step: Step, column: Column, key: Seen, seen: Seen) -> Step:
        """The step behind an answer that nobody gave there before."""
        if seen is UNKNOWN:
            raise UnknownFact(column.fact)
        self._answers += 1
        if self._answers > MAX_ANSWERS:
            self._forget()
        behind = step.ways[key] = self._step(step.running & column.left_by(key, seen), step.asked | column.bit)
        return behind

    def _otherwise(self, step: Step) -> Step:
        """The step behind a lane that does not hold."""
        step.otherwise = self._step(step.running & (step.running - 1), step.asked)
        return step.otherwise

    def _step(self, running: int, asked: int) -> Step:
        step = self._steps.get((running, asked))
        if step is None:
            assert running, "the last category always holds"
            track = self._tracks[(running & -running).bit_length() - 1]
            column = next((one for one in track.columns if not one.bit & asked), None)
            step = self._steps[running, asked] = Step(running, asked, track, column, track.decision)
        return step

    def _forget(self) -> None:
        self._answers = 0
        self._steps: dict[tuple[int, int], Step] = {}
        self._first = self._step(self._all, 0)


def _end_of(rest: tuple[Predicate, ...], ending: Ending) -> End:
    match ending:
        case Decision():
            checks = tuple(map(_check_of, rest))

            def decided(facts: FactSource, _skipped: list[Skipped]) -> Decision | None:
                for check in checks:
                    if not check(facts):
                        return None
                return ending

            return decided
        case Chosen(rules):

            def chosen(facts: FactSource, _skipped: list[Skipped]) -> Decision | None:
                target = explicit_target(rules, facts) if facts.choices() else None
                return None if target is None else Decision(Route(target), EXPLICIT, None)

            return chosen
        case Fallible(entry, decision):
            return partial(_tried, entry, decision)
        case _:
            assert_never(ending)


def _check_of(part: Predicate) -> Callable[[FactSource], bool]:
    """Whether a part of a rest holds; a bound of tokens, which almost every request is asked for, in few calls."""
    compare = _COMPARES.get(part.operator) if isinstance(part, Test) and part.fact == "inputTokens" else None
    if compare is None:
        return partial(holds, part)
    assert isinstance(part, Test)
    limit = part.operand

    def holds_by_bounds(facts: FactSource) -> bool:
        for low, high in facts.token_bounds():
            at_low = compare(low, limit)
            if compare(high, limit) is at_low:
                return at_low
        return holds(part, facts)

    return holds_by_bounds


_COMPARES: Mapping[str, Callable[[Any, Any], bool]] = {"gt": gt, "gte": ge, "lt": lt, "lte": le}


def _tried(entry: Rule | Category, decision: Decision, facts: FactSource, skipped: list[Skipped]) -> Decision | None:
    outcome = try_condition(entry.name, entry.condition, facts, None)
    if not isinstance(outcome, str):
        return decision if outcome else None
    skipped.append(Skipped(entry.name, outcome))
    if isinstance(entry, Rule) and entry.on_error == "reject":
        return Decision(refusal_of(entry, outcome), entry.name, None)
    return None


def _lanes_of(rules: RuleSet) -> Iterator[tuple[Lane, Ending]]:
    """All lanes in the order in which they decide."""
    for rule in rules.rules:
        if rule.enabled:
            yield from _ending_in(rule, Decision(rule.route, rule.name, None))
    if rules.explicit_models:
        yield Lane(), Chosen(rules)
    for category in rules.categories:
        yield from _ending_in(category, Decision(route_of(category), category.name, category.name))


def _ending_in(entry: Rule | Category, decision: Decision) -> Iterator[tuple[Lane, Ending]]:
    ending = Fallible(entry, decision) if may_fail(entry.condition) else decision
    return ((lane, ending) for lane in lanes_of(entry.condition))


class Cell(Struct):
    """A test of a column and the lanes that want it true or false."""

    test: Test
    wanting: int = 0
    refusing: int = 0


class Column:
    """One fact: which lanes each of its values leaves in the running. `bit` tells it from the others of its grid.

    `cuts` are the numbers that its tests speak of, if it is a number.
    """

    __slots__ = ("_all", "_cells", "_remembered", "bit", "cuts", "fact")

    def __init__(self, fact: str, cells: Sequence[Cell], lanes: int, bit: int) -> None:
        self.fact = fact
        self.bit = bit
        self._all = (1 << lanes) - 1
        self._cells = cells
        self._remembered: dict[Seen, int] = {}
        spec = spec_of(fact)
        numeric = spec is not None and spec.type in NUMBERS
        self.cuts = sorted({cut for cell in cells for cut in _cuts_of(cell.test)}) if numeric else None

    def left_by(self, key: Seen, seen: Seen) -> int:
        """The lanes that a value leaves in the running; values with the same key leave the same."""
        left = self._remembered.get(key)
        if left is None:
            if len(self._remembered) >= MAX_REMEMBERED:
                self._remembered.clear()
            left = self._remembered[key] = self._judge(seen)
        return left

    def _judge(self, seen: Seen) -> int:
        out = 0
        for cell in self._cells:
            out |= cell.refusing if holds_for(cell.test, seen) else cell.wanting
        return self._all & ~out


def _columns_of(lanes: Sequence[Lane]) -> dict[str, Column]:
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
    users = {
        fact: reduce(or_, (cell.wanting | cell.refusing for cell in same.values())) for fact, same in cells.items()
    }
    order = sorted(cells, key=lambda fact: (tier_of(fact), -users[fact].bit_count()))
    return {fact: Column(fact, tuple(cells[fact].values()), len(lanes), 1 << place) for place, fact in enumerate(order)}


def _columns_for(lane: Lane, columns: dict[str, Column]) -> tuple[Column, ...]:
    facts = {test.fact for test, _ in lane.literals}
    return tuple(sorted((columns[fact] for fact in facts), key=lambda column: column.bit))


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
