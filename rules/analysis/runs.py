"""Boxes by the first and the last piece that they want of a variable, where they want all between: no box is gone through."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping
from itertools import accumulate
from operator import or_


class Runs:
    """Boxes that want pieces of a variable, without a gap between them: as comparisons with numbers do. `others` have gaps."""

    def __init__(self, masks: Mapping[int, int]) -> None:
        self.others: dict[int, int] = {}
        by_first: dict[int, int] = {}
        by_last: dict[int, int] = {}
        for mask, boxes in masks.items():
            first, last = ends_of(mask)
            if mask != (2 << last) - (1 << first):
                self.others[mask] = boxes
                continue
            by_first[first] = by_first.get(first, 0) | boxes
            by_last[last] = by_last.get(last, 0) | boxes
        # the boxes of all runs that start, and that end, no later than there
        self._firsts, self._lasts = sorted(by_first), sorted(by_last)
        self._started = [0, *accumulate((by_first[first] for first in self._firsts), or_)]
        self._ended = [0, *accumulate((by_last[last] for last in self._lasts), or_)]

    def sides(self, domain: int) -> tuple[int, int]:
        """Of the boxes of runs, those a domain touches and those it is wholly inside."""
        first, last = ends_of(domain)
        inside = self._started[bisect_right(self._firsts, first)] & ~self._ended[bisect_left(self._lasts, last)]
        touched = 0
        while domain:
            first, rest = (domain & -domain).bit_length() - 1, domain + (domain & -domain)
            end = (rest & -rest).bit_length() - 1
            touched |= self._started[bisect_left(self._firsts, end)] & ~self._ended[bisect_left(self._lasts, first)]
            domain &= rest
        return touched, inside


def ends_of(mask: int) -> tuple[int, int]:
    """The lowest and the highest number of the bits that are set."""
    return (mask & -mask).bit_length() - 1, mask.bit_length() - 1
