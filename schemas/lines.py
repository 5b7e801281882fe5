"""Offsets in a text to lines and columns, and back to the line's text."""

from __future__ import annotations

import re
from bisect import bisect_right
from itertools import accumulate

from schemas.diagnostics import Span

_BREAK = re.compile(r"\r\n|\r|\n")


class Lines:
    """Where each line of `text` starts; only CR, LF and CRLF end a line, columns are code points."""

    __slots__ = ("_ends", "_last", "_starts", "file", "text")

    def __init__(self, text: str, file: str) -> None:
        self.text, self.file = text, file
        if "\r" in text:
            breaks = [match.span() for match in _BREAK.finditer(text)]
            self._starts = [0, *(end for _, end in breaks)]
            self._ends = [*(start for start, _ in breaks), len(text)]
        else:
            self._starts = [0, *accumulate(map((1).__add__, map(len, text.split("\n"))))]
            self._ends = [start - 1 for start in self._starts[1:]]
            self._starts.pop()
        self._last = 1, self._starts[0], self._ends[0]
        """The line that a span was asked of last, as most are asked in their order, and where it begins and ends."""

    def place(self, offset: int) -> tuple[int, int]:
        """Line and column, from 1, of a code-point offset; one past the text gives the place just after it."""
        offset = max(0, min(offset, len(self.text)))
        line = bisect_right(self._starts, offset)
        start, end = self._starts[line - 1], self._ends[line - 1]
        return line, min(offset, end) - start + 1

    def offset(self, line: int, column: int) -> int:
        """The offset of a place; the nearest one inside the text where there is no such place."""
        if line < 1:
            return 0
        if line > len(self._starts):
            return len(self.text)
        start, end = self._starts[line - 1], self._ends[line - 1]
        return min(start + max(column, 1) - 1, end)

    def span(self, start: int, end: int) -> Span:
        """The span of `text[start:end]`."""
        line, first, last = self._last
        if not first <= start <= last:
            line, _ = self.place(start)
            first, last = self._starts[line - 1], self._ends[line - 1]
            self._last = line, first, last
        column = min(max(start, 0), last) - first + 1
        if 0 <= start <= end <= last:
            return Span(self.file, line, column, line, column + end - start)
        return Span(self.file, line, column, *self.place(max(start, end)))

    def line(self, number: int) -> str:
        """The text of a line without its end, or an empty one where there is none."""
        return self.part(number, 0, None)

    def length(self, number: int) -> int:
        """How many characters a line has; none where there is no such line."""
        return self._ends[number - 1] - self._starts[number - 1] if 1 <= number <= len(self._starts) else 0

    def part(self, number: int, start: int, end: int | None) -> str:
        """`line(number)[start:end]`, without making the whole of a long line."""
        if not 1 <= number <= len(self._starts):
            return ""
        first, last = self._starts[number - 1], self._ends[number - 1]
        return self.text[min(first + start, last) : last if end is None else min(first + end, last)]

    def __len__(self) -> int:
        return len(self._starts)
