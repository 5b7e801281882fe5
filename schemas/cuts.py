"""Entries and items cut out of a text, with what belongs to them: their dash, comma, lines."""

from __future__ import annotations

import re
from collections.abc import Mapping as MappingType
from collections.abc import Sequence as SequenceType
from itertools import pairwise

from schemas.diagnostics import Edit, Span
from schemas.document import Entry, Mapping, Node, Sequence
from schemas.lines import Lines

_REST_OF_LINE = re.compile(r"[ \t]*(?:#[^\n\r]*)?(?:\r\n|\r|\n|\Z)")


def cut(parent: Mapping | Sequence, number: int, texts: MappingType[str, str]) -> Edit | None:
    """The edit that removes entry or item `number` of `parent`; a comment on its last line goes with it.

    None where more than that would have to change: the last one of a block, one that shares its line with something
    else, one that an alias or another file brought.
    """
    return Cuts(texts).cut(parent, number)


class Cuts:
    """Many cuts in the same texts: where lines and items stand is found once."""

    def __init__(self, texts: MappingType[str, str]) -> None:
        self._texts = texts
        self._lines: dict[str, Lines] = {}
        # by id; the node is kept, so that its id stays its own
        self._spans: dict[int, tuple[Mapping | Sequence, list[tuple[int, int]]]] = {}

    def cut(self, parent: Mapping | Sequence, number: int) -> Edit | None:
        """As `cut` above."""
        known = self._spans.get(id(parent))
        if known is None:
            known = self._spans[id(parent)] = (parent, self._found(parent))
        spans = known[1]
        if not spans:
            return None
        lines = self.lines(parent.span.file)
        start = lines.offset(parent.span.line, parent.span.column)
        if lines.text[start : start + 1] in ("{", "["):
            return _in_flow(lines, spans, number)
        return _in_block(lines, spans, number, isinstance(parent, Sequence)) if len(spans) > 1 else None

    def lines(self, file: str) -> Lines:
        """The lines of one of the texts."""
        if file not in self._lines:
            self._lines[file] = Lines(self._texts[file], file)
        return self._lines[file]

    def _found(self, parent: Mapping | Sequence) -> list[tuple[int, int]]:
        """Where the entries or items stand; nothing where an alias or another file brought one."""
        places = [_place(part) for part in (parent.entries if isinstance(parent, Mapping) else parent.items)]
        file = parent.span.file
        if file not in self._texts or any(start.file != file or end.file != file for start, end in places):
            return []
        lines = self.lines(file)
        spans = [
            (lines.offset(start.line, start.column), lines.offset(end.end_line, end.end_column))
            for start, end in places
        ]
        start = lines.offset(parent.span.line, parent.span.column)
        backwards = any(first > last for first, last in spans)  # an alias: its value stands before it
        if backwards or spans[0][0] < start or any(one[1] > next_one[0] for one, next_one in pairwise(spans)):
            return []
        return spans


def _place(part: Entry | Node) -> tuple[Span, Span]:
    return (part.key.span, part.value.span) if isinstance(part, Entry) else (part.span, part.span)


def _in_flow(lines: Lines, spans: SequenceType[tuple[int, int]], number: int) -> Edit:
    start, end = spans[number]
    if number + 1 < len(spans):
        end = spans[number + 1][0]
    elif number:
        start = spans[number - 1][1]
    return Edit(lines.span(start, end), "")


def _in_block(lines: Lines, spans: SequenceType[tuple[int, int]], number: int, dashed: bool) -> Edit | None:
    start, end = spans[number]
    line_start = lines.offset(lines.place(start)[0], 1)
    before = lines.text[line_start:start]
    if dashed:
        if before.strip() != "-":
            return None
    elif before.strip():
        return None
    rest = _REST_OF_LINE.match(lines.text, end)
    if rest is None:
        return None
    if rest.end() == len(lines.text) and not lines.text.endswith(("\n", "\r")):
        # the last line has no break: the one before it goes instead
        kept = lines.text[:line_start].removesuffix("\n").removesuffix("\r")
        return Edit(lines.span(len(kept), rest.end()), "")
    return Edit(lines.span(line_start, rest.end()), "")
