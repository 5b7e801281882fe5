"""The audit log: what is in it, that no change of it goes unnoticed, and that a disk that refuses is said."""

from __future__ import annotations

import asyncio
import json
import os
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.audit.chain import FIRST, Broken, Verifier, hash_of, line_of
from engine.audit.files import numbers_of
from engine.audit.log import AuditLog
from engine.cli import ccr
from tests.engine.test_exchange import ASK, HELLO
from tests.fakes.gateway import Answer, InProcess, in_process

pytestmark = pytest.mark.integration

CANARY = "dummy-canary-words-in-a-prompt"


def config(audit: str) -> str:
    return f"""
providers:
  up:
    type: openai
    endpoint: http://127.0.0.1:9/v1
    settings: {{models: [{{name: m, price: {{input: 1, output: 2}}}}]}}
routing: {{rules: {{default: {{provider: up, model: m}}}}}}
server: {{apiKeys: [{{name: team, key: dummy-router-key-1234}}]}}
audit: {audit}
"""


KEY = {"x-ccr-key": "dummy-router-key-1234"}


def standing(log: AuditLog) -> dict[str, object]:
    told = log.standing()
    assert told is not None
    return told


@asynccontextmanager
async def audited(audit: str, *answers: Answer) -> AsyncIterator[tuple[InProcess, AuditLog]]:
    one = in_process(config(audit), {"up": answers or [Answer(HELLO)]})
    log = AuditLog(one.router, "3456")
    one.router.audit_log = log.standing
    log.follow()
    async with asyncio.TaskGroup() as group:
        task = group.create_task(log.run())
        await asyncio.sleep(0)
        try:
            yield one, log
        finally:
            task.cancel()


def lines_in(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for path in sorted(folder.glob("*.jsonl")) for line in path.read_text().splitlines()]


def verified(folder: Path) -> Verifier:
    chain = Verifier()
    for path in sorted(folder.glob("*.jsonl")):
        with path.open("rb") as lines:
            broken = chain.read(path.name, lines)
        assert broken is None, broken
    assert chain.end() is None
    return chain


async def test_an_exchange_says_who_when_what_and_how_much(tmp_path: Path) -> None:
    """And a start, and who was not let in; never what was asked, and for its owner only."""
    counted = b'data: {"choices":[],"usage":{"prompt_tokens":1000000,"completion_tokens":500000}}\n\n'
    answer = Answer([*HELLO[:-1], counted, HELLO[-1]])
    async with audited(f"{{folder: {tmp_path}/a}}", answer) as (one, log):
        log.note("start", revision="r1")
        asked = {**ASK, "messages": [{"role": "user", "content": CANARY}]}
        assert (await one.post(asked, headers=KEY)).status == 200
        assert (await one.post(asked, headers={"x-ccr-key": "wrong"})).status == 401
    start, exchange, refused = lines_in(tmp_path / "a")

    assert (start["kind"], start["before"]) == ("start", FIRST)
    assert exchange["kind"] == "exchange"
    wanted = {
        "key": "team",
        "address": "127.0.0.1",
        "rule": "default",
        "target": "up,m",
        "outcome": "answered",
        "status": 200,
        "attempts": 1,
        "inputTokens": 1_000_000,
        "outputTokens": 500_000,
        "cost": "2.0",
    }
    assert {name: exchange[name] for name in wanted} == wanted
    assert exchange["time"].endswith("Z")
    assert {"requestId", "model", "currency", "totalMs"} <= exchange.keys()
    assert (refused["kind"], refused["status"]) == ("not let in", 401)
    text = "".join(path.read_text() for path in (tmp_path / "a").iterdir())
    assert CANARY not in text
    assert "dummy-router-key" not in text
    assert {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "a").iterdir()} == {0o600}
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o700
    assert verified(tmp_path / "a").lines == 3


async def test_content_is_written_where_it_is_asked_for(tmp_path: Path) -> None:
    """Without what looks like a credential."""
    key = "sk-ant-aaaabbbbccccdddd"
    escaped = "".join(f"\\u{ord(char):04x}" for char in key)
    asked = {**ASK, "model": key, "messages": [{"role": "user", "content": f"{CANARY} {key}"}], "system": "ESCAPED"}
    async with audited(f"{{folder: {tmp_path}/a, content: true}}") as (one, _):
        await one.post(json.dumps(asked).replace("ESCAPED", escaped).encode(), headers=KEY)
    (line,) = lines_in(tmp_path / "a")

    assert json.loads(line["request"])["messages"][0]["content"] == f"{CANARY} sk-ant-***"
    assert "aaaabbbb" not in json.dumps([line, json.loads(line["request"])])


@pytest.mark.parametrize(
    "odd", ['"\\ud800 sk-ant-aaaabbbbccccdddd"', "[" * 5000 + '"sk-ant-aaaabbbbccccdddd"' + "]" * 5000]
)
async def test_odd_content_is_written_too(tmp_path: Path, odd: str) -> None:
    """Half a character, and what is nested too deeply to be looked into, stop no audit log."""
    body = json.dumps(ASK)[:-1] + f', "new": {odd}}}'
    async with audited(f"{{folder: {tmp_path}/a, content: true}}") as (one, log):
        await one.post(body.encode(), headers=KEY)
        log.note("start")
    lines = lines_in(tmp_path / "a")

    assert [line["kind"] for line in lines][-1] == "start"
    assert "aaaabbbb" not in json.dumps(lines)
    assert all("sk-ant-***" in line["request"] for line in lines[:-1])


async def test_a_chain_goes_on_over_files_and_starts(tmp_path: Path) -> None:
    """Files end at their size; another process goes on where the last one ended."""
    for _ in range(2):
        async with audited(f"{{folder: {tmp_path}/a, maxMegabytes: 0.01}}") as (_, log):
            for number in range(100):
                log.note("reload", number=number, words="x" * 100)

    assert len(numbers_of(tmp_path / "a", "3456")) > 2
    assert verified(tmp_path / "a").lines == 200


async def test_old_files_are_deleted_and_the_rest_verifies(tmp_path: Path) -> None:
    """What is left begins in the middle of its chain, which is said."""
    async with audited(f"{{folder: {tmp_path}/a, maxMegabytes: 0.01}}") as (_, log):
        for number in range(150):
            log.note("reload", number=number, words="x" * 100)
    for path in sorted((tmp_path / "a").iterdir())[:-1]:
        os.utime(path, (0, 0))
    async with audited(f"{{folder: {tmp_path}/a, maxMegabytes: 0.01, keepDays: 3}}") as (_, log):
        for number in range(100):
            log.note("reload", number=number, words="x" * 100)

    assert numbers_of(tmp_path / "a", "3456")[0] > 1
    assert verified(tmp_path / "a").begins_late


async def test_what_a_crash_left_half_written_is_seen_and_named(tmp_path: Path) -> None:
    """It stays where it is, the chain goes on behind it, and verification knows it for what it is."""
    async with audited(f"{{folder: {tmp_path}/a}}") as (_, log):
        log.note("start")
    (path,) = (tmp_path / "a").glob("*.jsonl")
    with path.open("ab") as file:
        file.write(b'{"time":"2026-01-01T00:00:00.000Z","ki')
    async with audited(f"{{folder: {tmp_path}/a}}") as (_, log):
        log.note("start")
    chain = verified(tmp_path / "a")
    assert chain.lines == 3

    text = path.read_bytes()
    path.write_bytes(text.replace(b'Z","ki\n', b'Z","kx\n'))
    with path.open("rb") as lines:
        assert Verifier().read("f", lines) is not None


@pytest.mark.parametrize("gone", ["a line", "a file", "all"])
async def test_an_end_that_was_cut_off_shows(tmp_path: Path, gone: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """At once, and still when a router has gone on behind it; what a crash leaves behind of the head is no cut."""
    monkeypatch.setenv("HOME", str(tmp_path))
    folder = tmp_path / ".claude-code-router" / "audit"
    setting = f"{{folder: {folder}, maxMegabytes: 0.01}}"
    async with audited(setting) as (_, log):
        for number in range(150):
            log.note("reload", number=number, words="x" * 100)
    head = folder / "audit-3456.head"
    last = head.read_bytes()
    paths = sorted(folder.glob("*.jsonl"))
    async with audited(setting) as (_, log):
        log.note("start")
    ahead = head.read_bytes()
    head.write_bytes(last)
    assert run("verify")[0] == 0, "lines behind the head are those of a batch whose head was not written"
    head.write_bytes(ahead)
    assert run("verify", *map(str, paths[:-1]))[0] == 0, "the head is about a file that was not asked for"
    match gone:
        case "a line":
            paths[-1].write_bytes(b"".join(paths[-1].read_bytes().splitlines(keepends=True)[:-1]))
        case "a file":
            paths[-1].unlink()
        case _:
            for path in paths:
                path.unlink()
    status, said = run("verify")
    assert (status, "removed" in said) == (1, True), said
    async with audited(setting) as (_, log):
        log.note("start")
    status, said = run("verify")
    assert status == 1
    assert said.endswith("lines before it were removed, and then the log went on\n")


@pytest.mark.parametrize("on_failure", ["continue", "refuse"])
async def test_a_disk_that_refuses(tmp_path: Path, on_failure: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is said once; nobody is served meanwhile where that is wanted; what waited is written when it is back."""
    monkeypatch.setattr("engine.audit.log.RETRY_S", 0.01)
    blocked = tmp_path / "a"
    blocked.write_text("no folder")
    async with audited(f"{{folder: {blocked}, onFailure: {on_failure}}}") as (one, log):
        log.note("start")
        while standing(log)["problem"] is None:
            await asyncio.sleep(0.001)
        got = await one.post(ASK, headers=KEY)
        assert got.status == (503 if on_failure == "refuse" else 200)
        blocked.unlink()
        while standing(log)["problem"] is not None:
            await asyncio.sleep(0.001)
        assert (await one.post(ASK, headers=KEY)).status == 200
    kinds = [line["kind"] for line in lines_in(blocked)]

    assert kinds == ["start", *["exchange"] * (1 if on_failure == "refuse" else 2)]
    verified(blocked)


async def test_two_routers_do_not_write_one_chain(tmp_path: Path) -> None:
    """The second one says so instead of breaking the chain of the first."""
    async with audited(f"{{folder: {tmp_path}/a}}") as (_, first):
        first.note("start")
        while standing(first)["waiting"]:
            await asyncio.sleep(0.001)
        await asyncio.sleep(0.02)
        async with audited(f"{{folder: {tmp_path}/a}}") as (_, second):
            second.note("start")
            while standing(second)["problem"] is None:
                await asyncio.sleep(0.001)
    assert verified(tmp_path / "a").lines == 1


def chain_of(count: int) -> list[bytes]:
    lines: list[bytes] = []
    before = FIRST
    for number in range(count):
        lines.append(line_of({"kind": "exchange", "number": number, "absent": None}, before))
        before = hash_of(lines[-1])
    return lines


def broken_in(lines: list[bytes]) -> Broken | None:
    chain = Verifier()
    return chain.read("f", lines) or chain.end()


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 12), st.data())
def test_no_change_goes_unnoticed(count: int, data: st.DataObject) -> None:
    """Whatever byte is changed, whatever line is taken out, doubled or moved, it shows at that line or the next one."""
    lines = chain_of(count)
    assert broken_in(lines) is None
    at = data.draw(st.integers(0, count - 2))
    match data.draw(st.sampled_from(["byte", "remove", "double", "swap", "forge"])):
        case "byte":
            place = data.draw(st.integers(0, len(lines[at]) - 2))
            other = data.draw(st.integers(0, 255).filter(lambda value: value not in (lines[at][place], 10)))
            lines[at] = lines[at][:place] + bytes([other]) + lines[at][place + 1 :]
        case "remove" if at > 0:
            del lines[at]
        case "double":
            lines.insert(at, lines[at])
        case "swap":
            lines[at], lines[at + 1] = lines[at + 1], lines[at]
        case _:
            lines[at] = line_of({"kind": "exchange", "number": 99}, hash_of(lines[at - 1]) if at else FIRST)
    found = broken_in(lines)

    assert found is not None
    assert at <= found.line - 1 <= at + 2


def run(*words: str) -> tuple[int, str]:
    result = CliRunner().invoke(ccr, ["audit", *words])
    return result.exit_code, result.output


async def test_verify_and_tail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`verify` prints the last hash, finds it again, and names the first broken line; `tail` shows the last ones."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("CCR_CONFIG_PATH", raising=False)
    monkeypatch.chdir(tmp_path)
    assert run("verify")[0] == 3 or run("verify")[0] == 1
    (tmp_path / "ccr.json").write_text("{}")
    folder = tmp_path / ".claude-code-router" / "audit"
    async with audited(f"{{folder: {folder}}}") as (_, log):
        for number in range(5):
            log.note("reload", number=number)
    status, said = run("verify")
    last = said.split()[-1]

    assert status == 0
    assert "audit-3456: 5 lines" in said
    assert run("verify", "--contains", last)[0] == 0
    assert json.loads(run("tail", "-n", "1")[1].splitlines()[-1])["number"] == 4
    assert len(run("tail", "-n", "3")[1].splitlines()) == 3

    (path,) = folder.glob("*.jsonl")
    text = path.read_text()
    path.write_text("".join(text.splitlines(keepends=True)[:-1]))
    assert run("verify") == (1, f"{path}:4: lines behind it were removed\n")
    (folder / "audit-3456.head").unlink()
    assert run("verify")[0] == 0
    assert run("verify", "--contains", last)[0] == 1
    path.write_text(text.replace('"number":2', '"number":7'))
    assert run("verify") == (1, f"{path}:4: the line before it was changed, added or removed\n")
