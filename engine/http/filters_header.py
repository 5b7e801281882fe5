"""`x-ccr-filters`: which filters applied to a request, and how often each found its patterns. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from engine.http.quoting import quoted
from rules.nodes import Found

_PLAIN = " /:;()[]{}@+*'!?&#$|<>~^`"  # what may stand in a name as it is; `=` and `,` part names


def filters_header(found: Iterable[Found]) -> tuple[str, str]:
    """The header, such as `secrets=2, internal`; names are percent-encoded UTF-8."""
    parts = [quoted(one.filter, _PLAIN) + (f"={one.count}" if one.count else "") for one in found]
    return "x-ccr-filters", ", ".join(parts)
