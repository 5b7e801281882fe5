"""A baseline: the findings that were there when checking began, so that only new ones are reported."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from msgspec import Struct

VERSION = 1


class BaselineError(ValueError):
    """The text is no baseline; whoever wrote or named the file is to blame."""


class Baseline(Struct, frozen=True):
    """Fingerprints of known findings by the file that they are in."""

    known: Mapping[str, frozenset[str]]

    def has(self, file: str, fingerprint: str) -> bool:
        """Whether a finding was known."""
        return fingerprint in self.known.get(file, frozenset())


def baseline_text(found: Mapping[str, Sequence[tuple[str, str]]]) -> str:
    """The text of a baseline; `found` is file -> (fingerprint, code). Sorted, a line for each, to be read in a review."""
    files = {file: dict(sorted(marks, key=lambda one: one[::-1])) for file, marks in found.items()}
    return json.dumps({"schemaVersion": VERSION, "files": files}, indent=2, ensure_ascii=False) + "\n"


def baseline_of(text: str) -> Baseline:
    """The baseline in `text`. Raises BaselineError."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as problem:
        raise BaselineError(f"it is not JSON: {problem}") from problem
    files = value.get("files") if isinstance(value, dict) else None
    if not isinstance(files, dict) or not all(isinstance(marks, dict) for marks in files.values()):
        raise BaselineError("it was not written by `--write-baseline`")
    if value.get("schemaVersion") != VERSION:
        raise BaselineError("it was written by another version; write it anew with `--write-baseline`")
    return Baseline({file: frozenset(marks) for file, marks in files.items()})
