"""Edits of a text by their places, and the edits that common slips need. No byte outside an edit changes."""

from __future__ import annotations

import re
from bisect import bisect_left, insort
from collections.abc import Iterable, Mapping, Sequence

from schemas.diagnostics import Edit, Fix, Span
from schemas.document import Scalar
from schemas.lines import Lines
from schemas.places import inside
from schemas.suggest import only_nearest

# what both languages read as a text, and as this one, without quotes
_PLAIN_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]*")
_OTHER_MEANING = ("true", "false", "null", "yes", "no", "on", "off", "y", "n")


def edited(texts: Mapping[str, str], edits: Iterable[Edit]) -> dict[str, str]:
    """The texts that the edits change, from right to left. INVARIANT: the edits do not overlap (see `compatible`)."""
    changed: dict[str, str] = {}
    of_file: dict[str, list[Edit]] = {}
    for edit in edits:
        of_file.setdefault(edit.span.file, []).append(edit)
    for file, listed in of_file.items():
        lines = Lines(texts[file], file)
        text = lines.text
        for edit in sorted(listed, key=lambda one: one.span, reverse=True):
            start, end = _stretch(lines, edit.span)
            text = text[:start] + edit.text + text[end:]
        changed[file] = text
    return changed


def compatible(fixes: Iterable[Fix], texts: Mapping[str, str]) -> list[Fix]:
    """The fixes that can be made together: each whose edits touch none of an earlier one's and lie in a known text."""
    taken: dict[str, list[tuple[int, int]]] = {}
    lines = {file: Lines(text, file) for file, text in texts.items()}
    chosen = []
    for fix in fixes:
        places = [
            (edit.span.file, *_stretch(lines[edit.span.file], edit.span))
            for edit in fix.edits
            if edit.span.file in lines
        ]
        if len(places) < len(fix.edits) or any(
            _touches(taken.get(file, ()), start, end) for file, start, end in places
        ):
            continue
        chosen.append(fix)
        for file, start, end in places:
            insort(taken.setdefault(file, []), (start, end))
    return chosen


def _touches(taken: Sequence[tuple[int, int]], start: int, end: int) -> bool:
    """Whether a stretch overlaps one of the sorted ones, which do not overlap, or begins where one does."""
    after = bisect_left(taken, (start,))
    return (after < len(taken) and (taken[after][0] < end or taken[after][0] == start)) or (
        after > 0 and taken[after - 1][1] > start
    )


def renaming(scalar: Scalar, start: int, end: int, known: Iterable[str]) -> Fix | None:
    """The unsafe fix that puts the one known name near to `scalar.value[start:end]` in its place; quotes stay as they are."""
    name = only_nearest(str(scalar.value)[start:end], known)
    if name is None or not is_plain_word(name):
        return None
    span = inside(scalar, start, end)
    if span == scalar.span and scalar.quoted:
        return None
    return Fix(safe=False, edits=(Edit(span, name),))


def renaming_whole(scalar: Scalar, known: Iterable[str]) -> Fix | None:
    """`renaming` of the whole text."""
    return renaming(scalar, 0, len(str(scalar.value)), known)


def in_quotes(span: Span, text: str) -> Fix | None:
    """The safe fix that puts the unquoted text at `span` into double quotes, where that needs no escape."""
    if any(char in text for char in '"\\\n\r\t'):
        return None
    return Fix(safe=True, edits=(Edit(span, f'"{text}"'),))


def unsafe(fix: Fix | None) -> Fix | None:
    """The same fix for a place where something else may have been meant."""
    return None if fix is None else Fix(safe=False, edits=fix.edits)


def replacing(span: Span, text: str, *, safe: bool) -> Fix:
    """The fix that writes `text` at `span`."""
    return Fix(safe=safe, edits=(Edit(span, text),))


def is_plain_word(text: str) -> bool:
    """Whether a text can stand without quotes wherever another text stood."""
    return _PLAIN_WORD.fullmatch(text) is not None and text.lower() not in _OTHER_MEANING


def _stretch(lines: Lines, span: Span) -> tuple[int, int]:
    start = lines.offset(span.line, span.column)
    return start, max(start, lines.offset(span.end_line, span.end_column))
