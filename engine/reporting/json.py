"""A report as JSON; `schemas/report.schema.json` describes it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from engine.reporting.outcomes import InvariantOutcome
from engine.reporting.report import FileReport, Report
from schemas.diagnostics import Diagnostic, Edit, Severity, Span
from schemas.document import JSONValue

if TYPE_CHECKING:
    from rules.testing.coverage import Coverage

SCHEMA_VERSION = 1


def as_json(report: Report) -> str:
    """The whole report as indented JSON that ends in a line break."""
    return json.dumps(report_object(report), indent=2, ensure_ascii=False) + "\n"


def report_object(report: Report) -> dict[str, JSONValue]:
    """The report as JSON values."""
    return {
        "schemaVersion": SCHEMA_VERSION,
        "files": [_file(file) for file in report.files],
        "findings": [
            {**finding_object(one.finding), "fingerprint": one.fingerprint}
            for file in report.files
            for one in file.told_marked()
            if one.hidden is None
        ],
        "suppressed": [
            {**_place(one.finding.span), "code": one.finding.code, "message": one.finding.message, "reason": one.reason}
            for file in report.files
            for one in file.suppressed
        ],
        "tests": {word: sum(one.status == word for one in report.tests) for word in ("passed", "failed", "todo")},
        "invariants": [_invariant(one) for one in report.invariants],
        "coverage": [_coverage(file.coverage) for file in report.files if file.coverage is not None],
        "summary": {
            "rules": sum(file.rules for file in report.files),
            "providers": sum(file.providers for file in report.files),
            "errors": report.count(Severity.ERROR),
            "warnings": report.count(Severity.WARNING),
            "notes": report.count(Severity.INFO),
            "untold": sum(len(file.findings) - len(file.told) for file in report.files),
            "incomplete": any(file.checked.is_incomplete for file in report.files),
            "fixable": report.fixable,
            "suppressed": report.suppressed,
            "known": report.known,
            "unproven": sum(file.unproven for file in report.files),
            "unreplayed": sum(file.unreplayed for file in report.files),
        },
    }


def finding_object(found: Diagnostic) -> dict[str, JSONValue]:
    """One finding; `help`, `labels`, `fix` and what only some codes have are there when there is any."""
    shown: dict[str, JSONValue] = {
        "code": found.code,
        "severity": found.severity.value,
        "message": found.message,
        **_place(found.span),
    }
    if found.help is not None:
        shown["help"] = found.help
    if found.labels:
        shown["labels"] = [
            {"file": label.span.file, "line": label.span.line, "column": label.span.column, "text": label.text}
            for label in found.labels
        ]
    if found.fix is not None:
        shown["fix"] = {"safe": found.fix.safe, "edits": [_edit(edit) for edit in found.fix.edits]}
    for key, value in found.data.items():
        shown.setdefault(key, json.loads(json.dumps(value, default=str)))
    return shown


def _place(span: Span) -> dict[str, JSONValue]:
    return {
        "file": span.file,
        "line": span.line,
        "column": span.column,
        "endLine": span.end_line,
        "endColumn": span.end_column,
    }


def _edit(edit: Edit) -> JSONValue:
    return {**_place(edit.span), "text": edit.text}


def _invariant(outcome: InvariantOutcome) -> JSONValue:
    shown: dict[str, JSONValue] = {"name": outcome.name, "status": outcome.status, **_place(outcome.span)}
    if outcome.message is not None:
        shown["message"] = outcome.message
    if outcome.witness is not None:
        shown["witness"] = json.loads(json.dumps(outcome.witness, default=str))
    return shown


def _coverage(coverage: Coverage) -> JSONValue:
    return {
        "percent": coverage.percent,
        "rules": coverage.rules,
        "rulesHit": coverage.rules_hit,
        "verdicts": coverage.verdicts,
        "verdictsHit": coverage.verdicts_hit,
        "missed": [rule.name for rule in coverage.missed],
        "oneSided": [
            {"rule": rule.name, "predicate": said, "never": str(verdict).lower()}
            for rule, said, verdict in coverage.one_sided
        ],
    }


def _file(file: FileReport) -> JSONValue:
    return {
        "file": file.checked.file,
        "readable": file.checked.document is not None,
        "starts": file.built is not None,
        "revision": file.built.revision if file.built else None,
        "rules": file.rules,
        "providers": file.providers,
    }
