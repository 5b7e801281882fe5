"""A report as JSON; `schemas/report.schema.json` describes it."""

from __future__ import annotations

import json

from engine.report import FileReport, Report
from schemas.diagnostics import Diagnostic, Edit, Severity
from schemas.document import JSONValue

SCHEMA_VERSION = 1


def as_json(report: Report) -> str:
    """The whole report as indented JSON that ends in a line break."""
    return json.dumps(report_object(report), indent=2, ensure_ascii=False) + "\n"


def report_object(report: Report) -> dict[str, JSONValue]:
    """The report as JSON values."""
    return {
        "schemaVersion": SCHEMA_VERSION,
        "files": [_file(file) for file in report.files],
        "findings": [finding_object(one) for one in report.findings],
        "tests": {"passed": 0, "failed": 0, "todo": 0},
        "invariants": [],
        "summary": {
            "rules": sum(file.rules for file in report.files),
            "providers": sum(file.providers for file in report.files),
            "errors": report.count(Severity.ERROR),
            "warnings": report.count(Severity.WARNING),
            "notes": report.count(Severity.INFO),
            "fixable": report.fixable,
        },
    }


def finding_object(found: Diagnostic) -> dict[str, JSONValue]:
    """One finding; `help`, `labels`, `fix` and what only some codes have are there when there is any."""
    span = found.span
    shown: dict[str, JSONValue] = {
        "code": found.code,
        "severity": found.severity.value,
        "message": found.message,
        "file": span.file,
        "line": span.line,
        "column": span.column,
        "endLine": span.end_line,
        "endColumn": span.end_column,
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


def _edit(edit: Edit) -> JSONValue:
    span = edit.span
    return {
        "file": span.file,
        "line": span.line,
        "column": span.column,
        "endLine": span.end_line,
        "endColumn": span.end_column,
        "text": edit.text,
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
