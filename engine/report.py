"""What `test-config` found in all its files: the values that every output form prints."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum

from engine.built import Built, Checked
from schemas.diagnostics import Diagnostic, Severity
from schemas.document import Document, Mapping, node_at
from schemas.document import Sequence as SequenceNode


class Status(IntEnum):
    """Exit statuses of `test-config`."""

    CLEAN = 0
    FOUND = 1
    NO_TREE = 3


@dataclass(frozen=True, slots=True)
class FileReport:
    """One configuration: its findings that were asked for, and its parts as far as they can be counted."""

    checked: Checked
    findings: tuple[Diagnostic, ...]

    @property
    def built(self) -> Built | None:
        """The configuration itself, where nothing blocks."""
        return self.checked.built

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


@dataclass(frozen=True, slots=True)
class Report:
    """All files of one run; `seconds` is how long it took."""

    files: tuple[FileReport, ...]
    seconds: float

    @property
    def findings(self) -> list[Diagnostic]:
        """Of all files, in their order."""
        return [one for file in self.files for one in file.findings]

    def count(self, severity: Severity) -> int:
        """How many findings have this weight."""
        return sum(one.severity is severity for one in self.findings)

    @property
    def fixable(self) -> int:
        """How many findings come with edits."""
        return sum(one.fix is not None for one in self.findings)

    def status(self, fail_level: Severity | None) -> Status:
        """The exit status: 3 where a file has no tree, 1 for a finding of `fail_level` or above (None: never), else 0."""
        if any(file.checked.document is None for file in self.files):
            return Status.NO_TREE
        if fail_level is None:
            return Status.CLEAN
        weights = list(Severity)
        failing = weights[: weights.index(fail_level) + 1]
        return Status.FOUND if any(one.severity in failing for one in self.findings) else Status.CLEAN


def file_report(checked: Checked, select: Sequence[str] = (), ignore: Sequence[str] = ()) -> FileReport:
    """The findings whose code starts with one of `select` (all, if there is none) and with none of `ignore`."""
    return FileReport(checked, tuple(_chosen(checked.diagnostics, tuple(select), tuple(ignore))))


def _chosen(found: Iterable[Diagnostic], select: tuple[str, ...], ignore: tuple[str, ...]) -> Iterable[Diagnostic]:
    return (
        one
        for one in found
        if (not select or one.code.startswith(select)) and not (ignore and one.code.startswith(ignore))
    )


def _at(document: Document | None, path: str) -> object:
    return None if document is None else node_at(document.root, path.split("."))
