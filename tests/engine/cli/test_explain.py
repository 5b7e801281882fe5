"""`ccr explain` as a user calls it: files, forms, expectations, exit statuses."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from engine.cli.commands import ccr

CONFIG = """
routing:
  defaultProvider: here
  customRules:
    - name: night
      condition: {time: {between: "22:00-06:00"}, header.x-late: "1"}
      target: here,small
    - name: morning
      condition: {time: {between: "06:00-09:00"}, header.x-late: "1"}
      target: here,small
  providers:
    here: {type: static, settings: {models: [big, small], text: hi}}
"""
BODY = {"model": "claude", "max_tokens": 1, "messages": [{"role": "user", "content": "hi"}]}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with a configuration and requests, and a home folder of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("CCR_CONFIG_PATH", raising=False)
    files = {
        "ccr.yaml": CONFIG,
        "wrong.yaml": CONFIG.replace("between", "betwen"),
        "broken.yaml": "a: [",
        "bare.json": json.dumps(BODY),
        "late.json": json.dumps({"request": BODY, "headers": {"X-Late": "1"}}),
        "bad.json": json.dumps({"messages": 3}),
        "other.json": "{}",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    return tmp_path


def run(*words: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(ccr, ["explain", *words], input=stdin)


STATUSES: list[tuple[list[str], int]] = [
    (["bare.json"], 0),
    (["bare.json", "-c", "wrong.yaml"], 1),
    (["bare.json", "-c", "broken.yaml"], 3),
    (["-", "-c", "-"], 2),
    (["bare.json", "-c", "nowhere.yaml"], 3),
    (["nowhere.json"], 3),
    (["other.json"], 3),
    (["bad.json"], 1),
    ([], 2),
    (["bare.json", "--expect", "colour=blue"], 2),
    (["bare.json", "--expect", "provider=here, model=big"], 0),
    (["bare.json", "--expect", "rule=default,category=default"], 0),
    (["bare.json", "--expect", "model=small"], 1),
    (["late.json"], 4),
    (["late.json", "--now", "2026-01-05T23:00Z"], 0),
    (["late.json", "--now", "2026-01-05T23:00Z", "--expect", "rule=night,category=none"], 0),
    (["late.json", "--now", "noon"], 2),
    (["late.json", "--expect", "provider=here"], 0),
    (["late.json", "--expect", "model=small"], 4),
    (["late.json", "--expect", "rule=other"], 1),
]


@pytest.mark.parametrize(("words", "status"), STATUSES, ids=[" ".join(row[0]) or "nothing" for row in STATUSES])
def test_the_exit_status_says_how_it_went(folder: Path, words: list[str], status: int) -> None:
    """0 decided or as expected, 1 not, 2 usage, 3 nothing to read, 4 where it varies with what is not given."""
    assert run(*words).exit_code == status


def test_the_forms_say_the_same(folder: Path) -> None:
    """For people by default, the object with `--format json`."""
    assert run("bare.json").stdout.startswith("decision   here / big   by category default")
    explanation = json.loads(run("bare.json", "--format", "json").stdout)
    assert explanation["decision"]["model"] == "big"
    assert explanation["unknownFacts"] == []


def test_every_decision_is_listed_where_it_varies(folder: Path) -> None:
    """With an example of what leads to it."""
    explanation = json.loads(run("late.json", "--format", "json").stdout)
    assert explanation["decision"] is None
    assert {one["decision"]["rule"] for one in explanation["decisions"]} == {"night", "morning", "default"}
    assert explanation["unknownFacts"] == ["time"]


def test_a_request_comes_from_standard_input(folder: Path) -> None:
    """As `-`."""
    assert run("-", stdin=json.dumps(BODY)).stdout == run("bare.json").stdout


def test_errors_of_the_configuration_are_shown_on_standard_error(folder: Path) -> None:
    """With their place, and nothing on standard output."""
    said = run("bare.json", "-c", "wrong.yaml")
    assert "CCR202" in said.stderr
    assert said.stdout == ""


def test_explaining_imports_no_server(folder: Path) -> None:
    """Neither the framework nor an HTTP client: a cold process answers soon."""
    root = Path(__file__).resolve().parents[3]
    code = (
        "import sys\nfrom click.testing import CliRunner\nfrom engine.cli.commands import ccr\n"
        "assert CliRunner().invoke(ccr, ['explain', 'bare.json']).exit_code == 0\n"
        "print([name for name in ('litestar', 'httpx', 'aiohttp', 'uvicorn') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": str(root)}, capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr
