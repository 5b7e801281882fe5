"""A report as commands to a GitHub workflow: annotations on the changed lines, and a page for the job's summary.

Source: GitHub's documentation, "Workflow commands for GitHub Actions". A step shows ten annotations of each type; what
is over them is only in the summary.
"""

from __future__ import annotations

from collections.abc import Iterator

from engine.reporting.report import Report
from engine.reporting.text import closing_line
from schemas.codes import CODES
from schemas.diagnostics import Diagnostic, Severity

SHOWN_OF_EACH_TYPE = 10
_TYPES = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "notice"}
_ROWS_OF_SUMMARY = 200


def as_github(report: Report) -> str:
    """The annotations, and the closing line for the log."""
    lines: list[str] = []
    for severity in Severity:
        found = [one for one in report.findings if one.severity is severity]
        lines += [_annotation(one) for one in found[:SHOWN_OF_EACH_TYPE]]
        if len(found) > SHOWN_OF_EACH_TYPE:
            rest = len(found) - SHOWN_OF_EACH_TYPE
            lines.append(f"{rest} more of type {_TYPES[severity]}: see the job's summary")
    return "\n".join([*lines, closing_line(report)]) + "\n"


def job_summary(report: Report) -> str:
    """The page for GITHUB_STEP_SUMMARY, in Markdown: every finding in a row, or that there is none."""
    return "\n".join(_summary(report)) + "\n"


def _annotation(found: Diagnostic) -> str:
    span = found.span
    place = {"file": span.file, "line": str(span.line), "endLine": str(span.end_line)}
    if span.line == span.end_line:
        place |= {"col": str(span.column), "endColumn": str(max(span.column, span.end_column))}
    place["title"] = f"{found.code}: {CODES[found.code].title}" if found.code in CODES else found.code
    properties = ",".join(f"{key}={_property(value)}" for key, value in place.items())
    text = found.message if found.help is None else f"{found.message}\nhelp: {found.help}"
    return f"::{_TYPES[found.severity]} {properties}::{_message(text)}"


def _message(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _message(text).replace(":", "%3A").replace(",", "%2C")


def _summary(report: Report) -> Iterator[str]:
    yield "### ccr test-config"
    yield ""
    yield closing_line(report)
    found = report.findings
    if not found:
        return
    yield from ("", "| severity | code | place | finding |", "|---|---|---|---|")
    for one in found[:_ROWS_OF_SUMMARY]:
        place = f"{one.span.file}:{one.span.line}:{one.span.column}"
        yield f"| {one.severity} | {one.code} | {_cell(place)} | {_cell(one.message)} |"
    for severity in Severity:
        over = sum(one.severity is severity for one in found) - SHOWN_OF_EACH_TYPE
        if over > 0:
            yield from ("", f"{over} of type {_TYPES[severity]} have no annotation.")
    if len(found) > _ROWS_OF_SUMMARY:
        yield from ("", f"{len(found) - _ROWS_OF_SUMMARY} more are not listed here.")


def _cell(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")
