"""The pieces of facts that are numbers, words, moments: intervals, the words themselves, stretches of a week."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from itertools import pairwise

from msgspec import Struct, field

from rules.analysis.budget import Budget
from rules.analysis.space import Space
from rules.analysis.texts import key_of
from rules.analysis.weeks import moments_of
from rules.facts import MISSING, Seen
from rules.moments import Window
from rules.nodes import Test
from rules.operators import holds_for

LARGEST = 2**63 - 1
"""No number in a request is larger: JSON's integers are read into 64 bits."""


DIGITS = 500
"""Verdicts that are written and read in the time of an operation."""


class Scale(Struct):
    """A number fact. `spans[i]` are the least and the greatest number of piece i, None where the fact is missing."""

    fact: str
    variable: int
    spans: list[tuple[float, float] | None]
    masks: dict[object, int] = field(default_factory=dict)

    def span_of(self, domain: int) -> tuple[float, float] | None:
        """The least and greatest number of the numbers in a domain; None where there are none."""
        spans = [span for number, span in enumerate(self.spans) if span is not None and domain >> number & 1]
        return (min(low for low, _ in spans), max(high for _, high in spans)) if spans else None


class Words(Struct):
    """A fact with few values; the value of piece i is `values[i]`."""

    fact: str
    variable: int
    values: list[Seen]
    masks: dict[object, int] = field(default_factory=dict)


def cut_numbers(
    space: Space, fact: str, tests: Sequence[Test], *, least: float, optional: bool, whole: bool, usual: float | None
) -> Scale:
    """The pieces of a number fact, put into the space; `usual` None: an everyday request has none."""
    spans: list[tuple[float, float] | None] = list(_whole_spans(tests, least) if whole else _real_spans(tests))
    if optional:
        spans.append(None)
    start = next((number for number, span in enumerate(spans) if _spans(span, usual)), 0)
    scale = Scale(fact, space.add(fact, len(spans), start), spans)
    for test in tests:
        scale.masks[key_of(test)] = _mask_of(test, spans)
    return scale


def _mask_of(test: Test, spans: Sequence[tuple[float, float] | None]) -> int:
    """The pieces in which a predicate holds: asked once in each stretch between the numbers that it names."""
    present = len(spans) - (spans[-1] is None)
    edges = {0, present}
    for number in _numbers_of(test):
        at = bisect_left(spans, number, hi=present, key=_start_of)
        edges.update(min(max(0, near), present) for near in range(at - 1, at + 3))
    mask = 0
    for first, end in pairwise(sorted(edges)):
        if holds_for(test, _inside(spans[first])):
            mask |= (1 << end) - (1 << first)
    return mask | 1 << present if present < len(spans) and holds_for(test, MISSING) else mask


def _start_of(span: tuple[float, float] | None) -> float:
    assert span is not None
    return span[0]


def _numbers_of(test: Test) -> list[int | float]:
    """The numbers that a predicate names."""
    operands = test.operand if isinstance(test.operand, tuple | frozenset) else (test.operand,)
    return [one for one in operands if isinstance(one, int | float) and not isinstance(one, bool)]


def _spans(span: tuple[float, float] | None, number: float | None) -> bool:
    return span is None if number is None else span is not None and span[0] <= number <= span[1]


def _inside(span: tuple[float, float] | None) -> Seen:
    if span is None:
        return MISSING
    low, high = span
    if isinstance(low, int):
        return low
    if low == high or math.isinf(low):
        return high if math.isinf(low) else low
    return low + 1.0 if math.isinf(high) else low


def _whole_spans(tests: Iterable[Test], least: float) -> Iterable[tuple[float, float]]:
    starts = {least}
    for test in tests:
        for cut in _starts_of(test):
            if least < cut <= LARGEST:
                starts.add(cut)
    ordered = sorted(starts)
    return [(low, high - 1) for low, high in zip(ordered, [*ordered[1:], LARGEST + 1], strict=True)]


def _starts_of(test: Test) -> set[int]:
    """The whole numbers at which the verdict of a predicate may change."""
    cuts: set[int] = set()
    for number in _numbers_of(test):
        if abs(number) <= LARGEST:
            cuts |= {math.floor(number), math.floor(number) + 1, math.ceil(number), math.ceil(number) + 1}
    return cuts


def _real_spans(tests: Iterable[Test]) -> list[tuple[float, float]]:
    """Points and the stretches between them; of a stretch, two numbers inside it stand for its ends."""
    numbers = sorted({float(number) for test in tests for number in _numbers_of(test)})
    if not numbers:
        return [(0.0, 1.0)]
    spans = [(numbers[0] - 1.0, numbers[0] - 1.0)]
    for low, high in zip(numbers, [*numbers[1:], None], strict=True):
        spans.append((low, low))
        middle = low + 1.0 if high is None else (low + high) / 2
        spans.append((middle, middle))
    return spans


def cut_words(space: Space, fact: str, tests: Sequence[Test], values: Sequence[Seen], usual: Seen) -> Words:
    """One piece for each value."""
    words = Words(fact, space.add(fact, len(values), list(values).index(usual)), list(values))
    for test in tests:
        words.masks[key_of(test)] = sum(1 << number for number, value in enumerate(values) if holds_for(test, value))
    return words


def cut_moments(space: Space, tests: Sequence[Test], budget: Budget) -> Words:
    """One moment for each combination of windows that some moment is in, over a year of all their zones.

    Raises `Spent` where there are too many; nothing is in the space then.
    """
    windows = [test.operand for test in tests if isinstance(test.operand, Window)]
    budget.ask()
    found = moments_of(windows, budget)
    words = Words("time", space.add("time", len(found), 0), list(found.values()))
    # the combinations as rows of digits, read as columns: the last digit is of the first window
    budget.work(len(found) * len(windows) // DIGITS)
    digits = "".join(format(combination, f"0{len(windows)}b") for combination in reversed(found))
    for place, test in enumerate(tests):
        words.masks[key_of(test)] = int(digits[len(tests) - 1 - place :: len(tests)], 2)
    return words
