"""Of thousands of findings the weightiest are shown, all are counted, and every form says so."""

from __future__ import annotations

import json

import pytest

from engine.build import build
from engine.built import Checked
from engine.reporting.baseline import Baseline
from engine.reporting.github import as_github, job_summary
from engine.reporting.json import as_json
from engine.reporting.junit import as_junit
from engine.reporting.report import Choice, FileReport, Report, file_report
from engine.reporting.sarif import sarif_object
from engine.reporting.text import human
from schemas.codes import finding
from schemas.diagnostics import Diagnostic, Span
from schemas.limits import MAX_FINDINGS
from tests.engine.files import nothing_else

LINES = MAX_FINDINGS + 500
TEXT = "".join(f"line {number}\n" for number in range(1, LINES + 1))
LAST = 20
"""So many errors, at the end of the file, behind warnings."""


def _found(line: int) -> Diagnostic:
    code = "CCR302" if line > LINES - LAST else "CCR404"
    return finding(code, f"finding {line}", Span("f.yaml", line, 1, line, 5))


def _file(choice: Choice = Choice(), lines: int = LINES) -> FileReport:  # noqa: B008 - a value
    found = tuple(_found(line) for line in range(1, lines + 1))
    return file_report(Checked("f.yaml", None, None, found, {"f.yaml": TEXT}), choice)


REST = "and 500 more in f.yaml: 500 CCR404 (`ccr test-config --select CODE` shows those)"


def test_errors_at_the_end_are_shown_before_warnings_at_the_start() -> None:
    """By place all the same, and the closing line counts every finding."""
    report = Report((_file(),), 0.0)
    said = human(report, color=False)
    shown = [line for line in said.splitlines() if line.startswith(("error[", "warning["))]
    assert len(shown) == MAX_FINDINGS
    assert shown[-LAST:] == [f"error[CCR302]: finding {line}" for line in range(LINES - LAST + 1, LINES + 1)]
    assert shown[:2] == ["warning[CCR404]: finding 1", "warning[CCR404]: finding 2"]
    assert said.split("\n\n")[-2:] == [REST, f"0 rules, 0 providers: {LAST} errors, {LINES - LAST} warnings; 0.00 s\n"]


def test_as_many_as_are_shown_have_no_rest() -> None:
    """Exactly the limit."""
    assert " more " not in human(Report((_file(lines=MAX_FINDINGS),), 0.0), color=False)


def test_what_is_selected_is_shown_whatever_was_before_it() -> None:
    """The limit counts what is left after `--select` and the baseline."""
    chosen = _file(Choice(select=["CCR302"]))
    assert len(chosen.told) == LAST
    known = frozenset(one.fingerprint for one in _file().marked()[:1000])
    new = _file(Choice(baseline=Baseline({"f.yaml": known})))
    assert (len(new.told), new.rest) == (500, None)


def test_json_and_sarif_say_how_many_are_not_listed() -> None:
    """With the fingerprints that they have among all."""
    file = _file()
    shown = json.loads(as_json(Report((file,), 0.0)))
    log = sarif_object(Report((file,), 0.0), lambda _: None)
    marks = {one.finding.message: one.fingerprint for one in file.marked()}
    assert shown["summary"]["untold"] == 500
    assert shown["summary"]["incomplete"] is False
    assert {one["message"]: one["fingerprint"] for one in shown["findings"]}.items() <= marks.items()
    assert len(shown["findings"]) == MAX_FINDINGS
    run = json.loads(json.dumps(log))["runs"][0]
    assert len(run["results"]) == MAX_FINDINGS
    notes = run["invocations"][0]["toolExecutionNotifications"]
    assert notes == [{"level": "note", "message": {"text": REST}}]


@pytest.mark.parametrize("form", [as_junit, as_github, job_summary])
def test_no_other_form_lists_them_all(form: object) -> None:
    """JUnit has errors only; GitHub's own limits are lower."""
    found = tuple(
        finding("CCR302", f"finding {line}", Span("f.yaml", line, 1, line, 5)) for line in range(1, LINES + 1)
    )
    report = Report((file_report(Checked("f.yaml", None, None, found, {"f.yaml": TEXT})),), 0.0)
    assert callable(form)
    said = form(report)
    assert said.count("finding ") <= MAX_FINDINGS
    assert " more " in said


def test_where_a_stage_gave_up_the_count_is_a_lower_bound() -> None:
    """The closing line says so, and the first finding; also where that one is not selected."""
    text = "providers: {main: {type: static}}\n" + "".join(f"k{number}: 1\n" for number in range(LINES))
    checked = build(text.encode(), "f.yaml", read_file=nothing_else, env={}, secrets="keep")
    whole, some = (Report((file_report(checked, Choice(select=codes)),), 0.0) for codes in ([], ["CCR101"]))
    assert human(whole, color=False).startswith("error[CCR006]: more than 1,000 mistakes: what is wrong behind them")
    assert human(some, color=False).endswith(f"0 rules, 1 provider: at least {MAX_FINDINGS} errors; 0.00 s\n")
    assert json.loads(as_json(some))["summary"]["incomplete"] is True
