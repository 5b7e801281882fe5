"""What is said where more is wrong than is told."""

from __future__ import annotations

from schemas.codes import finding
from schemas.diagnostics import Diagnostic, Span
from schemas.limits import MAX_ENTRIES, MAX_FINDINGS, MAX_LISTS_IN_LISTS

INCOMPLETE = "incomplete"
"""The key of a finding's data that says that there may be more findings than were made."""

ENTRIES = f"more than {MAX_ENTRIES:,} entries in one list or mapping"
LISTS_IN_LISTS = f"more than {MAX_LISTS_IN_LISTS:,} lists are items of lists"


def too_many(file: str) -> Diagnostic:
    """At the top of a file of which one stage gave up after so many mistakes."""
    return finding(
        "CCR006",
        f"more than {MAX_FINDINGS:,} mistakes: what is wrong behind them is not told",
        Span(file, 1, 1, 1, 1),
        help="mend what is told, then check again",
        data={INCOMPLETE: True},
    )
