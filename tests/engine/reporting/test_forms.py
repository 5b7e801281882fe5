"""The forms of a report for machines: GitHub annotations, SARIF, JUnit, baselines; all from the same findings."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from jsonschema import Draft4Validator, Draft7Validator

from engine.build import build
from engine.reporting.baseline import BaselineError, baseline_of, baseline_text
from engine.reporting.github import as_github, job_summary
from engine.reporting.json import report_object
from engine.reporting.junit import as_junit
from engine.reporting.outcomes import InvariantOutcome, TestOutcome
from engine.reporting.report import Choice, FileReport, Report, Status, file_report
from engine.reporting.sarif import FINGERPRINT, sarif_object
from schemas.diagnostics import Severity, Span
from schemas.pages import page_of
from tests.engine.files import nothing_else
from tests.schemas.closed import closed

TESTS = Path(__file__).resolve().parents[2]
SARIF = Draft4Validator(json.loads((TESTS / "vectors/sarif/sarif-schema-2.1.0.json").read_text(encoding="utf-8")))
OURS = Draft7Validator(closed(json.loads((TESTS.parent / "schemas/report.schema.json").read_text(encoding="utf-8"))))
BAD = TESTS / "schemas" / "bad"
FILES = sorted(path for path in BAD.iterdir() if path.suffix in (".yaml", ".json"))


def _report(path: Path) -> Report:
    checked = build(
        path.read_bytes(), path.name, read_file=lambda name: (BAD / name).read_bytes(), env={}, secrets="keep"
    )
    return Report((file_report(checked, complete=True),), 0.0)


def _file(text: str, choice: Choice = Choice(), name: str = "f.yaml", **more: Any) -> FileReport:  # noqa: B008
    checked = build(text.encode(), name, read_file=nothing_else, env={}, secrets="keep")
    return file_report(checked, choice, complete=True, **more)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_form_of_every_bad_file_keeps_its_standard(path: Path) -> None:
    """SARIF and our JSON follow their schemas, ours describes every key, JUnit is XML, and each has every finding."""
    report = _report(path)

    log: Any = sarif_object(report, page_of)
    SARIF.validate(log)
    OURS.validate(report_object(report))
    assert len(log["runs"][0]["results"]) == len(report.findings) + report.suppressed
    ElementTree.fromstring(as_junit(report))
    assert as_github(report).count("::") % 2 == 0


PROVIDERS = "providers:\n  here: {type: static}\n"
RULE = "    - name: {name}\n      condition: {{model: x}}\n      target: {{provider: nowhere}}\n"
ROUTING = "routing:\n  defaultProvider: here\n  customRules:\n"


def _marks(text: str) -> list[str]:
    return [one.fingerprint for one in _file(text).marked()]


def test_a_fingerprint_does_not_depend_on_lines() -> None:
    """Comments and rules before it change nothing; another operand or another rule does."""
    text = PROVIDERS + ROUTING + RULE.format(name="a")
    (mark,) = _marks(text)

    moved = (
        "# a remark\n" + PROVIDERS + ROUTING + RULE.format(name="b").replace("nowhere", "here") + RULE.format(name="a")
    )
    assert _marks(moved) == [mark]
    assert _marks(text.replace("name: a", "name: c")) != [mark]
    assert _marks(text.replace("nowhere", "elsewhere")) != [mark]


def test_equal_findings_have_different_fingerprints() -> None:
    """The second of two that look alike is numbered."""
    rule = "    - condition: {model: x}\n      target: {provider: nowhere}\n"
    marks = _marks(PROVIDERS + ROUTING + rule + rule)

    assert len(set(marks)) == len(marks) >= 2


def test_hidden_findings_stay_in_the_log_as_suppressed() -> None:
    """A comment is `inSource` with its reason, a baseline `external`; neither changes another's fingerprint."""
    text = (
        PROVIDERS
        + "  there: {type: static}\n  yonder: {type: static} # ccr: ignore CCR404 -- by name\nrouting: {defaultProvider: here}\n"
    )
    plain = _file(text)
    known = baseline_of(baseline_text({plain.name: [(one.fingerprint, "CCR404") for one in plain.marked()]}))
    report = Report((_file(text, Choice(baseline=known)),), 0.0)

    log: Any = sarif_object(report, page_of)
    SARIF.validate(log)
    results = log["runs"][0]["results"]
    assert [one["suppressions"] for one in results] == [
        [{"kind": "external", "justification": "in the baseline"}],
        [{"kind": "inSource", "justification": "by name"}],
    ]
    assert [one["partialFingerprints"][FINGERPRINT] for one in results] == [one.fingerprint for one in plain.marked()]
    assert (report.findings, report.known, report.suppressed) == ([], 1, 1)


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"schemaVersion": 2, "files": {}}', '{"files": {"f": []}}', "[" * 100_000]
)
def test_what_is_no_baseline_is_refused(text: str) -> None:
    """Rather than hiding nothing in silence."""
    with pytest.raises(BaselineError):
        baseline_of(text)


def test_github_gets_ten_annotations_of_a_type_and_a_count() -> None:
    """The rest is in the job's summary, where every finding has its row."""
    rules = "".join(RULE.format(name=f"rule {number}") for number in range(12))
    report = Report((_file(PROVIDERS + "  a: {type: static}\n" + ROUTING + rules),), 0.0)
    said = as_github(report).splitlines()

    assert [line.split(" ")[0] for line in said[:10]] == ["::error"] * 10
    assert said[10] == "2 more of type error: see the job's summary"
    summary = job_summary(report)
    assert summary.count("| error | CCR401 |") == 12
    assert "2 of type error have no annotation." in summary


def test_an_annotation_is_escaped_as_the_runner_wants() -> None:
    """Per cent, line breaks, and in properties colons and commas, whatever the file is called."""
    text = "providers: {here: {type: static}}\nrouting: {defaultProvider: 50%a}\n"
    (line, _) = as_github(Report((_file(text, name="a,b:c.yaml"),), 0.0)).splitlines()

    assert line == (
        "::error file=a%2Cb%3Ac.yaml,line=2,endLine=2,col=28,endColumn=32,"
        "title=CCR401%3A an unknown provider%2C model%2C category or named condition::"
        "`routing.defaultProvider` names provider `50%25a`, which does not exist%0Ahelp: known: `here`"
    )


SPAN = Span("f.yaml", 1, 1, 1, 2)
TESTED = (
    TestOutcome("haiku <goes> \x00 to background", "passed", SPAN),
    TestOutcome("long", "failed", SPAN, "went to `x` & not to `y`"),
    TestOutcome("images", "todo", SPAN),
)
HELD = (
    InvariantOutcome("private stays", "proved", SPAN),
    InvariantOutcome("no old model", "refuted", SPAN, "a request does", {"request": {}}),
    InvariantOutcome("hard", "not-proven", SPAN, "the budget ran out"),
)


def test_tests_and_invariants_are_in_every_form() -> None:
    """JUnit's cases, JSON's counts, the closing line."""
    report = Report((_file(PROVIDERS + "routing: {defaultProvider: here}\n", tests=TESTED, invariants=HELD),), 0.0)
    suites = ElementTree.fromstring(as_junit(report))

    assert {**suites.attrib} == {"tests": "7", "failures": "2", "errors": "0", "skipped": "2"}
    assert [case.get("name") for case in suites.iter("testcase")][1] == "haiku <goes> \ufffd to background"
    assert [one.text for one in suites.iter("failure")] == ["went to `x` & not to `y`", "a request does"]
    shown = report_object(report)
    OURS.validate(shown)
    assert shown["tests"] == {"passed": 1, "failed": 1, "todo": 1}
    assert as_github(report).endswith("no findings; 1/2 tests (1 to do), 1/3 invariants proved; 0.00 s\n")


@pytest.mark.parametrize(
    ("tests", "invariants", "strict", "status"),
    [
        (TESTED[:1], HELD[:1], True, Status.CLEAN),
        (TESTED[1:2], (), False, Status.FOUND),
        (TESTED[2:], HELD[2:], False, Status.CLEAN),
        (TESTED[2:], (), True, Status.FOUND),
        ((), HELD[1:2], False, Status.FOUND),
        ((), HELD[2:], True, Status.FOUND),
    ],
)
def test_what_fails_a_run(
    tests: tuple[TestOutcome, ...], invariants: tuple[InvariantOutcome, ...], strict: bool, status: Status
) -> None:
    """A failed test and a refuted invariant always do; what is to do or not proven only where it is asked for."""
    report = Report((_file(PROVIDERS + "routing: {defaultProvider: here}\n", tests=tests, invariants=invariants),), 0.0)

    assert report.status(Severity.ERROR, strict=strict) is status
    assert report.status(None, strict=strict) is status
