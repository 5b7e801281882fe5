"""`ccr init` and `ccr schema`: what a newcomer and an editor start from."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
from click.testing import CliRunner

from engine.cli import ccr


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder and an own home."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("CCR_CONFIG_PATH", raising=False)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def ran(*words: str) -> tuple[int, str]:
    result = CliRunner().invoke(ccr, words)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.output


def test_the_starter_is_clean_and_names_its_schema(place: Path) -> None:
    """What `init` writes passes `test-config` without a finding, and an editor finds the schema beside it."""
    status, output = ran("init", "mine/ccr.yaml")
    first_line = (place / "mine" / "ccr.yaml").read_text().splitlines()[0]

    assert status == 0
    assert output.startswith("wrote mine/ccr.yaml and, for editors, ccr.schema.json beside it\n")
    assert first_line == "# yaml-language-server: $schema=ccr.schema.json"
    assert (place / "mine" / "ccr.schema.json").read_text() == ran("schema")[1]
    status, report = ran("test-config", "mine/ccr.yaml")
    assert (status, "no findings" in report) == (0, True), report


def test_without_a_name_it_goes_to_the_home_folder() -> None:
    """There `start` finds it; nobody else may read it."""
    status, _ = ran("init")
    written = Path("~/.claude-code-router/config.yaml").expanduser()

    assert status == 0
    assert written.stat().st_mode & 0o777 == 0o600
    assert written.parent.stat().st_mode & 0o777 == 0o700


def test_a_file_that_is_there_stays(place: Path) -> None:
    """Nothing is overwritten without `--force`."""
    (place / "ccr.yaml").write_text("mine: 1\n")

    assert ran("init", "ccr.yaml") == (1, "ccr.yaml is already there; `--force` replaces it\n")
    assert (place / "ccr.yaml").read_text() == "mine: 1\n"
    assert ran("init", "ccr.yaml", "--force")[0] == 0
    assert "providers:" in (place / "ccr.yaml").read_text()


def test_a_folder_that_cannot_be_written_is_said(place: Path) -> None:
    """The failing file is named."""
    (place / "file").write_text("")

    status, output = ran("init", "file/ccr.yaml")

    assert status == 1
    assert output.startswith("file")
    assert "cannot be written" in output


def test_a_home_that_cannot_be_written_is_said(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As for a user without a home folder, in a container for one."""
    (place / "file").write_text("")
    monkeypatch.setenv("HOME", str(place / "file"))

    assert ran("init") == (1, f"{place}/file/.claude-code-router cannot be written: Not a directory\n")


def test_the_schema_is_a_json_schema() -> None:
    """`ccr schema` prints what editors read."""
    status, output = ran("schema")

    assert status == 0
    jsonschema.Draft7Validator.check_schema(json.loads(output))
    jsonschema.Draft202012Validator.check_schema(json.loads(output))


def test_a_starter_is_not_written_under_a_name_for_json(place: Path) -> None:
    """It is YAML with comments, which nothing would read from a file named so: wrong usage, and no file."""
    status, output = ran("init", "config.json")

    assert status == 2
    assert ".yaml" in output
    assert list(place.iterdir()) == []
