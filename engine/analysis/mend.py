"""Fixes applied and the result checked again, until nothing is left that can be mended."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator, Mapping

from msgspec import Struct

from engine.built import Checked, Routing
from engine.reporting.report import FileReport
from schemas.diagnostics import Fix, Severity
from schemas.edits import compatible, edited
from schemas.lines import Lines

MAX_ROUNDS = 20

Recheck = Callable[[Mapping[str, str]], FileReport]
"""Checks the configuration anew with these texts in place of the files of their names."""

Unchanged = Callable[[Routing, Routing], bool]
"""Whether two configurations are proved to decide the same for every request."""


class Mended(Struct, frozen=True):
    """`texts` are the files that changed, `report` is what is found now, `fixes` how many were made."""

    texts: Mapping[str, str]
    report: FileReport
    fixes: int


def mended(report: FileReport, recheck: Recheck, unchanged: Unchanged, *, unsafe: bool) -> Mended:
    """Applies the safe fixes, with `unsafe` all of them, round by round.

    Safe ones go first, in rounds of their own. A round that leaves the file worse, or safe fixes after which it is not
    proved to decide the same, is taken back and its fixes are tried one at a time.
    """
    texts: dict[str, str] = {}
    refused: set[Fix] = set()
    count = 0
    for _ in range(MAX_ROUNDS):
        fixes = [one.fix for one in report.findings if one.fix is not None and one.fix not in refused]
        chosen = compatible((fix for fix in fixes if fix.safe), report.checked.texts)
        if not chosen and unsafe:
            chosen = compatible(fixes, report.checked.texts)
        if not chosen:
            break
        made = _made(report, chosen, texts, recheck, unchanged)
        if made is None and len(chosen) == 1:
            refused.add(chosen[0])
            continue
        if made is None:
            chosen, made = _first_that_helps(report, chosen, texts, recheck, unchanged, refused)
            if made is None:
                continue
        texts, report = made
        refused = set()
        count += len(chosen)
    return Mended(texts, report, count)


def _first_that_helps(
    report: FileReport,
    fixes: Iterable[Fix],
    texts: Mapping[str, str],
    recheck: Recheck,
    unchanged: Unchanged,
    refused: set[Fix],
) -> tuple[list[Fix], tuple[dict[str, str], FileReport] | None]:
    for fix in fixes:
        made = _made(report, [fix], texts, recheck, unchanged)
        if made is not None:
            return [fix], made
        refused.add(fix)
    return [], None


def _made(
    report: FileReport, fixes: list[Fix], texts: Mapping[str, str], recheck: Recheck, unchanged: Unchanged
) -> tuple[dict[str, str], FileReport] | None:
    """The texts and the report after these fixes, or None where they must not be made."""
    after_texts = {**texts, **edited(report.checked.texts, (edit for fix in fixes for edit in fix.edits))}
    after = recheck(after_texts)
    before = report.checked
    if before.document is not None and after.checked.document is None:
        return None
    if before.built is not None and (after.checked.built is None or _errors(after) > _errors(report)):
        return None
    if before.routing is not None:
        safe, routing = all(fix.safe for fix in fixes), after.checked.routing
        if routing is None or (safe and not unchanged(before.routing, routing)):
            return None
    return after_texts, after


def _errors(report: FileReport) -> int:
    return sum(one.severity is Severity.ERROR for one in report.findings)


def difference(before: Checked, after: Checked) -> str:
    """What changed as a unified diff, credentials hidden."""
    return "".join(
        line
        for file, text in after.texts.items()
        if file in before.texts and text != before.texts[file]
        for line in _file_difference(file, _shown(before, file), _shown(after, file))
    )


def _file_difference(file: str, before: list[str], after: list[str]) -> Iterator[str]:
    name = file.lstrip("/")
    for line in difflib.unified_diff(before, after, f"a/{name}", f"b/{name}"):
        yield line if line.endswith("\n") else line + "\n\\ No newline at end of file\n"


def _shown(checked: Checked, file: str) -> list[str]:
    """The lines of a file with their ends, credentials hidden."""
    text = checked.texts[file]
    lines, masks = Lines(text, file), checked.masks
    shown = []
    for number in range(1, len(lines) + 1):
        start = lines.offset(number, 1)
        line = lines.line(number)
        end = text[start + len(line) : lines.offset(number + 1, 1)] if number < len(lines) else ""
        if line or end:
            shown.append(masks.shown(file, number, line, lines.line(number - 1)) + end)
    return shown
