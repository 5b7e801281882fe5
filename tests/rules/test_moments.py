"""Windows of time and shares of traffic."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from fractions import Fraction
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.evaluate import holds
from rules.moments import Share, Window, bucket_of
from rules.moments_together import windows_at
from rules.operands import percent_of
from tests.rules.compiling import Given, condition

MONDAY = "2026-01-05"
WINDOWS: list[tuple[str, str, bool]] = [
    ("{days: mon-fri}", "2026-01-05T00:00", True),
    ("{days: mon-fri}", "2026-01-10T00:00", False),
    ("{days: [sat, Sunday]}", "2026-01-11T23:59", True),
    ("{days: fri-mon}", "2026-01-11T12:00", True),
    ("{days: fri-mon}", "2026-01-06T12:00", False),
    ('{days: "mon, wed"}', "2026-01-07T12:00", True),
    ('{between: ["09:00", "18:00"]}', "2026-01-05T09:00", True),
    ('{between: "09:00-18:00"}', "2026-01-05T18:00", False),
    ('{between: "09:00-18:00"}', "2026-01-05T17:59", True),
    ('{between: "00:00-24:00"}', "2026-01-05T23:59", True),
    ('{between: "22:00-06:00"}', "2026-01-05T05:59", True),
    ('{between: "22:00-06:00"}', "2026-01-05T06:00", False),
    ('{days: fri, between: "22:00-06:00"}', "2026-01-09T22:00", True),
    ('{days: fri, between: "22:00-06:00"}', "2026-01-10T05:59", True),
    ('{days: fri, between: "22:00-06:00"}', "2026-01-09T05:00", False),
    ('{days: fri, between: "22:00-06:00"}', "2026-01-10T23:00", False),
    ('{between: "09:00-09:00"}', "2026-01-05T09:00", False),
    ('{between: "09:00-18:00", tz: Europe/Berlin}', "2026-01-05T08:00", True),
    ('{between: "09:00-18:00", tz: Europe/Berlin}', "2026-07-06T07:00", True),
    ('{between: "09:00-18:00", tz: Europe/Berlin}', "2026-01-05T07:00", False),
    ('{days: mon, tz: Asia/Tokyo}', "2026-01-04T15:00", True),
    ("{days: mon, tz: utc}", "2026-01-05T15:00", True),
]  # fmt: skip


@pytest.mark.parametrize(("window", "moment", "inside"), WINDOWS)
def test_a_window_holds_at_its_times(window: str, moment: str, inside: bool) -> None:
    """Each row: a window, a moment in UTC, and whether it is inside; a span over midnight belongs to its first day."""
    now = datetime.fromisoformat(moment).replace(tzinfo=UTC).timestamp()
    assert holds(condition(f"{{time: {window}}}"), Given({"time": now})) is inside


BUCKETS: list[tuple[str, str, int]] = [
    ("spring", "user-1", int.from_bytes(hashlib.sha256(b"spring\x00user-1").digest()[:8], "big")),
    ("", "", 0x6E340B9CFFB37A98),
]


def test_a_bucket_is_the_head_of_a_hash() -> None:
    """The first eight bytes of SHA-256 over salt, NUL and key, with a value known from elsewhere."""
    assert bucket_of("", "") == 0x6E340B9CFFB37A98
    assert bucket_of("spring", "user-1") == BUCKETS[0][2]


THRESHOLDS: list[tuple[int | float | str, int]] = [
    (0, 0),
    (100, 2**64),
    (50, 2**63),
    (10, 2**64 // 10),
    (12.5, 2**61),
    (0.1, 2**64 // 1000),
    ("33.3", 333 * 2**64 // 1000),
    ("25%", 2**62),
]


@pytest.mark.parametrize(("percent", "threshold"), THRESHOLDS)
def test_thresholds_are_exact_integers(percent: int | float | str, threshold: int) -> None:
    """floor(percent * 2^64 / 100), from the percentage as written and not from a float."""
    assert Share(percent_of(percent), "s").threshold == threshold


@given(st.text(max_size=20), st.fractions(0, 100), st.fractions(0, 100))
def test_raising_the_percentage_never_evicts(key: str, one: Fraction, other: Fraction) -> None:
    """Who is in at the lower percentage is in at the higher one."""
    low, high = sorted((one, other))
    assert not Share(low, "s").holds(key) or Share(high, "s").holds(key)


@pytest.mark.parametrize(
    ("written", "values"),
    [
        ("{percent: 100, salt: s}", {"sessionId": "x"}),
        ("{percent: 100, salt: s, by: clientKey}", {"clientKey": "x"}),
        ("{percent: 100, salt: s, by: clientIp}", {"clientIp": "::1"}),
        ("{percent: 100, salt: s, by: header.X-Team}", {"header.x-team": "x"}),
    ],
)
def test_a_rollout_goes_by_its_key(written: str, values: dict[str, str]) -> None:
    """Everybody with a key is in at 100 per cent, nobody without one."""
    rollout = condition(f"{{rollout: {written}}}")
    assert holds(rollout, Given(values))
    assert not holds(rollout, Given({}))


def test_a_rollout_takes_about_its_share() -> None:
    """Of 10,000 sessions about 2,500 are in at 25 per cent."""
    share = Share(Fraction(25), "spring")
    assert 2_300 < sum(share.holds(f"session-{number}") for number in range(10_000)) < 2_700


ZONES = ("UTC", "Europe/Berlin", "Asia/Kolkata", "Pacific/Apia", "America/St_Johns", "Australia/Lord_Howe")
MINUTES = st.integers(0, 24 * 60)
SOME_WINDOWS = st.lists(
    st.builds(
        lambda days, start, end, zone: Window(days, start, end, zone, ZoneInfo(zone)),
        st.frozensets(st.integers(0, 6)), MINUTES, MINUTES, st.sampled_from(ZONES),
    ),
    max_size=8,
)  # fmt: skip
NEAR_A_CHANGE_OF_CLOCKS = st.integers(1_774_600_000, 1_775_400_000)
"""Days around March 29th and April 5th of 2026, when clocks change in Berlin and on Lord Howe."""


@given(
    SOME_WINDOWS, st.lists(st.one_of(NEAR_A_CHANGE_OF_CLOCKS, st.integers(1_600_000_000, 2_000_000_000)), max_size=8)
)
def test_windows_looked_at_together_are_as_each_of_them(windows: list[Window], moments: list[int]) -> None:
    """In every zone, also on the day on which its clocks change, and over midnight from Sunday to Monday."""
    each = [sum(1 << number for number, window in enumerate(windows) if window.holds(moment)) for moment in moments]
    assert windows_at(windows, moments) == each
