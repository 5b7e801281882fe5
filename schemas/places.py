"""Places inside a scalar: an offset of the value to a line and column of the file, through quotes and escapes."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache, partial
from typing import TypeAlias

from schemas.diagnostics import Span
from schemas.document import Scalar

_DOUBLE = re.compile(
    r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|x..|u....|U........|.)|.", re.DOTALL
)
_SINGLE = re.compile(r"''|.", re.DOTALL)


Within: TypeAlias = Callable[[int, int], Span]
"""Offsets in a string (end exclusive) to the place of that stretch."""


def inside(scalar: Scalar, start: int, end: int) -> Span:
    """The span of `scalar.value[start:end]` in the file.

    The whole scalar where that cannot be told: a folded text, or a value that was replaced (`${...}`).
    """
    return within(scalar)(start, end)


def within(scalar: Scalar) -> Within:
    """The same for many stretches of one scalar, which is gone through once."""
    first = _first_column(scalar)
    if first is not None:
        return partial(_on_one_line, scalar.span, first, len(str(scalar.value)))
    places_of = cache(partial(_places, scalar))

    def span_of(start: int, end: int) -> Span:
        places = places_of()
        if places is None or not 0 <= start <= end < len(places):
            return scalar.span
        line, column = places[start]
        end_line, end_column = places[end]
        if end > start:
            # the end is just after the last character, not before the next one, which may be on another line
            last_line, last_column = places[end - 1]
            if last_line != end_line:
                end_line, end_column = last_line, last_column + 1
        return Span(scalar.span.file, line, column, end_line, end_column)

    return span_of


def _first_column(scalar: Scalar) -> int | None:
    """The column of the first character of a value that stands on its line letter by letter; None for all others."""
    if "\n" in scalar.raw or "\r" in scalar.raw:
        return None
    if not scalar.quoted:
        return scalar.span.column if scalar.raw == scalar.value else None
    return scalar.span.column + 1 if scalar.raw[:1] in ("'", '"') and scalar.raw[1:-1] == scalar.value else None


def _on_one_line(whole: Span, first: int, length: int, start: int, end: int) -> Span:
    if not 0 <= start <= end <= length:
        return whole
    return Span(whole.file, whole.line, first + start, whole.line, first + end)


def _places(scalar: Scalar) -> list[tuple[int, int]] | None:
    """Line and column of each character of the value, and of its end."""
    if not isinstance(scalar.value, str):
        return None
    raw, value, line, column = scalar.raw, scalar.value, scalar.span.line, scalar.span.column
    if not scalar.quoted:
        return [(line, column + i) for i in range(len(raw) + 1)] if raw == value else None
    if raw[:1] == "|":
        return _block_places(raw, value, line)
    if raw[:1] not in ('"', "'") or "\n" in raw or "\r" in raw:
        return None
    pattern = _DOUBLE if raw[0] == '"' else _SINGLE
    column += 1
    places = []
    for match in pattern.finditer(raw[1:-1]):
        places.append((line, column))
        column += len(match[0])
    places.append((line, column))
    return places if len(places) == len(value) + 1 else None


def _block_places(raw: str, value: str, line: int) -> list[tuple[int, int]] | None:
    written = raw.splitlines()[1:]
    kept = value.split("\n")
    places: list[tuple[int, int]] = []
    for number, text in enumerate(kept):
        source = written[number] if number < len(written) else ""
        indent = len(source) - len(text)
        if number < len(written) and (indent < 0 or not source.endswith(text)):
            return None
        places += [(line + 1 + number, indent + 1 + i) for i in range(len(text) + 1)]
    return places if len(places) == len(value) + 1 else None
