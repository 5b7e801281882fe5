"""A report as SARIF 2.1.0, the form in which code-scanning services take findings.

Source: OASIS "Static Analysis Results Interchange Format (SARIF) Version 2.1.0". Regions count columns in Unicode code
points (section 3.14.17), ends are exclusive (3.30.7), a suppressed result stays in the log with its suppression (3.27.23).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from urllib.parse import quote

from engine.reporting.report import Marked, Report
from engine.version import VERSION
from schemas.codes import CODES
from schemas.diagnostics import Diagnostic, Fix, Severity, Span
from schemas.document import JSONValue

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
FINGERPRINT = "ccrFinding/v1"
_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}

_Object = dict[str, JSONValue]


def as_sarif(report: Report, page_of: Callable[[str], str | None]) -> str:
    """The log as indented JSON; `page_of` gives the page of a code in Markdown, where there is one."""
    return json.dumps(sarif_object(report, page_of), indent=2, ensure_ascii=False) + "\n"


def sarif_object(report: Report, page_of: Callable[[str], str | None]) -> _Object:
    """The log as JSON values: one run over all files."""
    found = [one for file in report.files for one in file.told_marked()]
    codes = sorted({one.finding.code for one in found})
    driver: _Object = {
        "name": "ccr",
        "version": VERSION,
        "semanticVersion": VERSION,
        "rules": [_rule(code, page_of(code)) for code in codes],
    }
    invocation: _Object = {"executionSuccessful": all(file.checked.document is not None for file in report.files)}
    if more := [file.rest for file in report.files if file.rest is not None]:
        invocation["toolExecutionNotifications"] = [{"level": "note", "message": {"text": rest}} for rest in more]
    run: _Object = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "invocations": [invocation],
        "results": [_result(one, codes.index(one.finding.code)) for one in found],
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(code: str, page: str | None) -> JSONValue:
    row = CODES[code]
    rule: _Object = {
        "id": code,
        "shortDescription": {"text": row.title},
        "defaultConfiguration": {"level": _LEVELS[row.severity]},
    }
    if page:
        rule["help"] = {"text": page, "markdown": page}
    return rule


def _result(marked: Marked, index: int) -> JSONValue:
    found = marked.finding
    result: _Object = {
        "ruleId": found.code,
        "ruleIndex": index,
        "level": _LEVELS[found.severity],
        "message": {"text": found.message if found.help is None else f"{found.message} (help: {found.help})"},
        "locations": [{"physicalLocation": _location(found.span)}],
        "partialFingerprints": {FINGERPRINT: marked.fingerprint},
    }
    if found.labels:
        result["relatedLocations"] = [
            {"id": number, "physicalLocation": _location(label.span), "message": {"text": label.text}}
            for number, label in enumerate(found.labels, 1)
        ]
    if found.fix is not None:
        result["fixes"] = [_fix(found, found.fix)]
    if marked.hidden is not None:
        kind, why = marked.hidden
        result["suppressions"] = [{"kind": kind, **({"justification": why} if why else {})}]
    if found.data:
        result["properties"] = json.loads(json.dumps(dict(found.data), default=str))
    return result


def _location(span: Span) -> JSONValue:
    return {"artifactLocation": _artifact(span.file), "region": _region(span)}


def _artifact(file: str) -> JSONValue:
    """The file as a relative or `file:` URI."""
    name = "stdin" if file == "-" else file.replace("\\", "/").removeprefix("./")
    return {"uri": f"file://{quote(name)}" if name.startswith("/") else quote(name, safe="/")}


def _region(span: Span) -> JSONValue:
    return {
        "startLine": span.line,
        "startColumn": span.column,
        "endLine": span.end_line,
        "endColumn": max(span.end_column, span.column) if span.end_line == span.line else span.end_column,
    }


def _fix(found: Diagnostic, fix: Fix) -> JSONValue:
    changes: dict[str, list[JSONValue]] = {}
    for edit in fix.edits:
        replacement: JSONValue = {"deletedRegion": _region(edit.span), "insertedContent": {"text": edit.text}}
        changes.setdefault(edit.span.file, []).append(replacement)
    return {
        "description": {"text": found.help or ("mend it" if fix.safe else "mend it (may change what the file means)")},
        "artifactChanges": [
            {"artifactLocation": _artifact(file), "replacements": replacements}
            for file, replacements in changes.items()
        ],
    }
