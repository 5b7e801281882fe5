"""`ccr test-config` as a user calls it: files, forms, exit statuses, variables."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from jsonschema import Draft7Validator

from engine.cli.commands import ccr

ROOT = Path(__file__).resolve().parents[3]
GOOD = "providers: {here: {type: static}}\nrouting: {defaultProvider: here}\n"
WRONG = "providers: {here: {type: statik}}\nrouting: {defaultProvider: here}\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory with a home folder of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("CCR_CONFIG_PATH", raising=False)
    for name, text in {"good.yaml": GOOD, "wrong.yaml": WRONG, "broken.yaml": "a: [", "note.json": "{}"}.items():
        (tmp_path / name).write_text(text)
    return tmp_path


def _run(*words: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(ccr, ["test-config", *words], input=stdin)


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (["good.yaml"], 0),
        (["wrong.yaml"], 1),
        (["wrong.yaml", "--fail-level", "never"], 0),
        (["wrong.yaml", "--ignore", "CCR1"], 0),
        (["note.json"], 0),
        (["note.json", "--fail-level", "warning"], 1),
        (["broken.yaml"], 3),
        (["nowhere.yaml"], 3),
        (["good.yaml", "broken.yaml", "wrong.yaml"], 3),
        (["--no-such-option"], 2),
        (["good.yaml", "--env-file", "nowhere"], 2),
    ],
)
def test_the_exit_status_says_what_was_found(folder: Path, words: list[str], status: int) -> None:
    """0 clean, 1 findings, 2 usage, 3 a file without a tree."""
    assert _run(*words).exit_code == status


def test_a_clean_file_gives_a_census(folder: Path) -> None:
    """Providers, categories with their targets, and the closing line."""
    said = _run("good.yaml").stdout
    assert said.startswith("good.yaml: 0 rules, 1 provider, 0 models, revision ")
    assert "    default      -> here,(the model asked for)" in said
    assert "0 rules, 1 provider: no findings; " in said


def test_several_files_are_independent(folder: Path) -> None:
    """One report, each file judged alone, a broken one hides none."""
    report = json.loads(_run("broken.yaml", "good.yaml", "wrong.yaml", "nowhere.yaml", "--format", "json").stdout)
    Draft7Validator(json.loads((ROOT / "schemas" / "report.schema.json").read_text())).validate(report)
    assert [(one["file"], one["readable"], one["starts"]) for one in report["files"]] == [
        ("broken.yaml", False, False),
        ("good.yaml", True, True),
        ("wrong.yaml", True, False),
        ("nowhere.yaml", False, False),
    ]
    assert [(one["file"], one["code"]) for one in report["findings"]] == [
        ("broken.yaml", "CCR004"),
        ("wrong.yaml", "CCR104"),
        ("nowhere.yaml", "CCR001"),
    ]
    assert report["summary"]["errors"] == 3


def test_standard_input_is_a_file_called_dash(folder: Path) -> None:
    """Its content says what it is."""
    result = _run("-", stdin='{"server": {"port": "x"}}')
    assert "--> -:1:21" in result.stdout
    assert result.exit_code == 1


def test_without_a_file_the_usual_one_is_checked_and_named(folder: Path) -> None:
    """./ccr.yaml needs no trust to be checked; standard error says which file it was."""
    (folder / "ccr.yaml").write_text(WRONG)
    result = _run()
    assert result.exit_code == 1
    assert "ccr.yaml:1:26" in result.stdout
    assert "ccr.yaml" in result.stderr


def test_variables_come_from_the_environment_or_a_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing one is an error unless it is given or allowed to be missing; credentials are never looked up."""
    (folder / "f.yaml").write_text(
        "server: {port: '${A_PORT}'}\nproviders:\n  here:\n    type: openai\n    endpoint: http://127.0.0.1:1/v1\n"
        "    authentication: {apiKey: '${NOT_SET_ANYWHERE}'}\nrouting: {defaultProvider: here}\n"
    )
    (folder / "env").write_text("A_PORT=4000\n")
    (folder / "bad-env").write_text("A_PORT\n")
    assert _run("f.yaml").exit_code == 1
    assert _run("f.yaml", "--allow-missing-env").exit_code == 0
    assert _run("f.yaml", "--env-file", "env").exit_code == 0
    assert _run("f.yaml", "--env-file", "bad-env").exit_code == 2
    monkeypatch.setenv("A_PORT", "canary")
    result = _run("f.yaml")
    assert result.exit_code == 1
    assert "canary" not in result.output


@pytest.mark.parametrize(
    "secret", ["{apiKey: '${file:key}'}", "{type: bearer, credentials: {type: bearer, tokenPath: key}}"]
)
def test_a_secret_file_that_others_can_read_is_reported(folder: Path, secret: str) -> None:
    """The finding stands where the file is named, and is gone once the file is private."""
    (folder / "f.yaml").write_text(
        "providers:\n  far:\n    type: openai\n    endpoint: https://llm.example.com/v1\n"
        f"    authentication: {secret}\nrouting: {{defaultProvider: far}}\n"
    )
    key = folder / "key"
    key.write_text("canary-4f9c1d7e")
    key.chmod(0o644)
    result = _run("f.yaml", "--select", "CCR803")
    assert "f.yaml:5:" in result.stdout
    assert "`chmod 600 key`" in result.stdout
    key.chmod(0o600)
    assert "CCR803" not in _run("f.yaml").stdout
    assert "canary" not in result.output


def test_a_file_with_secrets_that_others_can_read_is_reported(folder: Path) -> None:
    """One finding for the file, and none once it is private."""
    path = folder / "secret.yaml"
    path.write_text(
        "providers:\n  far:\n    type: openai\n    endpoint: https://llm.example.com/v1\n"
        "    authentication: {apiKey: canary-4f9c1d7e}\nrouting: {defaultProvider: far}\n"
    )
    path.chmod(0o644)
    result = _run("secret.yaml", "--select", "CCR803")
    assert "warning[CCR803]" in result.stdout
    path.chmod(0o600)
    assert "CCR803" not in _run("secret.yaml").stdout
    assert "canary" not in _run("secret.yaml").output


@pytest.mark.functional
def test_a_cold_run_imports_no_server_and_no_client(folder: Path) -> None:
    """The time to start is spent on the configuration alone."""
    code = (
        "import sys; sys.argv = ['ccr', 'test-config', 'good.yaml']\n"
        "from engine.cli import main; status = main()\n"
        "heavy = {'litestar', 'httpx', 'aiohttp', 'uvicorn', 'asyncio', 'http.client', 'ssl'} & set(sys.modules)\n"
        "sys.exit(f'imported {sorted(heavy)}' if heavy else status)"
    )
    result = subprocess.run(
        [sys.executable, "-P", "-c", code],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert result.returncode == 0, result.stderr
