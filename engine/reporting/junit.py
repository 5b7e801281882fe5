"""Tests and invariants of a report as JUnit XML, the form that build servers read."""

from __future__ import annotations

import re
from xml.sax.saxutils import escape, quoteattr

from engine.reporting.outcomes import InvariantOutcome, TestOutcome
from engine.reporting.report import FileReport, Report
from engine.reporting.told import rest_of, told_of
from schemas.diagnostics import Severity

# characters that XML 1.0 has no way to write
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def as_junit(report: Report) -> str:
    """A suite for each file: a case for the check of the configuration itself, each test and each invariant."""
    suites = [_suite(file) for file in report.files]
    total = [sum(counts) for counts in zip(*(counts for counts, _ in suites), strict=True)] or [0, 0, 0]
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', f"<testsuites{_counts(total)}>"]
    for _, text in suites:
        lines += text
    return "\n".join([*lines, "</testsuites>"]) + "\n"


def _suite(file: FileReport) -> tuple[list[int], list[str]]:
    cases = [_check(file), *map(_test, file.tests), *map(_invariant, file.invariants)]
    counts = [len(cases), sum("<failure" in case for case in cases), sum("<skipped" in case for case in cases)]
    name = quoteattr(_clean(file.name))
    body = [f"  {line}" for case in cases for line in case.splitlines()]
    return counts, [f"<testsuite name={name}{_counts(counts)}>", *body, "</testsuite>"]


def _counts(counts: list[int]) -> str:
    tests, failures, skipped = counts
    return f' tests="{tests}" failures="{failures}" errors="0" skipped="{skipped}"'


def _check(file: FileReport) -> str:
    errors = [one for one in file.findings if one.severity is Severity.ERROR]
    said = [
        *(f"{one.span.file}:{one.span.line}:{one.span.column}: {one.code} {one.message}" for one in told_of(errors)),
        *filter(None, [rest_of(errors, file.checked.file)]),
    ]
    failure = _failure(f"{len(errors)} error{'s' if len(errors) != 1 else ''}", "\n".join(said)) if errors else ""
    return _case(file.name, "configuration", "configuration", 0.0, failure)


def _test(one: TestOutcome) -> str:
    within = {
        "failed": _failure("the test fails", one.message or ""),
        "todo": '<skipped message="to do"/>',
        "passed": "",
    }
    return _case(one.span.file, "tests", one.name, one.seconds, within[one.status])


def _invariant(one: InvariantOutcome) -> str:
    within = {
        "refuted": _failure("a request refutes the invariant", one.message or ""),
        "not-proven": f"<skipped message={quoteattr(_clean(one.message or 'not proven'))}/>",
        "proved": "",
    }
    return _case(one.span.file, "invariants", one.name, 0.0, within[one.status])


def _case(file: str, group: str, name: str, seconds: float, within: str) -> str:
    head = f"<testcase classname={quoteattr(group)} name={quoteattr(_clean(name))} file={quoteattr(_clean(file))}"
    return f'{head} time="{seconds:.3f}"' + (f">{within}</testcase>" if within else "/>")


def _failure(message: str, text: str) -> str:
    return f"<failure message={quoteattr(message)}>{escape(_clean(text))}</failure>"


def _clean(text: str) -> str:
    return _NO_XML.sub("\N{REPLACEMENT CHARACTER}", text)
