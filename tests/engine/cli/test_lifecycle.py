"""`start`, `stop`, `restart`, `code`, `trust` as real processes in a home of their own."""

from __future__ import annotations

import http.client
import json
import os
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
        self.started: subprocess.CompletedProcess[str] | None = None

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

    def start_at_once(self, count: int) -> list[tuple[int, str]]:
        """So many of `ccr start --demo --detach` on the port: the exit status of each and what it said."""
        words = [sys.executable, "-P", "-m", "engine.cli", "start", "--demo", "--detach", "--port", str(self.port)]
        started = [
            subprocess.Popen(words, cwd=self.place, env=self.environment, stderr=subprocess.PIPE, text=True)
            for _ in range(count)
        ]
        return [(one.returncode, said) for one in started for said in [one.communicate(timeout=60)[1]]]

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
    """Somebody without a router yet."""
    somebody = User(tmp_path)
    yield somebody
    somebody.stop("--force")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[User]:
    """Somebody whose router runs; `started` is how."""
    somebody = User(tmp_path_factory.mktemp("served"))
    somebody.started = somebody.start("--config", somebody.write("mine.yaml"))
    yield somebody
    somebody.stop("--force")


def test_start_prints_two_lines_and_the_file_it_used(served: User) -> None:
    """Standard output is ready to evaluate; what was used is on standard error; the router answers when it says so."""
    assert served.started is not None
    assert served.started.returncode == 0, served.started.stderr
    assert served.started.stdout.splitlines() == [
        f"export ANTHROPIC_BASE_URL=http://127.0.0.1:{served.port}",
        "export ANTHROPIC_AUTH_TOKEN=ccr",
    ]
    assert f"configuration {served.place / 'mine.yaml'} (--config)" in served.started.stderr
    assert served.get("/health/live")[0] == 200


def test_its_files_are_the_users_alone(served: User) -> None:
    """Also in a folder that another program made, which others may read."""
    files = [path for path in (served.home / ".claude-code-router").rglob("*") if path.is_file()]

    assert {path.suffix for path in files} >= {".out", ".pid", ".log"}
    assert [path.name for path in files if path.stat().st_mode & 0o077] == []


def test_the_process_has_the_programs_name(served: User) -> None:
    """`ps` shows `claude-code-router`."""
    pid = (served.home / ".claude-code-router" / f"ccr-{served.port}.pid").read_text().split()[0]

    shown = Path(f"/proc/{pid}/cmdline")
    if not shown.exists():
        pytest.skip("this system has no /proc")
    assert shown.read_bytes().rstrip(b"\0") == b"claude-code-router"


def test_a_port_where_another_ccr_answers_is_said(served: User) -> None:
    """In the background, too, one line names the other router and both ways out."""
    again = served.start("--demo")

    assert again.returncode == 1
    assert f"another ccr already answers on http://127.0.0.1:{served.port}" in again.stderr
    assert f"`ccr stop --port {served.port}`" in again.stderr


def test_what_fails_in_the_background_says_the_file_once(served: User) -> None:
    """The process behind it reads the configuration again, which is nobody's affair."""
    done = served.start("--config", served.write("again.yaml"))

    assert done.returncode == 1
    assert [line.partition(" (")[0] for line in done.stderr.splitlines()] == [
        f"ccr: configuration {served.place / 'again.yaml'}",
        (
            f"ccr: another ccr already answers on http://127.0.0.1:{served.port}; `ccr stop --port {served.port}` ends it, "
            f"or choose `--port {served.port + 1}`"
        ),
    ]


def test_of_several_starts_at_once_one_serves_and_the_others_say_so(user: User) -> None:
    """Each says what its own process said, and nothing of another's."""
    ended = sorted(user.start_at_once(3))

    assert [status for status, _ in ended] == [0, 1, 1]
    for _, said in ended[1:]:
        assert [line.partition(" ")[0] for line in said.splitlines()] == ["ccr:", "ccr:"]
    assert user.get("/health/live")[0] == 200
    assert [path.name for path in (user.home / ".claude-code-router").glob("*.out")] == [f"ccr-{user.port}.out"]


def test_restart_with_a_broken_configuration_leaves_the_old_router(served: User) -> None:
    """A mistake in the file does not end what runs."""
    done = served.ccr("restart", "--config", served.write("bad.yaml", "providers: {here: {type: sttic}}\n"))

    assert done.returncode == 1
    assert "bad.yaml:1:" in done.stderr
    assert done.stderr.endswith("so the router does not start; the one that runs goes on\n")
    assert served.get("/health/live")[0] == 200


def test_restart_and_stop(user: User) -> None:
    """`restart` repeats how it was started, in a new process; after `stop` nothing answers and nothing is left behind."""
    path = user.write("mine.yaml")
    user.start("--config", path, "--log-level", "warn")
    pid = (user.home / ".claude-code-router" / f"ccr-{user.port}.pid").read_text()

    again = user.ccr("restart", "--port", str(user.port))
    pid_again = (user.home / ".claude-code-router" / f"ccr-{user.port}.pid").read_text()
    first, second = user.stop(), user.stop()

    assert again.returncode == 0, again.stderr
    assert f"configuration {path} (--config)" in again.stderr
    assert pid.split()[0] != pid_again.split()[0]
    assert pid.splitlines()[1] == pid_again.splitlines()[1]
    assert (first.returncode, first.stdout) == (0, f"stopped the router on port {user.port}\n")
    assert (second.returncode, second.stdout) == (0, f"no router runs on port {user.port}\n")
    assert list((user.home / ".claude-code-router").glob("*.pid")) == []


CLIENT = """\
#!/bin/sh
for each in "$@"; do printf '[%s]' "$each"; done; echo
env | grep -E '^(ANTHROPIC|CLAUDE_CODE|NO_PROXY)' | sort
exit 7
"""


def client_of(user: User) -> str:
    """A stand-in for `claude` that prints its arguments and environment and leaves with 7."""
    path = user.home / "my claude"
    path.write_text(CLIENT)
    path.chmod(0o755)
    return str(path)


def test_code_starts_the_router_and_runs_the_client(user: User) -> None:
    """The client gets its arguments untouched, a clean environment, and its status is ours."""
    path = user.write("mine.yaml")
    rivals = {"ANTHROPIC_API_KEY": "sk-canary", "CLAUDE_CODE_USE_BEDROCK": "1", "CLAUDE_CODE_USE_VERTEX": "1"}

    words = ("code", "--config", path, "--port", str(user.port), "-p", "say $HOME; `id`", "--port", "x", "-c")
    done = user.ccr(*words, CLAUDE_PATH=client_of(user), NO_PROXY="internal.example", **rivals)

    assert done.returncode == 7, done.stderr
    assert done.stdout.splitlines() == [
        "[-p][say $HOME; `id`][--port][x][-c]",
        "ANTHROPIC_AUTH_TOKEN=ccr",
        f"ANTHROPIC_BASE_URL=http://127.0.0.1:{user.port}",
        "CLAUDE_CODE_GATEWAY_HINT_HEADERS=1",
        "NO_PROXY=internal.example,127.0.0.1,localhost",
    ]
    assert user.get("/health/live")[0] == 200


def test_code_uses_a_router_that_runs(served: User) -> None:
    """Without options the running router is used, whatever it was started with."""
    done = served.ccr("code", CLAUDE_PATH=client_of(served))

    assert done.returncode == 7
    assert f"using the router that runs on port {served.port}" in done.stderr


def test_code_leaves_the_clients_own_credentials_alone(user: User) -> None:
    """Where the configuration forwards them to the upstream; asked for a router key, the router gets it in a header of its own."""
    forwarding = CONFIG.replace(
        "{type: static,", '{type: anthropic, endpoint: "http://127.0.0.1:9", authentication: {type: forward},'
    )
    path = user.write("mine.yaml", f"{forwarding}server: {{apiKeys: [{{name: me, key: router-key-0123456789}}]}}\n")
    words = ("code", "--config", path, "--port", str(user.port))
    client = {"CLAUDE_PATH": client_of(user), "ANTHROPIC_API_KEY": "own-key"}

    done = user.ccr(*words, **client, CCR_KEY="router-key-0123456789")
    keyless = user.ccr(*words, **client)

    assert done.returncode == 7, done.stderr
    said = done.stdout.splitlines()
    assert "ANTHROPIC_API_KEY=own-key" in said
    assert "ANTHROPIC_CUSTOM_HEADERS=x-ccr-key: router-key-0123456789" in said
    assert not [line for line in said if line.startswith("ANTHROPIC_AUTH_TOKEN")]
    assert (keyless.returncode, "put yours into CCR_KEY" in keyless.stderr) == (1, True)


def test_code_says_when_the_running_router_has_another_configuration(served: User) -> None:
    """The configuration that was asked for is not passed over silently; the same one is nothing to speak of."""
    same, other = served.write("same.yaml"), served.write("other.yaml", CONFIG + "debug: {logLevel: warn}\n")
    said = "it runs another configuration"
    words = ("code", "--port", str(served.port), "--config")

    assert said not in served.ccr(*words, same, CLAUDE_PATH=client_of(served)).stderr
    assert said in served.ccr(*words, other, CLAUDE_PATH=client_of(served)).stderr


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


def test_commands_find_a_router_on_another_address(user: User) -> None:
    """The pid file says where it listens, so no command needs `--host`; `code` and `env` point the client there."""
    slow = CONFIG + "server: {host: 127.0.0.2, drainSeconds: 7}\n"
    assert user.start("--config", user.write("mine.yaml", slow)).returncode == 0
    url = f"http://127.0.0.2:{user.port}"

    assert f"running on 127.0.0.2:{user.port} for" in user.ccr("status").stdout
    assert user.ccr("health").returncode == 0
    assert user.ccr("env").stdout.startswith(f"export ANTHROPIC_BASE_URL={url}\n")
    assert f"ANTHROPIC_BASE_URL={url}" in user.ccr("code", CLAUDE_PATH=client_of(user)).stdout
    assert "nothing changed" in user.ccr("reload").stdout
    assert user.ccr("health", "--host", "127.0.0.1").stderr.startswith(f"no router answers on 127.0.0.1:{user.port};")
    assert user.stop().returncode == 0


def test_a_reload_asked_for_too_early_ends_nothing(user: User) -> None:
    """SIGHUP before the server takes signals is not the end of the process."""
    early = "import os, signal; from engine.cli.starting import be_the_server; be_the_server(); "
    done = subprocess.run(
        [sys.executable, "-P", "-c", early + "os.kill(os.getpid(), signal.SIGHUP); print('lives')"],
        env=user.environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert (done.returncode, done.stdout) == (0, "lives\n"), done.stderr
