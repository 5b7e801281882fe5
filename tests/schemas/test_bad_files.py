"""Configurations with a fault: each file under `bad/` is named for it, and `<name>.out` beside it is what is said of it.

A new check costs these two files; `--update-goldens` writes the second.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.build import build
from engine.reporting.report import Report, file_report
from engine.reporting.text import human
from schemas.codes import CODES

BAD = Path(__file__).parent / "bad"
FILES = sorted(path for path in BAD.iterdir() if path.suffix in (".yaml", ".json"))
ENVIRONMENT = {"CANARY_TEXT": "canary-4f9c1d7e"}


def _report(path: Path) -> Report:
    checked = build(
        path.read_bytes(),
        path.name,
        read_file=lambda name: (BAD / name).read_bytes(),
        env=ENVIRONMENT,
        secrets="keep",
    )
    return Report((file_report(checked, complete=True),), 0.0)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_bad_file_is_reported_as_written_beside_it(path: Path, request: pytest.FixtureRequest) -> None:
    """Every finding has the expected code, words and place; a canary in a file or variable never shows."""
    report = _report(path)
    said = human(report, color=False)
    expected = path.with_name(path.name + ".out")
    if request.config.getoption("--update-goldens"):
        expected.write_text(said, encoding="utf-8")
    assert said == expected.read_text(encoding="utf-8")
    assert report.findings
    assert "canary" not in said.replace("CANARY_TEXT", "")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_findings_lie_inside_their_file(path: Path) -> None:
    """Every place exists in a file that was read, and every code is in the table."""
    report = _report(path)
    texts = report.files[0].checked.texts
    for found in report.findings:
        lines = texts[found.span.file].splitlines() or [""]
        assert found.code in CODES
        assert 1 <= found.span.line <= len(lines) + 1
        assert (found.span.line, found.span.column) <= (found.span.end_line, found.span.end_column)


def test_twenty_five_mistakes_give_twenty_five_findings() -> None:
    """A file with 25 mistakes in five sections gives a finding for each and at most two echoes."""
    found = _report(BAD / "shape-twenty-five-mistakes.yaml").findings
    assert 25 <= len(found) <= 27


def test_every_output_belongs_to_a_file() -> None:
    """No expected output is left behind by a file that was renamed."""
    assert {path.name.removesuffix(".out") for path in BAD.glob("*.out")} == {path.name for path in FILES}
