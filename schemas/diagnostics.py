"""What is wrong with a configuration, as values with a place.

A `Diagnostic` never raises and never prints: `engine/reporting/text` shows it, `engine/build` decides whether it blocks.
Codes are `CCR` and three digits; `schemas/codes.py` is the table of all of them. Nothing here can be part of a cycle, so
Python need not look for one (`gc=False`).
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from msgspec import Struct, field


class Severity(StrEnum):
    """How much a finding weighs; the order is `error`, `warning`, `info`."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


class Span(Struct, frozen=True, order=True, gc=False):
    """A stretch of one file; lines and columns count from 1 in Unicode code points, the end is exclusive."""

    file: str
    line: int
    column: int
    end_line: int
    end_column: int

    def holds(self, other: Span) -> bool:
        """Whether the other one lies in this one."""
        return (
            self.file == other.file
            and (self.line, self.column) <= (other.line, other.column)
            and (other.end_line, other.end_column) <= (self.end_line, self.end_column)
        )


class Label(Struct, frozen=True, gc=False):
    """A secondary place with what it says, shown below the main one."""

    span: Span
    text: str


class Edit(Struct, frozen=True, gc=False):
    """Replace the text of `span` by `text`."""

    span: Span
    text: str


class Fix(Struct, frozen=True, gc=False):
    """Edits that mend the finding; `safe` means proved to change no decision."""

    safe: bool
    edits: tuple[Edit, ...]


class Diagnostic(Struct, frozen=True, gc=False):
    """One finding.

    `message` is lower case without a full stop, user input in backticks; `help` is the hint, apart.
    `data` holds what only some codes have and the JSON form prints as it is (`rule`, `blockers`, `witness`).
    """

    code: str
    severity: Severity
    message: str
    span: Span
    help: str | None = None
    labels: tuple[Label, ...] = ()
    fix: Fix | None = None
    data: Mapping[str, object] = field(default_factory=dict)

    @property
    def sort_key(self) -> tuple[str, int, int, str, str]:
        """Order of print: by place, then code, then message."""
        return (self.span.file, self.span.line, self.span.column, self.code, self.message)
