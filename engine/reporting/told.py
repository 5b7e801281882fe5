"""Which findings are shown where there are more than anybody reads, and what is said of the rest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from schemas.diagnostics import Diagnostic, Severity
from schemas.limits import MAX_FINDINGS


def told_of(found: Sequence[Diagnostic]) -> Sequence[Diagnostic]:
    """As many as are shown of a file, in their order; errors before warnings before notes have a place among them."""
    if len(found) <= MAX_FINDINGS:
        return found
    weights = list(Severity)
    chosen = {id(one) for one in sorted(found, key=lambda one: weights.index(one.severity))[:MAX_FINDINGS]}
    return [one for one in found if id(one) in chosen]


def rest_of(found: Sequence[Diagnostic], file: str) -> str | None:
    """`and 2,140 more in ccr.yaml: 2,000 CCR101, 140 CCR302 (...)`, or None where all are shown."""
    if len(found) <= MAX_FINDINGS:
        return None
    codes = Counter(one.code for one in found)
    codes.subtract(one.code for one in told_of(found))
    counts = ", ".join(f"{count:,} {code}" for code, count in sorted(codes.items()) if count)
    return f"and {len(found) - MAX_FINDINGS:,} more in {file}: {counts} (`ccr test-config --select CODE` shows those)"
