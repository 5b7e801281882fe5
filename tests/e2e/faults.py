"""The fault laboratory: what clients get while upstreams, or the router itself, are in trouble.

Every request must end in a whole reply or a well-formed Anthropic error (nothing **lost**), and no tool call may come twice.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from tests.e2e.asking import WEATHER, Got, body, message_request, read_reply
from tests.fakes.loopback import Refusing
from tests.fakes.redis_server import RedisServer
from tests.fakes.router import ROOT, Router, configuration
from tests.fakes.stream_reader import check_grammar, content_of
from tests.fakes.upstream import OVERLOAD, Call, Say, Upstream, broken_off, failing, html, raw_stream
from tests.fakes.wire import (
    Answer,
    Close,
    Hold,
    Received,
    Reset,
    Responder,
    Send,
    Step,
    Wait,
    chunked,
    cut,
    dripped,
    whole,
    wire_bytes,
)

SAID = Say(
    "the answer is 42, said at some length", calls=(Call("get_weather", {"city": "Bern"}, "call_1"),), usage=None
)
"""What a healthy upstream always answers."""

WANTED = [{"type": "text", "text": SAID.text}, {"type": "tool_use", "name": "get_weather", "input": {"city": "Bern"}}]

ENDS_WITHIN_S = 30.0
"""What has not ended by then is lost."""


@dataclass(slots=True)
class Tally:
    """What became of the requests of a row. `wrong` says of a request's number and reply what else is wrong, if anything."""

    sent: int = 0
    right: int = 0
    errors: int = 0
    lost: int = 0
    doubled: int = 0
    first_loss: str = ""
    statuses: Counter[int] = field(default_factory=Counter)
    wrong: Callable[[int, Got], str] = field(default=lambda _number, _got: "", repr=False)

    def add(self, verdict: str, doubled: int, status: int, why: str) -> None:
        """Counts one request."""
        self.sent += 1
        self.doubled += doubled
        self.statuses[status] += 1
        if verdict == "right":
            self.right += 1
        elif verdict == "error":
            self.errors += 1
        else:
            self.lost += 1
            self.first_loss = self.first_loss or why


@dataclass(frozen=True, slots=True)
class Row:
    """One kind of trouble. `all_right`: with another healthy instance every request must be answered rightly."""

    name: str
    run: Callable[[], Tally]
    all_right: bool = False


def judge(got: Got) -> tuple[str, int, str]:
    """(`right`, `error` or `lost`; tool calls too many; why it is lost) of a reply that was read to its end."""
    try:
        if got.status != 200:
            error = got.json
            proper = error["type"] == "error" and bool(error["error"]["type"]) and bool(error["error"]["message"])
            return ("error" if proper else "lost"), 0, got.data[:200].decode(errors="replace")
        if got.headers["content-type"].startswith("text/event-stream"):
            events = got.events
            if check_grammar(events) == "error":
                return "error", _calls_too_many(events), ""
            content = content_of(events)
        else:
            content = got.json["content"]
    except (AssertionError, ValueError, KeyError, TypeError) as error:
        return "lost", 0, f"{got.status}: {error!r}: {got.data[-200:]!r}"
    seen = [
        {name: value for name, value in block.items() if name not in ("id", "citations", "caller")} for block in content
    ]
    calls = sum(block["type"] == "tool_use" for block in content)
    return ("right" if seen == WANTED else "lost"), max(0, calls - 1), f"other content: {seen}"


def _calls_too_many(events: Sequence[dict[str, Any]]) -> int:
    calls: int = sum(
        event["type"] == "content_block_start" and event["content_block"]["type"] == "tool_use" for event in events
    )
    return max(0, calls - 1)


async def ask(url: str, numbers: Iterable[int], tally: Tally, *, kept: bool = False) -> None:
    """Sends the requests of these numbers one after another, each on a connection of its own unless they are `kept`.

    Every other one is streamed. What came of them is counted; a refused connection was not sent.
    """
    host, _, port = url.removeprefix("http://").partition(":")
    connection: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
    for number in numbers:
        if connection is None or connection[0].at_eof():
            try:
                connection = await asyncio.open_connection(host, int(port), limit=2**20)
            except ConnectionError:
                tally.statuses[0] += 1
                continue
        goes_on = await _ask_on(*connection, number, tally)
        if not (goes_on and kept):
            connection[1].close()
            connection = None
    if connection is not None:
        connection[1].close()


async def _ask_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int, tally: Tally) -> bool:
    """One request; whether the connection can carry another."""
    asked = body(stream=number % 2 == 0, tools=[WEATHER], messages=[{"role": "user", "content": str(number // 2)}])
    try:
        async with asyncio.timeout(ENDS_WITHIN_S):
            writer.write(message_request(asked))
            got = await read_reply(reader)
    except (OSError, EOFError, ValueError) as error:
        tally.add("lost", 0, 0, repr(error))
        return False
    verdict, doubled, why = judge(got)
    if wrong := tally.wrong(number, got):
        verdict, why = "lost", wrong
    tally.add(verdict, doubled, got.status, why)
    return got.headers.get("connection") != "close"


async def under_load(
    router: Router,
    requests: int,
    at_once: int,
    meanwhile: Awaitable[None] | None = None,
    *,
    throughout: bool = False,
    kept: bool = False,
) -> Tally:
    """So many requests, half of them streams, `at_once` at a time, while something happens.

    `throughout`: at least so many, and on until that is over. `kept`: clients keep their connections.
    """
    tally, over = Tally(), not throughout
    numbers = itertools.takewhile(lambda number: number < requests or not over, itertools.count())
    async with asyncio.TaskGroup() as group:
        for _ in range(at_once):
            group.create_task(ask(router.url, numbers, tally, kept=kept))
        if meanwhile is not None:
            await meanwhile
        over = True
    return tally


def configuration_of(*endpoints: str, patience_ms: int = 400) -> dict[str, Any]:
    config = configuration(*endpoints)
    config["providers"]["fake"]["timeouts"] = {"connect": 2_000, "firstByte": patience_ms, "idle": patience_ms}
    return config


def beside_a_healthy_one(fault: Responder | None, requests: int = 24) -> Tally:
    """Two instances: one always fails like this (None: refuses connections), the other is healthy."""
    with Upstream() as bad, Upstream() as good, Refusing() as nobody:
        good.always(SAID)
        if fault is not None:
            bad.always(fault)
        config = configuration_of(bad.url if fault is not None else nobody.url, good.url)
        with Router(config) as router:
            return asyncio.run(under_load(router, requests, 4))


def alone(fault: Responder, requests: int = 12, patience_ms: int = 400) -> Tally:
    """One instance, which always fails like this."""
    with Upstream() as bad:
        bad.always(fault)
        with Router(configuration_of(bad.url, patience_ms=patience_ms)) as router:
            return asyncio.run(under_load(router, requests, requests))  # at once: each of them waits, then tries again


def every_offset(ending: Step) -> Tally:
    """One instance that ends the connection after 0, 1, 2 ... bytes of a recorded stream, on every try of a request the same."""
    recorded = wire_bytes(SAID(_streamed_request()))

    def respond(request: Received) -> Answer:
        return Send(recorded[: int(request.json["messages"][-1]["content"])]), ending

    with Upstream() as upstream:
        upstream.always(respond)
        with Router(configuration_of(upstream.url, patience_ms=5_000)) as router:
            return asyncio.run(under_load(router, 2 * len(recorded) + 2, 48))


def _streamed_request() -> Received:
    return Received(
        "POST", "/v1/chat/completions", "", {}, json.dumps({"model": "fake-model", "stream": True}).encode(), 0
    )


@contextlib.contextmanager
def upstream_process() -> Iterator[tuple[subprocess.Popen[str], str]]:
    """An upstream of its own process, slow enough that there is always something in flight; its URL."""
    call = f"--call={SAID.calls[0].name}={SAID.calls[0].text}"
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "tests.fakes.upstream",
            "--say",
            SAID.text or "",
            call,
            "--no-usage",
            "--pause-s",
            "0.003",
        ],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    with process:
        try:
            assert process.stdout is not None
            yield process, process.stdout.readline().split()[-1]
        finally:
            process.kill()


def instance_killed() -> Tally:
    """Two instances under load; one is killed with SIGKILL."""
    with (
        upstream_process() as (victim, first),
        upstream_process() as (_, second),
        Router(configuration_of(first, second)) as router,
    ):

        async def kill() -> None:
            await asyncio.sleep(0.5)
            victim.kill()

        return asyncio.run(under_load(router, 400, 16, kill()))


def reloaded(change: Callable[[dict[str, Any], int], None], times: int = 100) -> Tally:
    """The configuration changed, taken over, changed again, under load."""
    with Upstream() as upstream, Router(configuration_of(upstream.url, patience_ms=20_000)) as router:
        upstream.always(SAID)
        config = json.loads(router.config.read_text())

        async def reload() -> None:
            for number in range(times):
                before = await asyncio.to_thread(_revision, router)
                change(config, number)
                router.config.write_text(json.dumps(config))
                router.signal(1)
                while await asyncio.to_thread(_revision, router) == before:
                    await asyncio.sleep(0.01)

        tally = asyncio.run(under_load(router, 1_000, 16, reload(), throughout=True))
        taken = sum(line["message"] == "reloaded" for line in router.log_lines())
        assert taken >= times, f"only {taken} reloads"
        return tally


def _revision(router: Router) -> str:
    return router.get("/health/live")[1]["x-ccr-revision"]


def _other_rules(config: dict[str, Any], number: int) -> None:
    config["routing"]["longContextThreshold"] = 60_000 + number


def _other_provider(config: dict[str, Any], number: int) -> None:
    """New connections every time, while streams are open on the old ones."""
    config["providers"]["fake"]["settings"]["connectionPool"] = {"maxConnections": 50 + number}


def limited() -> Tally:
    """More requests at once than the limit and its queue take: some wait, some are told 529."""
    with upstream_process() as (_, url):
        config = configuration_of(url, patience_ms=20_000)
        config["providers"]["fake"]["concurrency"] = {"max": 4, "queue": 4, "wait": 200}
        with Router(config) as router:
            return asyncio.run(under_load(router, 300, 16))


def terminated(workers: int = 1, drain_s: float = 30.0, kept: bool = False) -> Tally:
    """The router is sent SIGTERM under load; what it had accepted must still end well."""
    with upstream_process() as (_, url):
        config = {**configuration_of(url, patience_ms=20_000), "server": {"drainSeconds": drain_s}}
        return _terminated(config, workers, kept)


def _terminated(config: dict[str, Any], workers: int, kept: bool) -> Tally:
    with Router(config, arguments=("--workers", str(workers))) as router:

        async def terminate() -> None:
            await asyncio.sleep(0.5)
            router.signal(15)

        return asyncio.run(under_load(router, 600, 16, terminate(), kept=kept))


def without_redis(how: Callable[[RedisServer], None]) -> Tally:
    """Two routers share their state in a Redis server, which goes away under load, until both have noticed."""
    with RedisServer() as redis, Upstream() as one, Upstream() as other:
        config = configuration_of(one.url, other.url, patience_ms=20_000)
        config["state"] = redis.url
        config["providers"]["fake"]["loadBalancing"] = {"strategy": "sticky"}
        for upstream in (one, other):
            upstream.always(SAID)
        with Router(config) as first, Router(config) as second:
            return asyncio.run(_both_under_load(first, second, partial(how, redis)))


async def _both_under_load(first: Router, second: Router, stop: Callable[[], None]) -> Tally:
    async def until_alone(router: Router, stop: Callable[[], None] | None = None) -> None:
        await asyncio.sleep(0.5)
        if stop is not None:
            stop()
        async with asyncio.timeout(ENDS_WITHIN_S):
            while await asyncio.to_thread(_shares, router):
                await asyncio.sleep(0.05)

    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(under_load(first, 300, 8, until_alone(first, stop), throughout=True)),
            group.create_task(under_load(second, 300, 8, until_alone(second), throughout=True)),
        ]
    total, more = (task.result() for task in tasks)
    for name in ("sent", "right", "errors", "lost", "doubled"):
        setattr(total, name, getattr(total, name) + getattr(more, name))
    return total


def _shares(router: Router) -> bool:
    connected: bool = json.loads(router.get("/status")[2])["state"]["connected"]
    return connected


def stream_begun(*frames: bytes) -> Responder:
    """The first chunks of the right reply, then these frames."""
    return broken_off(SAID, 3, *frames)


GARBAGE = whole(200, b"\x00\xff\xfe garbage " * 20)
LYING = (*whole(200, b'{"choices": [', length=9_000), Close())

BEFORE_COMMIT: dict[str, Responder | None] = {
    "refuses connections": None,
    "hangs before the head": lambda request: (Hold(),),
    "hangs after the head": lambda request: (*chunked([], end=False), Hold()),
    "resets at once": lambda request: (Reset(),),
    "resets after the head": lambda request: cut(SAID(request), 60),
    "closes at once": lambda request: (Close(),),
    "garbage": lambda request: GARBAGE,
    "no HTTP at all": lambda request: cut(GARBAGE, 0, Close()),
    "less than its content length": lambda request: LYING,
    "429": failing(429),
    "429, retry-after 1": failing(429, retry_after="1"),
    "500": failing(500),
    "502, a page": html(502),
    "503": failing(503),
    "529": failing(529),
    "401": failing(401),
    "200, a page": html(200),
    "200, an error": lambda request: whole(200, b'{"error": {"message": "no such luck", "code": 500}}'),
    "200, empty": lambda request: whole(200, b""),
    "200, an empty stream": raw_stream(),
    "overload at the first event": raw_stream(OVERLOAD),
}
"""Faults before the first part: another instance can still answer."""

SLOW: dict[str, Responder] = {
    "drips, a byte at a time": lambda request: dripped(SAID(request), 1, 0.0),
    "slow, but whole": lambda request: tuple(
        itertools.chain.from_iterable((Wait(0.01), step) for step in SAID(request))
    ),
}
"""No fault at all, given patience."""

AFTER_COMMIT: dict[str, Responder] = {
    "an error in mid-stream": stream_begun(OVERLOAD),
    "garbage in mid-stream": stream_begun(b"data: {]\n\n"),
    "silence in mid-stream": lambda request: (*stream_begun()(request)[:-1], Hold()),
    "a reset in mid-stream": lambda request: (*stream_begun()(request)[:-1], Reset()),
}
"""Trouble after the first part: the stream ends with an error event."""

ROWS: tuple[Row, ...] = (
    *(
        Row(f"1 of 2: {name}", partial(beside_a_healthy_one, fault), all_right=True)
        for name, fault in BEFORE_COMMIT.items()
    ),
    *(Row(f"alone: {name}", partial(alone, fault)) for name, fault in BEFORE_COMMIT.items() if fault),
    *(Row(f"alone: {name}", partial(alone, fault)) for name, fault in AFTER_COMMIT.items()),
    *(Row(f"alone: {name}", partial(alone, fault, patience_ms=20_000), all_right=True) for name, fault in SLOW.items()),
    Row("alone: reset at every byte", partial(every_offset, Reset())),
    Row("alone: closed at every byte", partial(every_offset, Close())),
    Row("1 of 2 killed with SIGKILL under load", instance_killed),
    Row("configuration reloaded 100 times under load", partial(reloaded, _other_rules), all_right=True),
    Row("providers changed 100 times under load", partial(reloaded, _other_provider), all_right=True),
    Row("more requests than concurrency and its queue", limited),
    Row("router sent SIGTERM under load", terminated, all_right=True),
    Row("router of 2 workers sent SIGTERM under load", partial(terminated, 2), all_right=True),
    Row("router sent SIGTERM, connections kept", partial(terminated, kept=True), all_right=True),
    Row("router of 2 sent SIGTERM, connections kept", partial(terminated, 2, kept=True), all_right=True),
    Row("router sent SIGTERM, no time to drain", partial(terminated, 1, 0.0)),
    Row("Redis killed under load, 2 routers", partial(without_redis, RedisServer.kill), all_right=True),
    Row("Redis frozen under load, 2 routers", partial(without_redis, RedisServer.freeze), all_right=True),
)


def table(found: Sequence[tuple[Row, Tally]]) -> str:
    """The result, as it is printed."""
    lines = [f"{'':<46} {'requests':>8} {'rightly':>8} {'errors':>7} {'lost':>5} {'doubled':>8}"]
    for row, tally in found:
        note = tally.first_loss[:160] if tally.lost else ""
        lines.append(
            f"{row.name:<46} {tally.sent:>8} {tally.right:>8} {tally.errors:>7} {tally.lost:>5} {tally.doubled:>8}  {note}".rstrip()
        )
    return "\n".join(lines)
