"""Places inside a written text: where in the file the characters of a string stand."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from schemas.diagnostics import Span
from schemas.document import Scalar
from schemas.places import inside

Within: TypeAlias = Callable[[int, int], Span]
"""Offsets in a string (end exclusive) to the place of that stretch."""


def within(scalar: Scalar) -> Within:
    """The map for one scalar."""
    return lambda start, end: inside(scalar, start, end)
