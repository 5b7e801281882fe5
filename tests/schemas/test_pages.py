"""The page of every code: its bad example gives exactly that finding, its good one gives none.

An example is a configuration, or a shell script that writes one (`ccr.yaml`).
"""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner
from jsonschema import Draft7Validator

from engine.cli.commands import ccr
from schemas.codes import CODES
from schemas.pages import page_of
from tests.schemas.closed import closed

SCHEMAS = Path(__file__).resolve().parents[2] / "schemas"
PAGES = SCHEMAS / "pages"
REPORT = Draft7Validator(closed(json.loads((SCHEMAS / "report.schema.json").read_text(encoding="utf-8"))))

WITH: dict[str, set[str]] = {"CCR309": {"CCR302"}}
"""Codes that cannot be had alone: what stands behind a rule that always holds is never reached."""

OPTIONS: dict[str, list[str]] = {code: ["--select", code] for code in ("CCR305", "CCR703", "CCR704")}
"""Findings that are made only when asked for."""

SECTIONS = ["Why", "Bad", "Good", "How to fix"]


def _section(page: str, title: str) -> str:
    found = re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", page, re.DOTALL | re.MULTILINE)
    assert found, f"no section {title}"
    return found[1]


def _example(page: str, title: str) -> tuple[str, str]:
    """The language and the text of a section's only code block."""
    ((language, text),) = re.findall(r"^```(\w+)\n(.*?)^```$", _section(page, title), re.DOTALL | re.MULTILINE)
    return language, text


def _codes(code: str, title: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The codes that checking the example gives."""
    language, text = _example(page_of(code) or "", title)
    monkeypatch.chdir(folder)
    if language == "sh":
        subprocess.run(["sh", "-c", text], cwd=folder, check=True, timeout=60)
    else:
        (folder / f"ccr.{language}").write_text(text, encoding="utf-8")
        (folder / f"ccr.{language}").chmod(0o600)
    (name,) = [path.name for path in folder.glob("ccr.*")]
    result = CliRunner().invoke(ccr, ["test-config", name, "--format", "json", *OPTIONS.get(code, [])])
    assert result.exit_code in (0, 1, 3), result.output
    REPORT.validate(json.loads(result.stdout))
    return {one["code"] for one in json.loads(result.stdout)["findings"]}


@pytest.mark.parametrize("code", sorted(CODES))
def test_the_bad_example_gives_exactly_its_finding(code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing else is wrong with it, and the report's schema describes all that is said."""
    assert _codes(code, "Bad", tmp_path, monkeypatch) == {code} | WITH.get(code, set())


@pytest.mark.parametrize("code", sorted(CODES))
def test_the_good_example_is_silent(code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the page tells to write has no finding at all."""
    assert _codes(code, "Good", tmp_path, monkeypatch) == set()


def test_every_code_has_a_page_and_every_page_a_code() -> None:
    """None is missing, and none is left over."""
    assert {path.stem for path in PAGES.glob("CCR*.md")} == set(CODES)


@pytest.mark.parametrize("code", sorted(CODES))
def test_pages_are_of_one_form(code: str) -> None:
    """The title is the table's, then a summary, why, bad, good, how to fix."""
    page = page_of(code) or ""

    assert page.splitlines()[0] == f"# {code}: {CODES[code].title}"
    assert re.findall(r"^## (.*)$", page, re.MULTILINE) == SECTIONS
    summary = page.split("\n## ")[0].split("\n", 2)[2].strip()
    assert summary.endswith(".")
    assert "\n" not in summary
