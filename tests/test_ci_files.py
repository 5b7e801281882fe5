"""What others run in their continuous integration: the pre-commit hooks and the example workflow do what they say."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from ruamel.yaml import YAML

from engine.cli.commands import ccr

ROOT = Path(__file__).resolve().parent.parent
EXAMPLE = ROOT / "examples" / "ci"


def _yaml(path: Path) -> Any:
    return YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the example to work in, without its keys."""
    shutil.copytree(EXAMPLE, tmp_path / "ci")
    monkeypatch.chdir(tmp_path / "ci")
    monkeypatch.delenv("LLM_API_KEY", raising=False)
    return tmp_path / "ci"


@pytest.mark.parametrize("hook", _yaml(ROOT / ".pre-commit-hooks.yaml"), ids=lambda hook: hook["id"])
def test_a_hook_checks_the_files_it_is_for(hook: dict[str, Any], folder: Path) -> None:
    """It passes on the example, fails on a broken file, and is asked for no other file."""
    assert set(hook) == {"id", "name", "description", "entry", "language", "files", "minimum_pre_commit_version"}
    assert hook["language"] == "python"
    name, *words = shlex.split(hook["entry"])
    assert name == "ccr"

    assert re.search(hook["files"], "team/ccr.yaml")
    assert not re.search(hook["files"], "team/not-ccr.yaml")
    assert CliRunner().invoke(ccr, [*words, "ccr.yaml"]).exit_code == 0
    (folder / "ccr.yaml").write_text("providers: {a: {type: b}}\n")
    assert CliRunner().invoke(ccr, [*words, "ccr.yaml"]).exit_code == 1


def test_the_commands_of_the_workflow_succeed_on_the_example(folder: Path) -> None:
    """Each step that runs `ccr` ends with 0 and leaves the file that the next step takes."""
    workflow = _yaml(EXAMPLE / "workflow.yaml")
    (job,) = workflow["jobs"].values()
    commands = [step["run"] for step in job["steps"] if step.get("run", "").startswith("ccr ")]

    assert len(commands) == 2
    for command in commands:
        words, _, target = command.partition(" > ")
        result = CliRunner().invoke(ccr, shlex.split(words)[1:])
        assert result.exit_code == 0, result.output
        if target:
            (folder / target).write_text(result.stdout)
    assert (folder / "ccr-tests.xml").read_text().count("<testcase ") == 6
    assert json.loads((folder / "ccr.sarif").read_text())["version"] == "2.1.0"
    assert workflow["permissions"] == {"contents": "read"}


def test_the_workflow_says_which_requests_go_elsewhere(folder: Path) -> None:
    """Its step compares with the branch that the change is for, and writes a table into the summary."""
    (job,) = _yaml(EXAMPLE / "workflow.yaml")["jobs"].values()
    (step,) = (step["run"] for step in job["steps"] if "ccr diff" in step.get("run", ""))
    for words in ("init -q", "add ccr.yaml", "commit -q -m old", "update-ref refs/remotes/origin/main HEAD"):
        who = ("-c", "user.name=a", "-c", "user.email=a@example.com")
        subprocess.run(["git", *who, *shlex.split(words)], cwd=folder, check=True)
    file, summary = folder / "ccr.yaml", folder / "summary.md"
    file.write_text(file.read_text().replace("background: cloud,small", "background: cloud,large"))
    here = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "HOME": str(folder)}
    given = {"GITHUB_BASE_REF": "main", "GITHUB_STEP_SUMMARY": str(summary)}
    subprocess.run(["bash", "-e", "-c", step], cwd=folder, env={**here, **given}, check=True)

    assert "1 class of requests goes elsewhere" in summary.read_text()
    assert "| cloud,small by background | cloud,large by background |" in summary.read_text()
