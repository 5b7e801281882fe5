"""Moments for every combination of windows of time that some moment is in: each zone's week is gone through once.

A year falls into stretches in which no zone changes its distance to UTC. In one of them all windows come again every
seven days, so that seven days of each combination of distances are enough.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import pairwise

from rules.analysis.budget import Budget, Spent
from rules.moments import DAYS, MINUTES_A_DAY, Window

MAX_MOMENTS = 5_000
"""Combinations of windows of which each has a piece of its own."""

_WEEK = len(DAYS) * MINUTES_A_DAY
_YEAR_START = datetime(2026, 1, 5, tzinfo=UTC)
_YEAR = timedelta(days=371)
_THURSDAY = 3 * MINUTES_A_DAY
"""Minutes from Monday to the day on which the epoch began."""


def moments_of(windows: Sequence[Window], budget: Budget) -> dict[int, float]:
    """Each combination of windows, as bits by their place, with the first moment that is in these and no others.

    Raises `Spent` where there are too many.
    """
    zones = list({window.zone: window.tz for window in windows}.items())
    weeks = [_week_of(windows, zone) for zone, _ in zones]
    found: dict[int, float] = {}
    for start_s, end_s in _stretches([tz for _, tz in zones]):
        moment = datetime.fromtimestamp(start_s, UTC)
        changes: dict[int, int] = {}
        inside = 0
        for week, (_, tz) in zip(weeks, zones, strict=True):
            ahead = _offset_s(moment, tz) // 60
            at = (start_s // 60 + ahead + _THURSDAY) % _WEEK
            budget.work(len(week))
            place = bisect_right(week, at, key=lambda one: one[0]) - 1
            inside |= week[place][1]
            for (_, before), (minute, after) in pairwise([*week[place:], *((one + _WEEK, mask) for one, mask in week)]):
                if minute - at >= min(_WEEK, (end_s - start_s) // 60):
                    break
                changes[minute - at] = changes.get(minute - at, 0) ^ before ^ after
        found.setdefault(inside, float(start_s))
        for minute, changed in sorted(changes.items()):
            inside ^= changed
            found.setdefault(inside, float(start_s + 60 * minute))
        if len(found) > MAX_MOMENTS:
            raise Spent
    return found or {0: _YEAR_START.timestamp()}


def _week_of(windows: Sequence[Window], zone: str) -> list[tuple[int, int]]:
    """From which minute of a zone's week on one is in which of its windows; the first is 0."""
    changes: dict[int, int] = {0: 0}
    inside = 0
    for place, window in enumerate(windows):
        if window.zone != zone or window.start == window.end:
            continue
        for day in window.days:
            start = day * MINUTES_A_DAY + window.start
            end = day * MINUTES_A_DAY + window.end + (MINUTES_A_DAY if window.end < window.start else 0)
            for minute in (start, end % _WEEK):
                changes[minute] = changes.get(minute, 0) ^ 1 << place
            if end >= _WEEK:
                inside ^= 1 << place
    week = []
    for minute, changed in sorted(changes.items()):
        inside ^= changed
        week.append((minute, inside))
    return week


def _stretches(zones: Sequence[tzinfo]) -> Iterator[tuple[int, int]]:
    """Stretches of a year, in seconds since the epoch, for all combinations of the zones' distances to UTC; a week is enough of each."""
    if not zones:
        return
    start = _YEAR_START - timedelta(seconds=_offset_s(_YEAR_START, zones[0]))
    stretches: dict[tuple[int, ...], list[tuple[int, int]]] = {}
    bounds = [start, *_changes(zones, start, start + _YEAR), start + _YEAR]
    for first, end in pairwise(bounds):
        offsets = tuple(_offset_s(first, zone) for zone in zones)
        stretches.setdefault(offsets, []).append((int(first.timestamp()), int(end.timestamp())))
    for some in stretches.values():
        long = next((one for one in some if one[1] - one[0] >= 60 * _WEEK), None)
        yield from some if long is None else [long]


def _changes(zones: Sequence[tzinfo], start: datetime, end: datetime) -> Iterator[datetime]:
    """When the distance of a zone to UTC changes, to the minute."""
    day = start
    while day < end:
        low, last = day, day + timedelta(days=1)
        while low < last:
            before = [_offset_s(low, zone) for zone in zones]
            high = last
            if [_offset_s(high, zone) for zone in zones] == before:
                break
            while high - low > timedelta(minutes=1):
                middle = low + timedelta(minutes=(high - low) // timedelta(minutes=2))
                if [_offset_s(middle, zone) for zone in zones] == before:
                    low = middle
                else:
                    high = middle
            yield high
            low = high
        day = last


def _offset_s(moment: datetime, zone: tzinfo) -> int:
    offset = moment.astimezone(zone).utcoffset()
    assert offset is not None
    return int(offset.total_seconds())
