"""The program's frame: the table of commands, help, usage, our own bugs, what is imported when."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from engine.cli import ccr, main
from engine.cli.commands import COMMANDS
from engine.version import VERSION


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("CCR_PORT", raising=False)


def ran(*words: str) -> tuple[int, str]:
    """Exit status and both streams of a command."""
    result = CliRunner().invoke(ccr, words)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.output


@pytest.mark.parametrize("name", COMMANDS)
def test_the_table_says_what_the_command_says(name: str) -> None:
    """The sentence in `ccr --help`, which imports no command, is the first one of the command's own help."""
    command = ccr.get_command(click.Context(ccr), name)

    assert command is not None
    assert (command.help or "").split("\n\n")[0] == COMMANDS[name]


@pytest.mark.parametrize("name", ["", *COMMANDS])
@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_h_is_help_everywhere(name: str, flag: str) -> None:
    """`-h` asks for help, of the program and of each command."""
    status, output = ran(*([name] if name else []), flag)

    assert status == 0
    assert output.startswith("Usage: ")


def test_version() -> None:
    """`--version` names the program and its version."""
    assert ran("--version") == (0, f"ccr {VERSION}\n")


def test_the_version_is_written_once_more_in_pyproject(project_root: Path) -> None:
    """What the program says of itself is what its package is called."""
    assert f'\nversion = "{VERSION}"\n' in (project_root / "pyproject.toml").read_text()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["strat"], "no command `strat`; did you mean `start`?"),
        (["frobnicate"], "no command `frobnicate`"),
        (["--frobnicate"], "No such option"),
        (["stop", "--port", "70000"], "--port"),
        (["start", "--log-level", "loud"], "--log-level"),
    ],
)
def test_wrong_usage_is_2(words: list[str], said: str) -> None:
    """A mistake on the command line is exit status 2 and names what is wrong."""
    status, output = ran(*words)

    assert status == 2
    assert said in output


@pytest.mark.parametrize("words", [["stop"], ["status"], ["health"], ["env"], ["schema"], ["logs"], ["--help"]])
def test_a_command_loads_only_what_it_needs(words: list[str], tmp_path: Path) -> None:
    """What does not serve requests starts fast: no web framework, no HTTP client."""
    script = (
        "import sys; from engine.cli import main; sys.argv = ['ccr', *sys.argv[1:]]; main();"
        "print({'litestar', 'httpx', 'aiohttp', 'uvicorn'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", script, *words],
        capture_output=True,
        text=True,
        env={"HOME": str(tmp_path), "PYTHONPATH": str(Path(__file__).parents[3])},
        check=True,
    )

    assert done.stdout.splitlines()[-1] == "set()"


def fail(*_: object) -> None:
    raise LookupError("the lamp is out")


def test_our_bug_is_70_with_one_line_and_the_traceback_in_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nobody but a developer sees a traceback, and the developer finds it."""
    monkeypatch.setattr("engine.cli.status.ask", fail)
    monkeypatch.setattr(sys, "argv", ["ccr", "status"])

    assert main() == 70

    said = capsys.readouterr().err
    (log,) = (tmp_path / ".claude-code-router" / "logs").glob("ccr-*.log")
    assert said == f"ccr: this is a bug of ccr: LookupError: the lamp is out (the traceback is in {log})\n"
    assert "Traceback (most recent call last)" in log.read_text()


def test_debug_shows_the_traceback_of_our_bug(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`--debug` anywhere prints it."""
    monkeypatch.setattr("engine.cli.start.prepare", fail)
    monkeypatch.setattr(sys, "argv", ["ccr", "start", "--debug"])

    assert main() == 70
    assert "Traceback (most recent call last)" in capsys.readouterr().err


def test_an_interrupt_is_130(monkeypatch: pytest.MonkeyPatch) -> None:
    """Control-C ends any command quietly."""

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("engine.cli.status.ask", interrupted)
    monkeypatch.setattr(sys, "argv", ["ccr", "status"])

    assert main() == 130


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_completion_is_for_both_names(shell: str) -> None:
    """Either name of the program completes."""
    status, output = ran("completion", shell)

    assert status == 0
    assert "_CCR_COMPLETE" in output
    assert "_CLAUDE_CODE_ROUTER_COMPLETE" in output


def test_completion_offers_the_commands(tmp_path: Path) -> None:
    """What the shell asks for while the user types is answered from the table."""
    done = subprocess.run(
        [sys.executable, "-P", "-m", "engine.cli"],
        capture_output=True,
        text=True,
        env={
            "HOME": str(tmp_path),
            "PYTHONPATH": str(Path(__file__).parents[3]),
            "_CCR_COMPLETE": "zsh_complete",
            "COMP_WORDS": "ccr test-",
            "COMP_CWORD": "1",
        },
        check=True,
    )

    assert "test-config" in done.stdout


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize("unbuffered", [{}, {"PYTHONUNBUFFERED": "1"}], ids=["buffered", "unbuffered"])
def test_a_full_disk_behind_the_output_is_no_bug(tmp_path: Path, unbuffered: dict[str, str]) -> None:
    """What cannot be printed is said, with the status of files that cannot be used."""
    env = {"HOME": str(tmp_path), "PYTHONPATH": str(Path(__file__).parents[3]), **unbuffered}
    words = [sys.executable, "-P", "-m", "engine.cli", "schema"]
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(words, check=False, stdout=full, stderr=subprocess.PIPE, text=True, env=env)
    assert (done.returncode, done.stderr) == (3, "ccr: the output cannot be written: no space left on device\n")


@pytest.mark.parametrize("closed", ["<&-", ">&-", "<&- >&- 2>&-"])
def test_streams_that_are_closed_are_no_bug(tmp_path: Path, closed: str) -> None:
    """As a service manager may start it: what would be said goes nowhere, and the status is right."""
    (tmp_path / "c.yaml").write_text("providers: {here: {type: static}}\nrouting: {defaultProvider: here}\n")
    words = [sys.executable, "-P", "-m", "engine.cli", "test-config", str(tmp_path / "c.yaml")]
    done = subprocess.run(["sh", "-c", f'exec "$@" {closed}', "sh", *words], check=False, capture_output=True)
    assert (done.returncode, done.stderr) == (0, b"")
