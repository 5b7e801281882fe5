"""Configurations read and checked for `ccr test-config`."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from msgspec import Struct, field
from msgspec.structs import replace

from engine.analysis.stage import Wishes, proved
from engine.build import build
from engine.built import Checked
from engine.configuration.exposure import exposed
from engine.configuration.files import read_by_others, read_file, read_input
from engine.reporting.report import Choice, FileReport, file_report
from schemas.codes import finding
from schemas.diagnostics import Span


class Reading(Struct, frozen=True):
    """How the files of one run are read and judged; standard input is read once."""

    env: Mapping[str, str]
    allow_missing_env: bool
    choice: Choice
    wishes: Wishes = field(default_factory=Wishes)
    _standard_input: list[bytes] = field(default_factory=list)

    def report(self, name: str, texts: Mapping[str, str] | None = None) -> FileReport:
        """What is found in the file `name` (`-` is standard input); `texts` stand in place of the files of their names."""
        known = texts or {}

        def read(path: str) -> bytes:
            return known[path].encode() if path in known else read_file(path)

        checked = self._checked(name, known, read)
        asked = self.choice.asks_for
        wishes = replace(
            self.wishes,
            coverage=self.wishes.coverage or asked("CCR703"),
            mutants=asked("CCR704"),
            overlaps=asked("CCR305"),
        )
        proofs = proved(checked, read, wishes)
        found = tuple(sorted((*checked.diagnostics, *proofs.findings), key=lambda one: one.sort_key))
        return file_report(
            replace(
                checked,
                diagnostics=found,
                texts={**checked.texts, **proofs.texts},
                unread=(*checked.unread, *proofs.unread),
            ),
            self.choice,
            complete=True,
            tests=proofs.tests,
            invariants=proofs.invariants,
            unproven=proofs.unproven,
            unreplayed=proofs.unreplayed,
            coverage=proofs.coverage,
        )

    def _checked(self, name: str, texts: Mapping[str, str], read: Callable[[str], bytes]) -> Checked:
        try:
            data = self._input() if name == "-" and name not in texts else read(name)
        except (OSError, ValueError) as problem:
            why = getattr(problem, "strerror", None) or "no such file"
            unread = finding("CCR001", f"the file cannot be read: {why.lower()}", Span(name, 1, 1, 1, 1))
            return Checked(name, None, None, (unread,), {})
        checked = build(
            data,
            name,
            read_file=read,
            env=self.env,
            secrets="keep",
            allow_missing_env=self.allow_missing_env,
        )
        return replace(checked, diagnostics=(*checked.diagnostics, *exposed(checked, read_by_others)))

    def _input(self) -> bytes:
        if not self._standard_input:
            self._standard_input.append(read_input())
        return self._standard_input[0]
