"""Sections that this version reads and does not act on: said, so that nobody relies on them."""

from __future__ import annotations

from collections.abc import Iterator

from engine.checks.scope import Scope
from schemas.codes import finding
from schemas.diagnostics import Diagnostic

RESERVED = ("filters",)
RESERVED = ("audit",)


def sections(scope: Scope) -> Iterator[Diagnostic]:
    """807."""
    for key in RESERVED:
        entry = scope.root.entry(key)
        if entry is not None:
            yield finding("CCR807", f"`{key}` has no effect in this version", entry.key.span)
