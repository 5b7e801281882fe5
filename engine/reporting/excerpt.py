"""A finding's source lines with carets under the exact place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct

from engine.reporting.cells import cells_of
from engine.reporting.masking import Masks
from schemas.diagnostics import Diagnostic, Span
from schemas.lines import Lines

MAX_WIDTH = 120


class Mark(Struct, frozen=True):
    """What is under a line: `^` for the place itself, `-` for a label with its text."""

    span: Span
    sign: str
    text: str


class Row(Struct, frozen=True):
    """One row of an excerpt: a source line (`number`), or marks below one (`number` None)."""

    number: int | None
    text: str
    sign: str = ""


class Excerpts:
    """Excerpts of a configuration's files, credentials hidden."""

    def __init__(self, texts: Mapping[str, str], masks: Masks) -> None:
        self._lines = {file: Lines(text, file) for file, text in texts.items()}
        self._masks = masks

    def of(self, found: Diagnostic) -> list[tuple[str, list[Row]]]:
        """Rows by file, the finding's own file first; empty where the text is not known or has nothing at the place."""
        marks = [Mark(found.span, "^", ""), *(Mark(label.span, "-", label.text) for label in found.labels)]
        files = dict.fromkeys(mark.span.file for mark in marks)
        excerpts = [
            (file, list(self._rows(file, [mark for mark in marks if mark.span.file == file]))) for file in files
        ]
        return [(file, rows) for file, rows in excerpts if rows]

    def _rows(self, file: str, marks: Sequence[Mark]) -> Iterator[Row]:
        lines = self._lines.get(file)
        if lines is None or not lines.text:
            return
        by_line: dict[int, list[Mark]] = {}
        for mark in sorted(marks, key=lambda one: (one.span.line, one.span.column)):
            by_line.setdefault(mark.span.line, []).append(mark)
        for number, here in by_line.items():
            length = lines.length(number)
            start = _window(length, min(mark.span.column for mark in here))
            text = self._shown(lines, number, start)
            more = length > start + MAX_WIDTH
            yield Row(number, ("..." if start else "") + text + ("..." if more else ""))
            for mark in here:
                yield _under(mark, text, start)

    def _shown(self, lines: Lines, number: int, start: int) -> str:
        """What of a line is shown, from `start` on."""
        stretch = self._masks.around(lines, number, start + 1)
        first = start - stretch.start
        return _flat(stretch.text[first : first + MAX_WIDTH])


def _flat(text: str) -> str:
    """The line with every character one that a terminal shows in place."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else " " if char == "\t" else "\ufffd" for char in text)


def _window(length: int, column: int) -> int:
    """Where to start showing a long line so that the place is in it."""
    return 0 if length <= MAX_WIDTH or column < MAX_WIDTH - 20 else max(0, column - MAX_WIDTH // 2)


def _under(mark: Mark, text: str, start: int) -> Row:
    """The marks below the `text` that is shown, before which `start` characters are not."""
    left = min(mark.span.column - 1 - start, MAX_WIDTH)  # a second mark may lie far behind what is shown
    right = mark.span.end_column - 1 - start if mark.span.end_line == mark.span.line else len(text)
    right = min(right, MAX_WIDTH)
    before = cells_of(text[:left]) + (3 if start else 0)
    length = max(1, cells_of(text[left:right]))
    return Row(None, " " * before + mark.sign * length + (f" {mark.text}" if mark.text else ""), mark.sign)
