"""`ccr top`: what a frame shows, whatever the terminal is, and how it ends."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, ClassVar

import pytest
from click.testing import CliRunner

from engine.cli import ccr
from engine.live.top_frame import frame
from engine.live.top_view import View, figures, quantile
from engine.reporting.cells import cells_of, cut_to, milliseconds, number, span
from tests.conftest import Golden
from tests.fakes.pages import served
from tests.fakes.router import ccr_command, clean_environment

STEERING = "\x1b[2J\x1b]0;owned\x07 \u202e rule"


def row(seq: int, **more: Any) -> dict[str, Any]:
    usual = {
        "seq": seq,
        "worker": 1,
        "requestId": f"req_{seq}",
        "at": 1_800_000_000.0 + seq,
        "outcome": "answered",
        "status": 200,
        "rule": "default",
        "category": "default",
        "target": "one,large",
        "instance": "one/a",
        "model": "claude-x",
        "api": "messages",
        "stream": True,
        "key": None,
        "inputTokens": 1200,
        "cacheReadTokens": 800,
        "cacheWriteTokens": None,
        "outputTokens": 90 + seq,
        "firstByteMs": 210.0,
        "totalMs": 1000.0 * seq,
        "attempts": 1,
        "toolCalls": 0,
        "fixes": 0,
        "lost": 0,
        "error": None,
        "cost": 0.0125,
    }
    return {**usual, **more}


def branch(rule: str, target: str | None, exchanges: int, **more: Any) -> dict[str, Any]:
    usual = {"errors": 0, "inputTokens": 2000 * exchanges, "outputTokens": 100, "priced": 0, "cost": 0.0}
    return {"rule": rule, "target": target, "exchanges": exchanges, **usual, **more}


def instance(name: str, **more: Any) -> dict[str, Any]:
    usual = {"state": "closed", "requests": 5, "errors": 0, "inflight": 1, "latencySeconds": 0.21}
    none = {"restEndsInSeconds": None, "lastError": None, "lastErrorSecondsAgo": None}
    return {"name": name, **usual, **none, **more}


GATEWAY = {
    "revision": "0123456789ab",
    "version": "9.9",
    "address": "http://127.0.0.1:3456",
    "worker": 1,
    "currency": "USD",
    "tree": [{"name": name} for name in (STEERING, "thinkers", "default", "never asked")],
}
RESTING = {"state": "open", "errors": 3, "restEndsInSeconds": 42.0, "lastError": "it is full", "lastErrorSecondsAgo": 3}
STATE = {
    "uptime": 7260.5,
    "serverTime": 1_800_000_010.0,
    "counters": {"exchanges": 2_345_678, "open": 2, "inputTokens": 123_456, "outputTokens": 9876},
    "providers": [
        {"name": "one", "instances": [instance("a"), instance("b", **RESTING)]},
        {"name": "zwei", "instances": [instance("ö", latencySeconds=None)]},
    ],
    "branches": [
        branch("default", "one,large", 1, priced=1, cost=0.5),
        branch("thinkers", "zwei,模型", 1),
        branch(STEERING, None, 1, errors=1),
    ],
    "workers": {"wanted": 2, "running": [{"worker": 1}, {"worker": 2}]},
}
ROWS = [
    row(1),
    row(2, target="zwei,模型", rule="thinkers", firstByteMs=None, inputTokens=None, outputTokens=None),
    row(3, rule=STEERING, target=None, outcome="failed", status=529, error="overloaded", totalMs=75_000.0),
]
EVENTS: list[tuple[str, dict[str, Any]]] = [("gateway", GATEWAY), ("state", STATE), ("exchanges", {"rows": ROWS})]


def view() -> View:
    one = View()
    for name, value in EVENTS:
        one.take(name, value)
    return one


def clock_of(at: float) -> str:
    return time.strftime("%H:%M:%S", time.gmtime(at))


@pytest.mark.parametrize(("width", "height"), [(140, 40), (80, 24), (20, 4)])
def test_a_frame_fits_its_terminal(width: int, height: int, golden: Golden) -> None:
    """Whatever its size: no line is wider, none are more; the exchanges keep their place."""
    lines = frame(view(), width, height, clock_of)

    assert len(lines) <= height
    assert max(map(cells_of, lines)) <= width
    golden(f"top/{width}x{height}.txt", "\n".join(lines) + "\n")


@pytest.mark.parametrize("colour", [False, True])
def test_no_name_steers_the_terminal(colour: bool) -> None:
    """Names of rules, models and errors may hold anything; only our own colours are escapes."""
    text = "\n".join(frame(view(), 200, 50, clock_of, STEERING, colour))
    ours = text.replace("\x1b[0m", "")
    for look in ("1", "2", "31", "32", "33"):
        ours = ours.replace(f"\x1b[{look}m", "")

    assert ours.replace("\n", "").isprintable()
    assert ("\x1b[" in text) == colour
    assert "rule" in text


def test_a_frame_of_nothing_is_one() -> None:
    """Before anything was told there is nothing to fail at."""
    assert "no exchange yet" in "\n".join(frame(View(), 80, 24, clock_of))


def test_figures_are_of_the_last_minutes() -> None:
    """Older exchanges count for the sums only."""
    one = view()
    one.take("exchanges", {"rows": [row(9, at=1_800_000_000.0 - 301)]})

    assert [each["seq"] for each in one.latest()] == [1, 2, 3]
    now = figures(one.latest(), one.window_s())
    assert (now.count, now.failed, now.per_minute, now.p50_ms) == (3, 1, 0.6, 2000.0)


@pytest.mark.parametrize(
    ("shown", "wanted"),
    [
        (number(None), "-"),
        (number(12_345), "12,345"),
        (number(2_345_678), "2.35 M"),
        (number(7_000_000_000), "7.00 G"),
        (milliseconds(None), "-"),
        (milliseconds(1.25), "1.2 ms"),
        (milliseconds(250), "250 ms"),
        (milliseconds(65_000), "65.0 s"),
        (milliseconds(660_000), "11 min"),
        (span(59), "59 s"),
        (span(7260), "2 h 1 min"),
        (span(200_000), "2 d 7 h"),
        (cut_to("模型模型", 5), "模型…"),
        (cut_to("abc", 0), ""),
        (str(quantile([], 0.5)), "None"),
    ],
)
def test_numbers_are_for_people(shown: str, wanted: str) -> None:
    """Short, and `-` where nothing is known."""
    assert shown == wanted


class Router(BaseHTTPRequestHandler):
    """Tells `told` to whoever watches."""

    told: ClassVar[bytes] = b""
    status: ClassVar[int] = 200
    keys: ClassVar[list[str | None]] = []

    def do_GET(self) -> None:
        self.keys.append(self.headers.get("x-ccr-key"))
        self.send_response(self.status)
        self.send_header("content-length", str(len(self.told)))
        self.end_headers()
        self.wfile.write(self.told)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture
def port(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """The port of `Router`."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("CCR_PORT", raising=False)
    lines = [f"event: {name}\ndata: {json.dumps(value)}\n\n" for name, value in EVENTS]
    Router.told, Router.status, Router.keys = "".join(lines).encode(), 200, []
    with served(Router) as port:
        yield port


@pytest.mark.parametrize("words", [["--once"], []], ids=["once", "no terminal"])
def test_one_frame_goes_into_a_pipe(port: int, words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a terminal it is one frame, in no colour; the router key goes along."""
    monkeypatch.setenv("CCR_KEY", "dummy-router-key-1234")
    result = CliRunner().invoke(ccr, ["top", "--port", str(port), *words])

    assert result.exit_code == 0, result.output
    assert "one / large" in result.output
    assert "\x1b" not in result.output
    assert Router.keys == ["dummy-router-key-1234"]


@pytest.mark.parametrize(
    ("status", "told", "words"),
    [
        (401, b'{"error": {"message": "this router needs a key"}}', "needs a key; put it into CCR_KEY"),
        (404, b"<html>", "is it a ccr?"),
        (200, b"event: gateway\ndata: {\n\n", "another version"),
        (200, b"", "the connection ended"),
        (503, b'{"error": {"message": "16 watch already"}}', "16 watch already"),
    ],
)
def test_what_is_no_stream_is_said(port: int, status: int, told: bytes, words: str) -> None:
    """Exit status 1, and one line that says what answered."""
    Router.status, Router.told = status, told
    result = CliRunner().invoke(ccr, ["top", "--port", str(port), "--once"])

    assert result.exit_code == 1
    assert words in result.output


def test_nobody_there_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit status 1."""
    monkeypatch.setenv("HOME", str(tmp_path))
    result = CliRunner().invoke(ccr, ["top", "--port", "1", "--once"])

    assert (result.exit_code, "no router answers on 127.0.0.1:1" in result.output) == (1, True)


@pytest.mark.functional
@pytest.mark.parametrize("how", ["q", "interrupt", "terminate"])
def test_the_terminal_is_left_as_it_was(port: int, tmp_path: Path, how: str) -> None:
    """On a terminal it draws until `q`, Ctrl-C or an end from outside; then the cursor and the page are back."""
    ours, theirs = pty.openpty()
    environment = {**clean_environment(tmp_path), "TERM": "xterm"}
    process = subprocess.Popen(
        ccr_command("top", "--port", str(port)), stdin=theirs, stdout=theirs, stderr=theirs, env=environment
    )
    os.close(theirs)
    seen = b""
    while b"one / large" not in seen:
        seen += os.read(ours, 65_536)
    if how == "q":
        os.write(ours, b"q")
    else:
        process.send_signal(signal.SIGINT if how == "interrupt" else signal.SIGTERM)
    while b"\x1b[?1049l" not in seen:
        seen += os.read(ours, 65_536)
    status = process.wait(10)
    os.close(ours)

    assert status == (143 if how == "terminate" else 0)
    assert seen.index(b"\x1b[?25l") < seen.index(b"one / large") < seen.index(b"\x1b[?25h")


@pytest.mark.functional
def test_the_shell_gets_its_terminal_while_it_is_stopped(port: int, tmp_path: Path) -> None:
    """Ctrl-Z leaves the page before it stops; continued, it draws again."""
    ours, theirs = pty.openpty()
    environment = {**clean_environment(tmp_path), "TERM": "xterm"}
    process = subprocess.Popen(
        ccr_command("top", "--port", str(port)),
        stdin=theirs, stdout=theirs, stderr=theirs, env=environment, process_group=0,
    )  # fmt: skip
    os.close(theirs)
    seen = b""
    while b"one / large" not in seen:
        seen += os.read(ours, 65_536)
    process.send_signal(signal.SIGTSTP)
    while b"\x1b[?1049l" not in seen:
        seen += os.read(ours, 65_536)
    assert os.WIFSTOPPED(os.waitpid(process.pid, os.WUNTRACED)[1])
    process.send_signal(signal.SIGCONT)
    while b"\x1b[?1049h" not in seen.partition(b"\x1b[?1049l")[2]:
        seen += os.read(ours, 65_536)
    os.write(ours, b"q")
    assert process.wait(10) == 0
    os.close(ours)
