"""`start`, `stop`, `restart`, `code`, `trust` as real processes in a home of their own."""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.router import clean_environment, free_port

pytestmark = pytest.mark.functional

CONFIG = """\
providers:
  here: {type: static, settings: {models: [one]}}
routing: {defaultProvider: here}
"""


class User:
    """Somebody at a terminal: a home, a folder, a port."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "home"
        self.home.mkdir()
        self.place = folder / "project"
        self.place.mkdir()
        self.port = free_port()
        self.environment = clean_environment(self.home)

    def ccr(self, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Runs `ccr` to its end."""
        return subprocess.run(
            [sys.executable, "-P", "-m", "engine.cli", *words],
            cwd=self.place,
            env={**self.environment, **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def start(self, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """`ccr start --detach` on the port."""
        return self.ccr("start", "--detach", "--port", str(self.port), *words, **environment)

    def stop(self, *words: str) -> subprocess.CompletedProcess[str]:
        """`ccr stop` on the port."""
        return self.ccr("stop", "--port", str(self.port), *words)

    def write(self, name: str, text: str = CONFIG) -> str:
        """Writes a file in the folder and gives its path."""
        path = self.place / name
        path.write_text(text)
        return str(path)

    def get(self, path: str) -> tuple[int, dict[str, object]]:
        """`GET path` of the router."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", path)
            reply = connection.getresponse()
            return reply.status, json.loads(reply.read())
        finally:
            connection.close()


@pytest.fixture
def user(tmp_path: Path) -> Iterator[User]:
    somebody = User(tmp_path)
    yield somebody
    somebody.stop("--force")


def test_start_prints_two_lines_and_the_file_it_used(user: User) -> None:
    """Standard output is ready to evaluate; what was used is on standard error; the router answers when it says so."""
    path = user.write("mine.yaml")

    done = user.start("--config", path)

    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        f"export ANTHROPIC_BASE_URL=http://127.0.0.1:{user.port}",
        "export ANTHROPIC_AUTH_TOKEN=ccr",
    ]
    assert f"configuration {path} (--config)" in done.stderr
    assert user.get("/health/live")[0] == 200


def test_the_process_has_the_programs_name(user: User) -> None:
    """`ps` shows `claude-code-router`."""
    user.start("--demo")
    pid = (user.home / ".claude-code-router" / f"ccr-{user.port}.pid").read_text().split()[0]

    shown = Path(f"/proc/{pid}/cmdline")
    if not shown.exists():
        pytest.skip("this system has no /proc")
    assert shown.read_bytes().rstrip(b"\0") == b"claude-code-router"


def test_stop_ends_it_and_a_second_stop_succeeds(user: User) -> None:
    """After `stop` nothing answers, nothing is left behind, and stopping again is no failure."""
    user.start("--demo")

    first, second = user.stop(), user.stop()

    assert (first.returncode, first.stdout) == (0, f"stopped the router on port {user.port}\n")
    assert (second.returncode, second.stdout) == (0, f"no router runs on port {user.port}\n")
    assert list((user.home / ".claude-code-router").glob("*.pid")) == []


def test_a_port_where_another_ccr_answers_is_said(user: User) -> None:
    """One line names the other router and both ways out."""
    user.start("--demo")

    again = user.start("--demo")

    assert again.returncode == 1
    assert f"another ccr already answers on http://127.0.0.1:{user.port}" in again.stderr
    assert f"`ccr stop --port {user.port}`" in again.stderr


def test_a_port_of_another_program_is_one_line_with_the_way_out(user: User) -> None:
    """A taken port names `--port` and, for make, `PORT=`."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", user.port))
        other.listen()
        done = user.ccr("start", "--demo", "--port", str(user.port))

    assert done.returncode == 1
    (line,) = [line for line in done.stderr.splitlines() if "taken" in line]
    assert line == (
        f"ccr: port {user.port} is taken by another program;"
        f" choose another with `--port {user.port + 1}` (with make: `PORT={user.port + 1}`)"
    )


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "example.invalid"])
def test_a_public_address_without_a_key_is_refused(user: User, host: str) -> None:
    """Nobody else on the network gets to use the user's keys by accident."""
    done = user.start("--demo", "--host", host)

    assert done.returncode == 1
    assert f"`{host}` lets other machines in" in done.stderr


def test_a_public_address_can_be_asked_for(user: User) -> None:
    """`--public` says that something else keeps strangers out; the client is still pointed at loopback."""
    done = user.start("--demo", "--host", "0.0.0.0", "--public")

    assert done.returncode == 0, done.stderr
    assert f"http://127.0.0.1:{user.port}" in done.stdout


def test_restart_repeats_how_it_was_started(user: User) -> None:
    """The same configuration on the same port, in a new process."""
    path = user.write("mine.yaml")
    user.start("--config", path, "--log-level", "warn")
    before = user.get("/status")[1]["revision"]

    done = user.ccr("restart", "--port", str(user.port))

    assert done.returncode == 0, done.stderr
    assert f"configuration {path} (--config)" in done.stderr
    assert user.get("/status")[1]["revision"] == before


def test_restart_with_a_broken_configuration_leaves_the_old_router(user: User) -> None:
    """A mistake in the file does not end what runs."""
    path = user.write("mine.yaml")
    user.start("--config", path)
    user.write("mine.yaml", "providers: {here: {type: sttic}}\n")

    done = user.ccr("restart", "--port", str(user.port))

    assert done.returncode == 1
    assert "mine.yaml:1:" in done.stderr
    assert user.get("/health/live")[0] == 200


@pytest.mark.parametrize(("text", "status"), [("providers: [", 3), ("providers: {a: {type: nope}}\n", 1)])
def test_a_configuration_that_must_not_run_does_not_start(user: User, text: str, status: int) -> None:
    """No tree is 3, findings are 1; each is said with its place."""
    path = user.write("bad.yaml", text)

    done = user.start("--config", path)

    assert done.returncode == status
    assert f"{path}:1:" in done.stderr


def test_a_missing_configuration_is_3_and_names_the_ways_out(user: User) -> None:
    """There is never a silent default."""
    named = user.start("--config", "nowhere.yaml")
    found = user.start()

    assert (named.returncode, found.returncode) == (3, 3)
    assert "nowhere.yaml cannot be read" in named.stderr
    assert "`ccr init` writes one" in found.stderr


def test_a_projects_file_counts_only_when_trusted_and_unchanged(user: User) -> None:
    """A cloned repository cannot redirect a session: its file is passed over, aloud, until `ccr trust`."""
    user.write("ccr.yaml")

    before = user.start()
    trusted = user.ccr("trust")
    after = user.start()
    user.stop()
    user.write("ccr.yaml", CONFIG + "# changed\n")
    changed = user.start()

    assert (before.returncode, trusted.returncode, after.returncode, changed.returncode) == (3, 0, 0, 3)
    assert "./ccr.yaml is not trusted" in before.stderr
    assert "configuration ccr.yaml (this folder's)" in after.stderr
    assert "./ccr.yaml is not trusted" in changed.stderr


def test_flag_beats_environment_beats_file(user: User) -> None:
    """For the configuration and for the port."""
    other = free_port()
    file = user.write("file.yaml", CONFIG + f"server: {{port: {user.port}}}\n")

    by_file = user.ccr("start", "--detach", CCR_CONFIG_PATH=file)
    user.stop()
    by_environment = user.ccr("start", "--detach", CCR_CONFIG_PATH=file, CCR_PORT=str(other))
    user.ccr("stop", "--port", str(other))
    by_flag = user.ccr("start", "--detach", "--port", str(user.port), CCR_CONFIG_PATH=file, CCR_PORT=str(other))

    assert f":{user.port}" in by_file.stdout
    assert f"configuration {file} (CCR_CONFIG_PATH)" in by_file.stderr
    assert f":{other}" in by_environment.stdout
    assert f":{user.port}" in by_flag.stdout


def test_a_tilde_is_the_home_folder(user: User) -> None:
    """In the environment, where no shell expands it, as on the command line."""
    (user.home / "mine.yaml").write_text(CONFIG)

    assert user.start(CCR_CONFIG_PATH="~/mine.yaml").returncode == 0


CLIENT = """\
#!/bin/sh
for each in "$@"; do printf '[%s]' "$each"; done; echo
env | grep -E '^(ANTHROPIC|CLAUDE|NO_PROXY)' | sort
exit 7
"""


@pytest.fixture
def client(user: User) -> str:
    """A stand-in for `claude` that prints its arguments and environment and leaves with 7."""
    path = user.home / "my claude"
    path.write_text(CLIENT)
    path.chmod(0o755)
    return str(path)


def test_code_starts_the_router_and_runs_the_client(user: User, client: str) -> None:
    """The client gets its arguments untouched, a clean environment, and its status is ours."""
    path = user.write("mine.yaml")
    rivals = {"ANTHROPIC_API_KEY": "sk-canary", "CLAUDE_CODE_USE_BEDROCK": "1", "CLAUDE_CODE_USE_VERTEX": "1"}

    words = ("code", "--config", path, "--port", str(user.port), "-p", "say $HOME; `id`", "--port", "x", "-c")
    done = user.ccr(*words, CLAUDE_PATH=client, NO_PROXY="internal.example", **rivals)

    assert done.returncode == 7, done.stderr
    assert done.stdout.splitlines() == [
        "[-p][say $HOME; `id`][--port][x][-c]",
        "ANTHROPIC_AUTH_TOKEN=ccr",
        f"ANTHROPIC_BASE_URL=http://127.0.0.1:{user.port}",
        "CLAUDE_CODE_GATEWAY_HINT_HEADERS=1",
        "NO_PROXY=internal.example,127.0.0.1,localhost",
    ]
    assert user.get("/health/live")[0] == 200


def test_code_uses_a_router_that_runs(user: User, client: str) -> None:
    """Without options the running router is used, whatever it was started with."""
    user.start("--demo")

    done = user.ccr("code", CLAUDE_PATH=client)

    assert done.returncode == 7
    assert f"using the router that runs on port {user.port}" in done.stderr


def test_code_without_a_client_says_so(user: User) -> None:
    """The missing program is named with the ways to name another; nothing is started for it."""
    done = user.ccr("code", PATH="/nonexistent")

    assert done.returncode == 127
    assert done.stderr == "ccr: `claude` is not found; install Claude Code or set CLAUDE_PATH\n"


def test_an_interrupt_ends_the_router_after_its_requests(user: User) -> None:
    """Control-C in the foreground closes in order and is exit status 130."""
    script = (
        "import os, signal, sys, threading; from engine.cli import main\n"
        "import engine.cli.starting as s; said = s.announce\n"
        "s.announce = lambda *a: (said(*a), os.kill(os.getpid(), signal.SIGINT))\n"
        "sys.exit(main())"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", script, "start", "--demo", "--port", str(user.port)],
        cwd=user.place,
        env=user.environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 130, done.stderr
    (log,) = (user.home / ".claude-code-router" / "logs").glob("*.log")
    assert json.loads(log.read_text().splitlines()[-1])["message"] == "stopped"
    assert not os.path.exists(user.home / ".claude-code-router" / f"ccr-{user.port}.pid")
