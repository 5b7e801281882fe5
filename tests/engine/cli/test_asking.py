"""Commands that ask a running router: `status`, `health`, `stop`; against a router that is a list of answers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, ClassVar

import pytest
from click.testing import CliRunner

from engine.cli import ccr
from engine.cli.pid_file import claim, pid_path
from tests.fakes.pages import served

RESTING = {
    "name": "a",
    "endpoint": "https://a.example/v1/chat/completions",
    "state": "open",
    "requests": 14,
    "errors": 1,
    "inflight": 0,
    "latencySeconds": 0.25,
    "restEndsInSeconds": 306.4,
    "restingModels": ["large"],
    "lastError": "no connection",
    "lastErrorSecondsAgo": 27.1,
}
STATUS = {
    "server": {"name": "claude-code-router", "address": "http://127.0.0.1:1"},
    "version": "9.9",
    "uptime": 7260.5,
    "revision": "0123456789ab",
    "providers": [
        {"name": "one", "type": "openai", "health": "up", "instances": [{"name": "api", "state": "closed"}]},
        {"name": "two", "type": "openai", "health": "down", "waiting": 3, "instances": [RESTING]},
    ],
    "counters": {"requests": 12, "tried": {"one": 3}},
    "findings": [{"code": "CCR402", "severity": "error", "message": "not offered", "line": 7}],
}
HEALTH = {"overall": "degraded", "providers": {"one": True, "two": False}}


class Answers(BaseHTTPRequestHandler):
    """Answers by path."""

    pages: ClassVar[dict[str, tuple[int, Any]]] = {}

    def do_GET(self) -> None:
        status, body = self.pages.get(self.path, (404, {}))
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("CCR_PORT", raising=False)


@pytest.fixture
def port() -> Iterator[int]:
    """The port of a server that answers from `Answers.pages`."""
    Answers.pages = {"/status": (200, STATUS), "/health": (200, HEALTH)}
    with served(Answers) as port:
        yield port


def ran(*words: str) -> tuple[int, str]:
    result = CliRunner().invoke(ccr, words)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.output


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--host", "127.0.0.2"], "no router answers on 127.0.0.2:1; `ccr start` starts one"),
        (["--host", "nobody.invalid"], "is asked with `--host https://nobody.invalid:1`"),
        (["--host", "https://127.0.0.1:1"], "no router answers on https://127.0.0.1:1, or its certificate is not"),
        (["--host", "https://[::1]"], "no router answers on https://[::1]:1, or"),
        (["--host", "http://127.0.0.1"], "--host is an address or `https://ADDRESS:PORT`, not `http://127.0.0.1`"),
        (["--host", "https://a/b"], "--host is an address or"),
        (["--host", "https://a:x"], "--host is an address or"),
        (["--host", "https://u@a"], "--host is an address or"),
    ],
)
def test_a_router_on_another_machine_is_named_by_its_url(words: list[str], said: str) -> None:
    """One that speaks TLS is verified as every server is; what is no such URL is told so."""
    status, output = ran("status", "--port", "1", *words)

    assert status in (1, 2)
    assert said in output


def test_status_says_that_a_key_is_wanted(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """And where it is put, instead of doubting what answers."""
    monkeypatch.setattr(Answers, "pages", {"/status": (401, {"error": {}})})
    status, output = ran("status", "--port", str(port))

    assert (status, "put one of its router keys into CCR_KEY" in output) == (1, True)


def test_status_tells_people_what_runs(port: int) -> None:
    """Address, age and revision, then every provider with its instances, counters and findings."""
    status, output = ran("status", "--port", str(port))

    assert status == 0
    assert output.splitlines() == [
        f"running on 127.0.0.1:{port} for 2 h 1 min, revision 0123456789ab, version 9.9",
        "provider one (openai): up",
        "  api: serving",
        "provider two (openai): down, 3 waiting in line",
        (
            "  a: resting 5 min more, 14 requests, 1 error, 0 in flight, first byte 250 ms, resting models large, "
            "last error 27 s ago: no connection"
        ),
        "counters: requests 12",
        "error CCR402 (line 7): not offered",
    ]


def test_status_says_that_the_file_is_not_what_is_served(port: int) -> None:
    """A refused reload is shown until one is taken over."""
    refused = {"ok": False, "at": "2026-01-05T09:00:00Z", "findings": ["ccr.yaml:6:58: CCR401 no such provider"]}
    Answers.pages["/status"] = (200, {**STATUS, "reload": refused})

    assert ran("status", "--port", str(port))[1].splitlines()[1:3] == [
        "configuration refused at 2026-01-05T09:00:00Z, this revision goes on:",
        "  ccr.yaml:6:58: CCR401 no such provider",
    ]


def test_status_as_json_is_what_the_router_said(port: int) -> None:
    """Nothing is lost for programs."""
    status, output = ran("status", "--port", str(port), "--format", "json")

    assert (status, json.loads(output)) == (0, STATUS)


@pytest.mark.parametrize(("code", "exit_status"), [(200, 0), (503, 1)])
def test_health_is_the_exit_status(port: int, code: int, exit_status: int) -> None:
    """A script asks with the exit status alone; people read which provider is down."""
    Answers.pages["/health"] = (code, HEALTH)

    status, output = ran("health", "--port", str(port))

    assert status == exit_status
    assert output.splitlines() == ["degraded", "  one: up", "  two: down"]


@pytest.mark.parametrize("command", ["status", "health"])
def test_nobody_there_is_1(command: str, free_port: int) -> None:
    """No router is said in a line, with the way to start one."""
    status, output = ran(command, "--port", str(free_port))

    assert status == 1
    assert output == f"no router answers on 127.0.0.1:{free_port}; `ccr start` starts one\n"


def test_a_stranger_is_not_a_router(port: int) -> None:
    """Something else on the port is not taken for a ccr."""
    Answers.pages["/status"] = (404, b"<html>")

    status, output = ran("status", "--port", str(port))

    assert status == 1
    assert "is it a ccr?" in output


def test_stop_when_nothing_runs_is_0(free_port: int) -> None:
    """What is wanted is already so."""
    assert ran("stop", "--port", str(free_port)) == (0, f"no router runs on port {free_port}\n")


def test_stop_never_signals_a_stranger(free_port: int) -> None:
    """A pid file left behind names a process that is something else by now: it stays alive."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as stranger:
        pid_path(free_port).parent.mkdir(parents=True)
        pid_path(free_port).write_text(f"{stranger.pid}\n[]\n")

        assert ran("stop", "--port", str(free_port))[0] == 0
        assert stranger.poll() is None

        stranger.communicate(b"\n")
    assert stranger.returncode == 0


def test_stop_says_when_the_router_is_not_ours_to_stop(port: int) -> None:
    """A router that answers but has no pid file here (another user, a container) is left alone."""
    status, output = ran("stop", "--port", str(port))

    assert status == 1
    assert "was not started by this user here" in output


def test_without_a_port_the_only_router_is_meant(port: int) -> None:
    """Whoever runs one router need not remember its port."""
    with claim(port, []):
        assert ran("health")[0] == 0


def test_without_a_port_several_routers_are_a_question(port: int, free_port: int) -> None:
    """Guessing between two could stop the wrong one."""
    with claim(port, []), claim(free_port, []):
        status, output = ran("stop")

    assert status == 2
    assert "choose one with `--port`" in output


def test_the_environment_names_the_port(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """CCR_PORT stands in for `--port`."""
    monkeypatch.setenv("CCR_PORT", str(port))

    assert ran("health")[0] == 0


@pytest.mark.parametrize(("name", "value"), [("CCR_PORT", "abc"), ("CCR_PORT", "99999"), ("CCR_LOG_LEVEL", "loud")])
@pytest.mark.parametrize("command", ["start", "status"])
def test_a_wrong_variable_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str, command: str) -> None:
    """What is wrong is said of the variable, and of the flag only where that was given."""
    monkeypatch.setenv(name, value)
    flag = {"CCR_PORT": "--port", "CCR_LOG_LEVEL": "--log-level"}[name]
    if (command, name) != ("status", "CCR_LOG_LEVEL"):
        status, output = ran(command)
        assert (status, f"Invalid value for '{name}'" in output, flag in output) == (2, True, False)
        assert flag in ran(command, flag, value)[1]


def test_proxies_of_the_environment_are_not_asked(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Loopback never goes through a proxy."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")

    assert ran("health", "--port", str(port))[0] == 0


def test_env_points_at_the_running_router(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """`ccr env` prints exports for the shell in use."""
    for name in [name for name in os.environ if name.startswith(("ANTHROPIC_", "CLAUDE_")) or "proxy" in name.lower()]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("SHELL", "/usr/bin/fish")
    with claim(port, []):
        fish = ran("env")[1]
        sh = ran("env", "--shell", "sh")[1]

    assert f"set -gx ANTHROPIC_BASE_URL 'http://127.0.0.1:{port}'" in fish
    assert sh.splitlines() == [
        f"export ANTHROPIC_BASE_URL=http://127.0.0.1:{port}",
        "export ANTHROPIC_AUTH_TOKEN=ccr",
        "export CLAUDE_CODE_GATEWAY_HINT_HEADERS=1",
        "export NO_PROXY=127.0.0.1,localhost",
        "unset ANTHROPIC_API_KEY",
        "unset CLAUDE_CODE_USE_BEDROCK",
        "unset CLAUDE_CODE_USE_VERTEX",
    ]


def test_status_names_workers_and_the_shared_state(port: int) -> None:
    """Where there are several processes or routers, how they stand is one line each."""
    more = {
        "workers": {"wanted": 3, "running": [{"pid": 11}, {"pid": 12}]},
        "state": {
            "kind": "redis",
            "server": "redis://cache.test",
            "connected": False,
            "lastError": "ConnectionError",
            "since": "now",
            "others": 0,
        },
    }
    Answers.pages = {"/status": (200, {**STATUS, **more})}
    _, output = ran("status", "--port", str(port))

    assert "workers: 2 of 3 (11, 12)\n" in output
    assert "shared state redis://cache.test: gone (ConnectionError), this router goes on alone, since now" in output
