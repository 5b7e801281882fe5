"""Fingerprints of findings: what many findings on one line cost."""

from __future__ import annotations

import pytest

from engine.reporting.fingerprint import Fingerprints
from engine.reporting.masking import Masks
from schemas.codes import finding
from schemas.diagnostics import Span


def test_a_line_is_masked_once_however_many_findings_are_on_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of one long line with a thousand findings took half a minute."""
    masked: list[int] = []
    shown = Masks.shown

    def counted(self: Masks, file: str, number: int, text: str, before: str = "", start: int = 0) -> str:
        masked.append(number)
        return shown(self, file, number, text, before, start)

    monkeypatch.setattr(Masks, "shown", counted)
    text = "x y " * 500 + "\nz"
    found = [finding("CCR004", "no value", Span("f", 1, column, 1, column + 1)) for column in range(1, 1000, 2)]
    marks = Fingerprints(None, {"f": text}).of([*found, finding("CCR004", "no value", Span("f", 2, 1, 2, 2))])
    assert len(set(marks)) == 501
    assert masked == [1, 2]
