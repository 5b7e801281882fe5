"""Configurations at the ends of what can be written: numbers of hundreds of digits, names that terminals obey."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from engine.cli.commands import ccr

HEAD = "providers: {a: {type: static, settings: {models: [m]}}}\nrouting:\n  defaultProvider: a\n"
NINES = "9" * 308
STEERING = "\\e]0;owned\\a\\e[2J\\n\\u202e"
"""As YAML writes it: sets a terminal's title, clears it, breaks the line, turns the writing round."""

EXTREMES = [
    ("{toolCount: NINES}", None),
    ("{inputTokens: {gt: NINES, lt: NINES}}", None),
    ('{messageLength: "NINES..NINES9"}', "CCR203"),
    ('{maxTokens: ["> 5", NINES]}', None),
    ("{temperature: NINES}", None),
    ("{temperature: {gt: -NINES, lte: NINES}}", None),
    ("{toolNames: {size: NINES}}", None),
    ('{expr: "toolCount * NINES > NINES * NINES"}', None),
    ('{expr: "toolCount * 1e-300 > NINES"}', None),
    ('{expr: "maxTokens + NINES > 1.5"}', None),
    ('{expr: "temperature > NINES9"}', "CCR602"),
    ("{toolCount: NINES9}", "CCR015"),
    ("{rollout: {percent: 1e999999999, salt: s}}", "CCR015"),
    ('{rollout: {percent: "1e-999999999", salt: s}}', "CCR203"),
]


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A configuration that is not there yet, in the working directory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path / "ccr.yaml"


@pytest.mark.parametrize(("condition", "code"), EXTREMES)
def test_a_number_of_any_size_is_proved_about_or_refused(file: Path, condition: str, code: str | None) -> None:
    """`code` is why it is refused; None: it is only never met, or always."""
    written = condition.replace("NINES", NINES)
    file.write_text(f"{HEAD}  customRules:\n    - {{name: r, condition: {written}, target: 'a,m'}}\n")
    result = CliRunner().invoke(ccr, ["test-config"])

    assert result.exception is None or isinstance(result.exception, SystemExit)
    assert result.exit_code in (0, 1)
    assert (f"[{code}]" in result.output) if code else ("[CCR0" not in result.output and "[CCR6" not in result.output)


@pytest.mark.parametrize("status", ["\u00b2", "9" * 5000, '"9999"', "true"])
def test_a_status_that_is_no_number_is_a_finding(file: Path, status: str) -> None:
    """Whatever else is a digit, or too long for one."""
    rule = f"{{name: r, condition: {{model: x}}, target: {{reject: {{status: {status}}}}}}}"
    file.write_text(f"{HEAD}  customRules:\n    - {rule}\n")
    result = CliRunner().invoke(ccr, ["test-config"])

    assert result.exit_code == 1
    assert "error[CCR" in result.output


def test_a_status_from_the_environment_is_used(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A whole `${...}` stands for a number there, too."""
    monkeypatch.setenv("STATUS", "418")
    rule = '{name: r, condition: {model: x}, target: {reject: {status: "${STATUS}"}}}'
    file.write_text(f"{HEAD}  customRules:\n    - {rule}\n")

    assert "refused with 418" in CliRunner().invoke(ccr, ["test-config"]).output


@pytest.mark.parametrize("provider", ["aSTEER", "axSTEER"])
@pytest.mark.parametrize("command", ["test-config", "explain hello.json --all", "diff ccr.yaml other.yaml"])
def test_names_in_a_configuration_never_steer_the_terminal(file: Path, command: str, provider: str) -> None:
    """A cloned file is checked before it is trusted; `axSTEER` is no provider, and another's name is suggested."""
    text = f"""providers:
  "aSTEER": {{type: static, settings: {{models: ["mSTEER", n]}}}}
conditions: {{"cSTEER": {{model: "xSTEER"}}}}
routing:
  defaultProvider: "{provider}"
  customRules:
    - {{name: "rSTEER", condition: {{ref: "cSTEER"}}, target: "aSTEER,n"}}
    - {{name: "sSTEER", condition: {{model: "xSTEER"}}, target: "aSTEER,mSTEER"}}
    - {{name: "tSTEER", condition: {{model: y, "header.xSTEER": z}}, target: "aSTEER,mSTEER"}}
"""
    file.write_text(text.replace("STEER", STEERING))
    file.with_name("other.yaml").write_text(HEAD)
    file.with_name("hello.json").write_text(
        '{"model": "x", "max_tokens": 1, "messages": [{"role": "user", "content": "a"}]}'
    )
    result = CliRunner().invoke(ccr, command.split(), color=True)
    ours = result.output.replace("\x1b[0m", "")
    for look in ("1", "36", "1;31", "1;33", "1;34"):
        ours = ours.replace(f"\x1b[{look}m", "")

    assert result.output
    assert all(line.isprintable() for line in ours.split("\n"))
    assert not [line for line in ours.split("\n") if line.startswith("\u202e")]
