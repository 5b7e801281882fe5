"""Sections that this version reads and does not act on: said, so that nobody relies on them."""

from __future__ import annotations

from collections.abc import Iterator

from engine.checks.scope import Scope
from schemas.codes import finding
from schemas.diagnostics import Diagnostic
from schemas.document import Mapping, Scalar

RESERVED = ("filters", "budgets", "usage", "audit")
RESERVED_OF_SERVER = ("apiKeys", "access", "limits", "tls", "trustedProxies")

# types whose dialect comes in a later version; `providers/dialects/table.py` has the others (a test compares)
LATER_TYPES = ("bedrock",)


def sections(scope: Scope) -> Iterator[Diagnostic]:
    """807, and 104 for a type that has no dialect yet."""
    for prefix, keys, node in (("", RESERVED, scope.root), ("server.", RESERVED_OF_SERVER, scope.mapping("server"))):
        for key in keys:
            entry = node.entry(key)
            if entry is not None:
                yield finding("CCR807", f"`{prefix}{key}` has no effect in this version", entry.key.span)
    saving = scope.mapping("debug").entry("saveRequests")
    if saving is not None and isinstance(saving.value, Scalar) and saving.value.value is True:
        yield finding("CCR807", "`debug.saveRequests` has no effect in this version", saving.key.span)
    for entry in scope.provider_entries():
        kind = entry.value.get("type") if isinstance(entry.value, Mapping) else None
        if isinstance(kind, Scalar) and kind.value in LATER_TYPES:
            yield finding("CCR104", f"type `{kind.value}` is not served by this version yet", kind.span)
