"""The page of each finding code, as it ships. An edge: it reads files of the package."""

from __future__ import annotations

from importlib import resources

from schemas.codes import CODES, WEIGHED_TWICE
from schemas.diagnostics import Severity


def weight_of(code: str) -> str:
    """How much a finding of this code weighs, and whether it refuses the start."""
    row = CODES[code]
    words = [WEIGHED_TWICE.get(code, row.severity.value)]
    if row.blocking and row.severity is Severity.ERROR:
        words.append("refuses the start")
    if row.asked:
        words.append("only when asked for")
    return ", ".join(words)


def page_of(code: str) -> str | None:
    """The page in Markdown, or None where there is no such code."""
    if code not in CODES:
        return None
    page = resources.files("schemas").joinpath("pages", f"{code}.md")
    return page.read_text(encoding="utf-8") if page.is_file() else None
