"""Windows of time: the combinations found are those that some minute of the year is in."""

from __future__ import annotations

from random import Random
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.analysis.budget import Budget, Spent
from rules.analysis.weeks import MAX_MOMENTS, moments_of
from rules.moments import Window

ZONES = [
    "UTC", "Europe/Berlin", "America/New_York", "Asia/Tokyo", "Australia/Sydney", "Africa/Casablanca", "Asia/Kathmandu",
    "Australia/Lord_Howe",
]  # fmt: skip
FIRST_S = 1_767_571_200
MINUTES = 371 * 24 * 60

zones = st.sampled_from(ZONES).map(lambda name: (name, ZoneInfo(name)))
minutes = st.sampled_from([0, 1, 540, 1439]) | st.integers(0, 1439)
windows = st.builds(
    lambda days, start, end, zone: Window(days, start, end, *zone),
    st.frozensets(st.integers(0, 6)),
    minutes,
    minutes | st.just(1440),
    zones,
)


def found_of(some: list[Window]) -> dict[int, float]:
    """With as much budget as it takes."""
    budget = Budget(10**6, 10**6)
    budget.ask()
    return moments_of(some, budget)


def inside(some: list[Window], moment: float) -> int:
    """Which windows a moment is in, as bits."""
    return sum(window.holds(moment) << place for place, window in enumerate(some))


@given(st.lists(windows, max_size=4), st.integers(0, 2**32))
def test_every_combination_is_found_with_a_moment_in_it(some: list[Window], seed: int) -> None:
    """Every moment found is in what it stands for; no minute of the year is in what was not found."""
    found = found_of(some)
    assert all(inside(some, moment) == combination for combination, moment in found.items())
    random = Random(seed)
    for _ in range(100):
        assert inside(some, FIRST_S + 60 * random.randrange(MINUTES)) in found


def test_the_hours_that_only_a_change_of_clocks_brings_are_found() -> None:
    """Berlin and New York are five hours apart, and not six, for three weeks in March and one in autumn."""
    some = [
        Window(frozenset(range(7)), 14 * 60, 15 * 60, "Europe/Berlin", ZoneInfo("Europe/Berlin")),
        Window(frozenset(range(7)), 9 * 60, 10 * 60, "America/New_York", ZoneInfo("America/New_York")),
    ]
    assert set(found_of(some)) == {0b00, 0b01, 0b10, 0b11}


def test_too_many_combinations_are_refused() -> None:
    """Each minute of the week in another one."""
    zone = ZoneInfo("UTC")
    some = [Window(frozenset({day}), at, 1440, "UTC", zone) for day in range(7) for at in range(MAX_MOMENTS // 7 + 1)]
    with pytest.raises(Spent):
        found_of(some)
