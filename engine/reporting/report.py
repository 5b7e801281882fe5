"""What `test-config` found in all its files: the values that every output form prints."""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from enum import IntEnum
from typing import TYPE_CHECKING, Literal

from msgspec import Struct
from msgspec.structs import replace

from engine.built import Built, Checked
from engine.reporting.baseline import Baseline
from engine.reporting.fingerprint import Fingerprints
from engine.reporting.outcomes import InvariantOutcome, TestOutcome
from engine.reporting.suppress import Suppressed, judged
from engine.reporting.told import rest_of, told_of
from schemas.codes import CODES
from schemas.diagnostics import Diagnostic, Severity
from schemas.document import Document, Mapping, node_at
from schemas.document import Sequence as SequenceNode
from schemas.wording import visible

if TYPE_CHECKING:
    from rules.testing.coverage import Coverage


class Status(IntEnum):
    """Exit statuses of `test-config`."""

    CLEAN = 0
    FOUND = 1
    NO_TREE = 3


class Marked(Struct, frozen=True):
    """A finding and what it is known by; `hidden` is how it is hidden (as SARIF names the kinds) and why."""

    finding: Diagnostic
    fingerprint: str
    hidden: tuple[Literal["inSource", "external"], str] | None = None


class FileReport(Struct, frozen=True):
    """One configuration: its findings that were asked for, and its parts as far as they can be counted.

    `suppressed` are findings that a comment hides, `known` those that a baseline has. `unproven` questions were given up,
    `unreplayed` requests did not show what a proof said.
    """

    checked: Checked
    findings: tuple[Diagnostic, ...]
    suppressed: tuple[Suppressed, ...] = ()
    known: tuple[Diagnostic, ...] = ()
    tests: tuple[TestOutcome, ...] = ()
    invariants: tuple[InvariantOutcome, ...] = ()
    unproven: int = 0
    unreplayed: int = 0
    coverage: Coverage | None = None

    @property
    def built(self) -> Built | None:
        """The configuration itself, where nothing blocks."""
        return self.checked.built

    @property
    def name(self) -> str:
        """The file's name as a baseline has it."""
        return posixpath.normpath(self.checked.file)

    @property
    def rules(self) -> int:
        """How many custom rules are written."""
        node = _at(self.checked.document, "routing.customRules")
        return len(node.items) if isinstance(node, SequenceNode) else 0

    @property
    def providers(self) -> int:
        """How many providers are written."""
        found = [_at(self.checked.document, path) for path in ("routing.providers", "providers")]
        return len({entry.key.value for node in found if isinstance(node, Mapping) for entry in node})

    @property
    def told(self) -> Sequence[Diagnostic]:
        """The findings that are shown."""
        return told_of(self.findings)

    @property
    def rest(self) -> str | None:
        """What is said of the others, where there are any."""
        return rest_of(self.findings, visible(self.checked.file))

    def told_marked(self) -> list[Marked]:
        """The findings that are shown with their fingerprints, and the hidden ones."""
        told = {id(one) for one in self.told}
        return [one for one in self.marked() if one.hidden is not None or id(one.finding) in told]

    def marked(self) -> list[Marked]:
        """Every finding with its fingerprint, hidden ones too: `findings` and `known` by place, then `suppressed`.

        The suppressed ones are counted apart: a new comment changes no fingerprint of what it does not hide.
        """
        marks = Fingerprints(self.checked.document, self.checked.texts)
        known = {id(one) for one in self.known}
        seen = sorted((*self.findings, *self.known), key=lambda one: one.sort_key)
        shown = [
            Marked(one, mark, ("external", "in the baseline") if id(one) in known else None)
            for one, mark in zip(seen, marks.of(seen), strict=True)
        ]
        hidden = zip(self.suppressed, marks.of(one.finding for one in self.suppressed), strict=True)
        return [*shown, *(Marked(one.finding, mark, ("inSource", one.reason)) for one, mark in hidden)]


class Report(Struct, frozen=True):
    """All files of one run; `seconds` is how long it took."""

    files: tuple[FileReport, ...]
    seconds: float

    @property
    def findings(self) -> list[Diagnostic]:
        """Of all files, in their order."""
        return [one for file in self.files for one in file.findings]

    @property
    def tests(self) -> list[TestOutcome]:
        """Of all files, in their order."""
        return [one for file in self.files for one in file.tests]

    @property
    def invariants(self) -> list[InvariantOutcome]:
        """Of all files, in their order."""
        return [one for file in self.files for one in file.invariants]

    def count(self, severity: Severity) -> int:
        """How many findings have this weight."""
        return sum(one.severity is severity for one in self.findings)

    @property
    def fixable(self) -> int:
        """How many findings come with edits."""
        return sum(one.fix is not None for one in self.findings)

    @property
    def fixable_unsafely(self) -> int:
        """How many of those may change a decision."""
        return sum(one.fix is not None and not one.fix.safe for one in self.findings)

    @property
    def suppressed(self) -> int:
        """How many findings comments hide."""
        return sum(len(file.suppressed) for file in self.files)

    @property
    def known(self) -> int:
        """How many findings the baseline hides."""
        return sum(len(file.known) for file in self.files)

    def status(self, fail_level: Severity | None, *, strict: bool = False) -> Status:
        """The exit status: 3 where a file cannot be read or has no tree, else 1 for what fails, else 0.

        A finding of `fail_level` or above fails (None: no finding does), so does a failed test or a refuted invariant;
        `strict`: also a test that is still to do and an invariant that was not proven.
        """
        if not all(file.checked.is_whole for file in self.files):
            return Status.NO_TREE
        weights = list(Severity)
        failing = weights[: weights.index(fail_level) + 1] if fail_level is not None else []
        bad = {"failed", "refuted", *(("todo", "not-proven") if strict else ())}
        if any(one.severity in failing for one in self.findings):
            return Status.FOUND
        came_out = {*(one.status for one in self.tests), *(one.status for one in self.invariants)}
        return Status.FOUND if came_out & bad else Status.CLEAN


class Choice(Struct, frozen=True):
    """Which findings are reported: codes that start with one of `select` (all, if there is none) and none of `ignore`.

    `baseline` hides what was known before.
    """

    select: Sequence[str] = ()
    ignore: Sequence[str] = ()
    baseline: Baseline | None = None

    def has(self, code: str) -> bool:
        """Whether findings of this code are reported."""
        chosen = not self.select or code.startswith(tuple(self.select))
        return chosen and not (self.ignore and code.startswith(tuple(self.ignore)))

    def asks_for(self, code: str) -> bool:
        """Whether findings of this code are to be looked for; some are only where `select` starts as they do."""
        return self.has(code) and (
            not CODES[code].asked or any(len(prefix) > 3 and code.startswith(prefix) for prefix in self.select)
        )


EVERYTHING = Choice()


def file_report(
    checked: Checked,
    choice: Choice = EVERYTHING,
    *,
    complete: bool = False,
    tests: Sequence[TestOutcome] = (),
    invariants: Sequence[InvariantOutcome] = (),
    unproven: int = 0,
    unreplayed: int = 0,
    coverage: Coverage | None = None,
) -> FileReport:
    """The findings that `choice` asks for and no comment suppresses.

    `complete`: everything was looked for, so that a comment that suppresses nothing can be told.
    """
    made = [code for code, row in CODES.items() if not row.asked] if complete and checked.built is not None else None
    said = judged(checked.diagnostics, checked.document, checked.texts, made)
    report = FileReport(
        checked,
        tuple(one for one in said.kept if choice.has(one.code)),
        tuple(one for one in said.suppressed if choice.has(one.finding.code)),
        tests=tuple(tests),
        invariants=tuple(invariants),
        unproven=unproven,
        unreplayed=unreplayed,
        coverage=coverage,
    )
    return report if choice.baseline is None else _without_known(report, choice.baseline)


def _without_known(report: FileReport, baseline: Baseline) -> FileReport:
    known = {id(one.finding) for one in report.marked() if baseline.has(report.name, one.fingerprint)}
    return replace(
        report,
        findings=tuple(one for one in report.findings if id(one) not in known),
        known=tuple(one for one in report.findings if id(one) in known),
    )


def _at(document: Document | None, path: str) -> object:
    return None if document is None else node_at(document.root, path.split("."))
