"""A report for people: each finding with its source line and a caret, a census of what is clean, a closing line."""

from __future__ import annotations

from collections.abc import Iterator

from engine.reporting.census import census
from engine.reporting.excerpt import Excerpts, Row
from engine.reporting.report import FileReport, Report
from schemas.diagnostics import Diagnostic, Severity
from schemas.wording import counted, visible

_COLORS = {Severity.ERROR: "1;31", Severity.WARNING: "1;33", Severity.INFO: "1;34"}
_BLUE, _BOLD, _CYAN = "1;34", "1", "36"


def human(report: Report, *, color: bool) -> str:
    """The whole report as text that ends in a line break."""
    paint = _Paint(color)
    parts: list[str] = []
    for file in report.files:
        parts += findings_text(file, paint)
        if file.built is not None and not any(one.severity is Severity.ERROR for one in file.findings):
            parts.append(census(file.checked.file, file.built))
    parts.append(closing_line(report))
    return "\n\n".join(parts) + "\n"


def findings_text(file: FileReport, paint: _Paint) -> list[str]:
    """Each finding that is shown of a file as a paragraph, and one about the others."""
    excerpts = Excerpts(file.checked.texts, file.checked.masks)
    shown = ["\n".join(_finding(one, excerpts, paint)) for one in file.told]
    return shown if file.rest is None else [*shown, paint(file.rest, _BOLD)]


def findings_of_start(file: FileReport, *, color: bool) -> str:
    """The findings alone, for commands that print them before they go on or give up."""
    return "\n\n".join(findings_text(file, _Paint(color)))


def closing_line(report: Report) -> str:
    """`12 rules, 3 providers: 1 error, 2 warnings (1 fixable); 0.08 s`."""
    what = [
        counted(sum(file.rules for file in report.files), "rule"),
        counted(sum(file.providers for file in report.files), "provider"),
    ]
    if len(report.files) > 1:
        what.insert(0, counted(len(report.files), "file"))
    found = [
        counted(count, word)
        for severity, word in ((Severity.ERROR, "error"), (Severity.WARNING, "warning"), (Severity.INFO, "note"))
        if (count := report.count(severity))
    ]
    said = ", ".join(found) or "no findings"
    if found and any(one.checked.is_incomplete for one in report.files):
        said = f"at least {said}"
    beside = [
        f"{count} {word}"
        for count, word in (
            (report.fixable - report.fixable_unsafely, "fixable"),
            (report.fixable_unsafely, "fixable with --unsafe-fixes"),
            (report.suppressed, "suppressed"),
            (report.known, "in the baseline"),
        )
        if count
    ]
    if beside:
        said += f" ({', '.join(beside)})"
    return "; ".join([f"{', '.join(what)}: {said}", *_outcomes(report), f"{report.seconds:.2f} s"])


def _outcomes(report: Report) -> list[str]:
    """`10/10 tests, 2/2 invariants proved`, where the file has any."""
    passed = sum(one.status == "passed" for one in report.tests)
    todo = sum(one.status == "todo" for one in report.tests)
    proved = sum(one.status == "proved" for one in report.invariants)
    said = []
    if report.tests:
        said.append(f"{passed}/{len(report.tests) - todo} tests" + (f" ({todo} to do)" if todo else ""))
    if report.invariants:
        said.append(f"{proved}/{len(report.invariants)} invariants proved")
    unproven = sum(one.unproven for one in report.files)
    if unproven:
        said.append(f"{unproven} {'question' if unproven == 1 else 'questions'} not proven")
    said += [f"{one.coverage.percent} % covered" for one in report.files if one.coverage is not None]
    return [", ".join(said)] if said else []


class _Paint:
    """Colours, or none of them."""

    def __init__(self, on: bool) -> None:
        self._on = on

    def __call__(self, text: str, code: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self._on and text else text


def _finding(found: Diagnostic, excerpts: Excerpts, paint: _Paint) -> Iterator[str]:
    color = _COLORS[found.severity]
    yield paint(f"{found.severity}[{found.code}]", color) + paint(f": {visible(found.message)}", _BOLD)
    shown = excerpts.of(found)
    widest = max((row.number or 0 for _, rows in shown for row in rows), default=0)
    margin = " " * max(2, len(str(widest)))
    span = found.span
    yield f"{margin}{paint('-->', _BLUE)} {visible(span.file)}:{span.line}:{span.column}"
    for file, rows in shown:
        if file != span.file:
            first = next(row.number for row in rows if row.number is not None)
            yield f"{margin}{paint(':::', _BLUE)} {visible(file)}:{first}"
        yield f"{margin} {paint('|', _BLUE)}"
        for row in rows:
            yield _row(row, len(margin), color, paint)
    if isinstance(proof := found.data.get("proof"), str):
        yield f"{margin} {paint('= proof request:', _CYAN)} {visible(proof)}"
    if found.help:
        yield f"{margin} {paint('= help:', _CYAN)} {visible(found.help)}"


def _row(row: Row, width: int, color: str, paint: _Paint) -> str:
    number = "" if row.number is None else str(row.number)
    text = row.text if row.number is not None else paint(visible(row.text), color if row.sign == "^" else _BLUE)
    return f"{paint(number.rjust(width), _BLUE)} {paint('|', _BLUE)} {text}".rstrip()
