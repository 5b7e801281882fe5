"""What translation lost, in one response header."""

from __future__ import annotations

from collections.abc import Sequence

from engine.http.quoting import quoted
from providers.dialects.seams import Lost

MOST_CHARS = 400
_PLAIN = "._-[]$"


def lossy_header(lost: Sequence[Lost]) -> list[tuple[str, str]]:
    """`x-ccr-lossy: field*count, ...`, fields percent-encoded; none where nothing was lost, `...` where it gets too long."""
    counts: dict[str, int] = {}
    for one in lost:
        counts[one.field] = counts.get(one.field, 0) + one.count
    value = ""
    for field, count in counts.items():
        more = f"{', ' if value else ''}{quoted(field, _PLAIN)}*{count}"
        if len(value) + len(more) > MOST_CHARS:
            value += ", ..." if value else "..."
            break
        value += more
    return [("x-ccr-lossy", value)] if value else []
