"""The page of each finding code, as it ships. An edge: it reads files of the package."""

from __future__ import annotations

from importlib import resources

from schemas.codes import CODES


def page_of(code: str) -> str | None:
    """The page in Markdown, or None where there is no such code."""
    if code not in CODES:
        return None
    page = resources.files("schemas").joinpath("pages", f"{code}.md")
    return page.read_text(encoding="utf-8") if page.is_file() else None
