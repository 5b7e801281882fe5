"""Sections that this version reads and does not act on: said, so that nobody relies on them."""

from __future__ import annotations

from collections.abc import Iterator

from engine.checks.scope import Scope
from schemas.codes import finding
from schemas.diagnostics import Diagnostic

RESERVED = ("filters", "audit")
RESERVED_OF_SERVER: tuple[str, ...] = ()


def sections(scope: Scope) -> Iterator[Diagnostic]:
    """807."""
    for prefix, keys, node in (("", RESERVED, scope.root), ("server.", RESERVED_OF_SERVER, scope.mapping("server"))):
        for key in keys:
            entry = node.entry(key)
            if entry is not None:
                yield finding("CCR807", f"`{prefix}{key}` has no effect in this version", entry.key.span)
