"""Places inside a written text: where in the file the characters of a string stand."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from schemas.diagnostics import Span
from schemas.document import Scalar

Within: TypeAlias = Callable[[int, int], Span]
"""Offsets in a string (end exclusive) to the place of that stretch."""


def within(scalar: Scalar) -> Within:
    """The map for one scalar; the whole scalar where its text is written otherwise (escapes, several lines)."""
    span, raw, value = scalar.span, scalar.raw, scalar.value
    quote = 1 if raw[:1] in ("'", '"') else 0
    if not isinstance(value, str) or raw[quote : len(raw) - quote] != value or span.line != span.end_line:
        return lambda _start, _end: span
    first = span.column + quote
    return lambda start, end: Span(span.file, span.line, first + start, span.line, first + max(end, start))
