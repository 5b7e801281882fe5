"""Decisions where facts are not given: one for every value that the rules can tell apart."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta, tzinfo

from msgspec import Struct

from rules.cost import leaves_of
from rules.evaluate import Trace, UnknownFact, decide
from rules.facts import UNKNOWN, FactSource, Seen, spec_of
from rules.moments import DAYS, Window
from rules.moments_together import windows_at
from rules.nodes import Decision, Predicate, RuleSet, Test
from rules.operators import holds_for

MAX_CASES = 2_000
_WEEKS = (datetime(2026, 1, 5, tzinfo=UTC), datetime(2026, 7, 6, tzinfo=UTC))
"""Mondays of a winter and a summer week: zones differ in both."""


class Supposed(Struct, frozen=True):
    """Facts with values supposed for some that are not given."""

    facts: FactSource
    values: Mapping[str, Seen]

    def get(self, fact: str) -> Seen:
        """The value, the supposed one only where none is given."""
        seen = self.facts.get(fact)
        return self.values.get(fact, UNKNOWN) if seen is UNKNOWN else seen

    def token_bounds(self) -> Iterable[tuple[int, int]]:
        """As the facts have it."""
        return self.facts.token_bounds()

    def choices(self) -> tuple[str, ...]:
        """As the facts have it."""
        return self.facts.choices()


class Case(Struct, frozen=True):
    """A decision and what had to be supposed for it."""

    supposed: Mapping[str, Seen]
    decision: Decision


class Cases(Struct, frozen=True):
    """Cases by what had to be supposed; not `complete`: there are more than are worth going through.

    `unknown` are the facts that had to be supposed for some of all.
    """

    cases: tuple[Case, ...]
    complete: bool = True
    unknown: frozenset[str] = frozenset()


def cases_of(
    rules: RuleSet,
    facts: FactSource,
    trace: Trace | None = None,
    decider: Callable[[FactSource], Decision] | None = None,
) -> Cases:
    """Every decision these facts can lead to, with the values of facts not given that lead there.

    Where all needed facts are given, that is one case that supposes nothing. `trace` hears every evaluation. `decider`
    decides as the rules do, sooner.
    """
    found: list[Case] = []
    asked: set[str] = set()
    waiting: list[dict[str, Seen]] = [{}]
    while waiting:
        values = waiting.pop()
        try:
            supposed = Supposed(facts, values)
            found.append(Case(values, decide(rules, supposed, trace) if decider is None else decider(supposed)))
        except UnknownFact as unknown:
            asked.add(unknown.fact)
            options = _candidates(rules, unknown.fact)
            waiting += ({**values, unknown.fact: option} for option in reversed(options))
        if len(found) + len(waiting) > MAX_CASES:
            return Cases(tuple(found), False, frozenset(asked))
    return Cases(tuple(found), True, frozenset(asked))


def _candidates(rules: RuleSet, fact: str) -> list[Seen]:
    """Values of a fact, one for each way in which the rules' predicates on it can come out."""
    spec = spec_of(fact)
    if spec is not None and spec.words:
        return list(spec.words)
    tests = list(_tests_on(rules, fact))
    if fact == "time":
        windows = list({test.operand: None for test in tests if isinstance(test.operand, Window)})
        moments = sorted({moment for window in windows for moment in _moments_of(window)}, reverse=True)
        ways: dict[object, Seen] = dict(zip(windows_at(windows, moments), moments, strict=True))
    else:
        numbers = sorted({number for test in tests for number in _numbers_about(test.operand)}, reverse=True)
        ways = {tuple(holds_for(test, number) for test in tests): number for number in numbers}
    return list(ways.values())[::-1] or [0]


def _tests_on(rules: RuleSet, fact: str) -> Iterator[Test]:
    conditions: list[Predicate] = [rule.condition for rule in rules.rules if rule.enabled]
    conditions += [category.condition for category in rules.categories]
    for condition in conditions:
        for leaf in leaves_of(condition):
            if isinstance(leaf, Test) and leaf.fact == fact:
                yield leaf


def _moments_of(window: Window) -> Iterator[float]:
    for week in _WEEKS:
        for day in range(len(DAYS)):
            for minute in (window.start, window.end):
                for step in (0, -1):
                    yield _local(week, day, minute + step, window.tz).timestamp()


def _local(week: datetime, day: int, minute: int, tz: tzinfo) -> datetime:
    return week.replace(tzinfo=tz) + timedelta(days=day, minutes=minute)


def _numbers_about(operand: object) -> Iterator[int]:
    """The whole numbers, from 0, at and around the bounds of a comparison."""
    yield 0
    for number in operand if isinstance(operand, tuple | frozenset) else (operand,):
        if isinstance(number, int | float):
            yield from (near for near in range(int(number) - 1, int(number) + 2) if near > 0)
