"""From options to a configuration that may be served: which file, which port, and what is refused; in one process."""

from __future__ import annotations

import socket
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner
from msgspec.structs import replace

from engine.cli import ccr
from engine.cli.preparing import Prepared, StartOptions, client_url, is_loopback, prepare
from engine.cli.starting import in_foreground
from engine.cli.trust_store import record_trust

CONFIG = """\
providers:
  here: {type: static, settings: {models: [one]}}
routing: {defaultProvider: here}
"""
AS_JSON = '{"providers": {"from-0": {"type": "static"}}, "routing": {"defaultProvider": "from-0"}}'
OTHER = CONFIG.replace("here", "there")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder with an own, empty home beside it."""
    for name in ("CCR_CONFIG_PATH", "CCR_PORT", "CCR_LOG_LEVEL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    folder = tmp_path / "project"
    folder.mkdir()
    (tmp_path / "home" / ".claude-code-router").mkdir(parents=True)
    monkeypatch.chdir(folder)
    return folder


def provider(options: StartOptions) -> str:
    """The provider of the configuration that would be served, which tells the files of these tests apart."""
    (name,) = prepare(options).first.providers
    return name


def refused(*words: str) -> tuple[int, str]:
    """Exit status and output of a `ccr start` that does not get as far as serving."""
    result = CliRunner().invoke(ccr, ["start", *words])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.output


def test_the_files_are_tried_in_order(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Flag, CCR_CONFIG_PATH, the trusted ./ccr.yaml, config.yaml of the home folder, config.json there."""
    home = Path("~/.claude-code-router").expanduser()
    for number, path in enumerate(
        [home / "config.json", home / "config.yaml", place / "ccr.yaml", place / "named.yaml", place / "flag.yaml"]
    ):
        path.write_text(AS_JSON if path.suffix == ".json" else CONFIG.replace("here", f"from-{number}"))
        if path.name == "ccr.yaml":
            record_trust(path, [])
        if path.name == "named.yaml":
            monkeypatch.setenv("CCR_CONFIG_PATH", str(path))
        options = StartOptions(config=str(path)) if path.name == "flag.yaml" else StartOptions()

        assert provider(options) == f"from-{number}"


def test_every_start_says_which_file_it_used(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """On standard error, with the reason."""
    (place / "mine.yaml").write_text(CONFIG)

    prepare(StartOptions(config="mine.yaml"))

    assert capsys.readouterr().err == "ccr: configuration mine.yaml (--config)\n"


def test_a_projects_file_counts_only_when_trusted_and_unchanged(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A cloned repository cannot redirect a session: its file is passed over, aloud, until `ccr trust`."""
    (place / "ccr.yaml").write_text(CONFIG)
    Path("~/.claude-code-router/config.yaml").expanduser().write_text(OTHER)

    assert provider(StartOptions()) == "there"
    assert "./ccr.yaml is not trusted in its present state" in capsys.readouterr().err

    CliRunner().invoke(ccr, ["trust"])
    assert provider(StartOptions()) == "here"
    assert "configuration ccr.yaml (this folder's)" in capsys.readouterr().err

    (place / "ccr.yaml").write_text(CONFIG + "# changed\n")
    assert provider(StartOptions()) == "there"


def test_a_running_router_takes_no_change_that_is_not_trusted(place: Path) -> None:
    """A reload of ./ccr.yaml is refused until `ccr trust` has seen the change, as a start is."""
    (place / "ccr.yaml").write_text(CONFIG)
    record_trust(place / "ccr.yaml", [])
    load = prepare(StartOptions()).load
    (place / "ccr.yaml").write_text(OTHER)

    with pytest.raises(PermissionError, match="ccr trust"):
        load()

    record_trust(place / "ccr.yaml", [])
    built = load().built
    assert built is not None
    assert list(built.providers) == ["there"]


@pytest.mark.parametrize(
    ("flag", "environment", "file", "wanted"),
    [
        (None, None, "", 3456),
        (None, None, "server: {port: 4001}", 4001),
        (None, "4002", "server: {port: 4001}", 4002),
        ("4003", "4002", "server: {port: 4001}", 4003),
    ],
)
def test_flag_beats_environment_beats_file(
    place: Path, monkeypatch: pytest.MonkeyPatch, flag: str | None, environment: str | None, file: str, wanted: int
) -> None:
    """For the port, as for everything that all three may say."""
    (place / "mine.yaml").write_text(CONFIG + file)
    if environment:
        monkeypatch.setenv("CCR_PORT", environment)
    ports: list[int] = []

    def remember(prepared: Prepared) -> int:
        ports.append(prepared.port)
        return 0

    monkeypatch.setattr("engine.cli.start.in_foreground", remember)
    CliRunner().invoke(ccr, ["start", "--config", "mine.yaml", *(["--port", flag] if flag else [])])

    assert ports == [wanted]


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        (StartOptions(), None),
        (StartOptions(debug=True), "debug"),
        (StartOptions(debug=True, log_level="error"), "error"),
        (StartOptions(log_level="info"), "info"),
    ],
)
def test_the_log_level_is_the_most_explicit_one(place: Path, options: StartOptions, wanted: str | None) -> None:
    """`--log-level`, else `--debug`, else (None) the file's, which a reload may change."""
    (place / "mine.yaml").write_text(CONFIG + "debug: {logLevel: warn, logDir: ~/elsewhere}\n")

    prepared = prepare(replace(options, config="mine.yaml"))

    assert prepared.log_level == wanted
    assert prepared.log_folder == Path("~/elsewhere").expanduser()


def test_a_tilde_is_the_home_folder(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the environment, where no shell expands it, as on the command line."""
    Path("~/mine.yaml").expanduser().write_text(CONFIG)
    monkeypatch.setenv("CCR_CONFIG_PATH", "~/mine.yaml")

    assert provider(StartOptions()) == "here"
    assert prepare(StartOptions(config="~/mine.yaml")).options.config == str(Path("~/mine.yaml").expanduser())


@pytest.mark.parametrize(("text", "status"), [("providers: [", 3), ("", 3), ("providers: {a: {type: nope}}\n", 1)])
def test_a_configuration_that_must_not_run_does_not_start(place: Path, text: str, status: int) -> None:
    """No tree is 3, findings are 1; each is said with its place."""
    (place / "bad.yaml").write_text(text)

    code, output = refused("--config", "bad.yaml")

    assert code == status
    assert "--> bad.yaml:1:" in output
    assert output.endswith("ccr: bad.yaml has errors, so the router does not start\n")


def test_a_missing_configuration_is_3_and_names_the_ways_out(place: Path) -> None:
    """There is never a silent default."""
    assert refused("--config", "nowhere.yaml") == (
        3,
        "ccr: configuration nowhere.yaml (--config)\nccr: nowhere.yaml cannot be read: no such file or directory\n",
    )
    code, output = refused()
    assert code == 3
    assert "`ccr init` writes one, and `ccr start --demo` needs none" in output


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.invalid"])
def test_a_public_address_without_a_key_is_refused(place: Path, host: str) -> None:
    """Nobody else on the network gets to use the user's keys by accident; `--public` is the explicit word."""
    code, output = refused("--demo", "--host", host)

    assert code == 1
    assert f"`{host}` lets other machines in, and no key protects the router" in output
    assert prepare(StartOptions(demo=True, host=host, public=True)).host == host


@pytest.mark.parametrize("words", [["--host", "[::1]"], ["--config", "brackets.yaml"]], ids=["flag", "file"])
def test_an_address_may_have_the_brackets_of_a_url(
    place: Path, monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    """`[::1]` is `::1`, as `http://[::1]:3456` makes one write it."""
    (place / "brackets.yaml").write_text("server: {host: '[::1]'}\n" + CONFIG)
    listened: list[str] = []
    monkeypatch.setattr("engine.cli.start.in_foreground", lambda prepared: listened.append(prepared.host))
    CliRunner().invoke(ccr, ["start", *(words if "--config" in words else ["--demo", *words])])

    assert listened == ["::1"]


@pytest.mark.parametrize(
    ("host", "loopback", "url"),
    [
        ("127.0.0.1", True, "http://127.0.0.1:1"),
        ("127.8.8.8", True, "http://127.8.8.8:1"),
        ("localhost", True, "http://localhost:1"),
        ("::1", True, "http://[::1]:1"),
        ("0.0.0.0", False, "http://127.0.0.1:1"),
        ("::", False, "http://127.0.0.1:1"),
        ("10.0.0.7", False, "http://10.0.0.7:1"),
        ("localhost.example", False, "http://localhost.example:1"),
    ],
)
def test_addresses(host: str, loopback: bool, url: str) -> None:
    """Which addresses only this machine reaches, and where a client on it finds the router."""
    assert is_loopback(host) is loopback
    assert client_url(host, 1) == url


def test_options_survive_as_arguments(place: Path) -> None:
    """What is written into the pid file starts the same router again, from any folder."""
    (place / "mine.yaml").write_text(CONFIG)
    prepared = prepare(StartOptions(config="mine.yaml", port=4001, log_level="warn", debug=True))

    assert prepared.options.words() == [
        *("--config", str(place / "mine.yaml"), "--port", "4001", "--log-level", "warn", "--debug")
    ]


@pytest.mark.parametrize("answers", [False, True])
def test_a_taken_port_is_one_line_with_the_way_out(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], answers: bool
) -> None:
    """It says whether another ccr is there, and names `--port` and, for make, `PORT=`."""
    monkeypatch.setattr("engine.cli.starting.router_answers", lambda *_: answers)
    monkeypatch.setattr("engine.cli.starting.be_the_server", lambda: None)
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        prepared = prepare(StartOptions(demo=True, port=port))
        capsys.readouterr()

        assert in_foreground(prepared) == 1

    ways = f"`--port {port + 1}` (with make: `PORT={port + 1}`)"
    assert capsys.readouterr().err == (
        f"ccr: another ccr already answers on http://127.0.0.1:{port}; `ccr stop --port {port}` ends it, or choose {ways}\n"
        if answers
        else f"ccr: port {port} is taken by another program; choose another with {ways}\n"
    )


def test_standard_input_stays_in_the_foreground(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A background process cannot read what was piped in."""
    monkeypatch.setattr(subprocess, "Popen", None)

    result = CliRunner().invoke(ccr, ["start", "--config", "-", "--detach"], input=CONFIG)

    assert result.exit_code == 2
    assert "needs a configuration file" in result.output


def test_without_a_home_there_is_no_background(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody could find the router there, so it is refused in a line that says what can be done."""
    monkeypatch.setattr(subprocess, "Popen", None)
    (place / "file").write_text("")
    monkeypatch.setenv("HOME", str(place / "file"))

    status, output = refused("--demo", "--detach")

    assert status == 1
    assert output.splitlines()[-1] == (
        f"ccr: {place}/file/.claude-code-router cannot be written (Not a directory), which a router in the background"
        " needs; `ccr start` serves without it"
    )


@pytest.mark.parametrize(
    ("workers", "more", "said"),
    [(2, "", False), (3, "", True), (3, 'state: "redis://127.0.0.1:1/0"\n', False)],
    ids=["as many", "more", "together"],
)
def test_workers_that_exceed_a_limit_are_said(
    place: Path, capsys: pytest.CaptureFixture[str], workers: int, more: str, said: bool
) -> None:
    """Each worker that counts for itself needs at least one place, so that many of them are more than `concurrency` says."""
    limited = "providers: {here: {type: static, concurrency: {max: 2}, settings: {models: [one]}}}\n"
    (place / "ccr.yaml").write_text(limited + "routing: {defaultProvider: here}\n" + more)
    prepare(StartOptions(config="ccr.yaml", workers=workers))

    assert ("`here` gets up to 3 requests at once, more than its `concurrency` of 2" in capsys.readouterr().err) == said
