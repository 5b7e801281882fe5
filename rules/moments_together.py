"""Which of many windows of time hold at each of many moments."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta, tzinfo

from rules.moments import DAYS, MINUTES_A_DAY, Window

_WEEK = len(DAYS) * MINUTES_A_DAY
_EPOCH = 3 * MINUTES_A_DAY
"""The minute of the week, from Monday, at which the epoch began."""

_DAY_S = 86_400


def windows_at(windows: Sequence[Window], moments: Sequence[float]) -> list[int]:
    """For each moment, in seconds since the epoch, the windows that it is in, as bits."""
    zones: dict[str, list[int]] = {}
    for number, window in enumerate(windows):
        zones.setdefault(window.zone, []).append(number)
    days: dict[int, tuple[list[tuple[int, _Week]], list[int]]] = {}
    weeks: dict[tuple[str, ...], _Week] = {}
    found = []
    for moment in moments:
        day = int(moment // _DAY_S)
        if day not in days:
            days[day] = _day(windows, zones, day, weeks)
        steady, others = days[day]
        bits = sum(1 << number for number in others if windows[number].holds(moment))
        for offset, week in steady:
            bits |= week.at(int((moment + offset) // 60))
        found.append(bits)
    return found


def _day(
    windows: Sequence[Window], zones: dict[str, list[int]], day: int, weeks: dict[tuple[str, ...], _Week]
) -> tuple[list[tuple[int, _Week]], list[int]]:
    """The weeks of all zones whose clocks no one touches on a day, by their offset; the windows of the others."""
    by_offset: dict[int, list[str]] = {}
    others: list[int] = []
    for zone, numbers in zones.items():
        tz = windows[numbers[0]].tz
        first, last = (_offset_of(tz, day * _DAY_S + at) for at in (0, _DAY_S))
        if first == last:
            by_offset.setdefault(first, []).append(zone)
        else:
            others += numbers
    steady = []
    for offset, names in by_offset.items():
        key = tuple(names)
        if key not in weeks:
            weeks[key] = _Week([(number, windows[number]) for name in names for number in zones[name]])
        steady.append((offset, weeks[key]))
    return steady, others


def _offset_of(tz: tzinfo, moment: int) -> int:
    return int((datetime.fromtimestamp(moment, tz).utcoffset() or timedelta()).total_seconds())


class _Week:
    """The minutes of a week at which numbered windows begin or end, and which hold from there on."""

    def __init__(self, windows: Sequence[tuple[int, Window]]) -> None:
        turns: dict[int, int] = {0: 0}
        for number, window in windows:
            for start, end in _spans(window):
                for minute in (start, end):
                    turns[minute % _WEEK] = turns.get(minute % _WEEK, 0) ^ 1 << number
                if end >= _WEEK:
                    turns[0] ^= 1 << number  # it holds when the week begins, or ends there
        self._minutes = sorted(turns)
        self._bits: list[int] = []
        now = 0
        for minute in self._minutes:
            now ^= turns[minute]
            self._bits.append(now)

    def at(self, minute: int) -> int:
        """The windows that hold in a local minute since the epoch."""
        return self._bits[bisect_right(self._minutes, (minute + _EPOCH) % _WEEK) - 1]


def _spans(window: Window) -> Iterator[tuple[int, int]]:
    """Where a window holds, in minutes from the week's beginning; the last one may end behind the week's end."""
    for day in window.days if window.start != window.end else ():
        start = day * MINUTES_A_DAY
        end = start + window.end + (MINUTES_A_DAY if window.end < window.start else 0)
        yield start + window.start, end
