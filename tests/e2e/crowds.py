"""Clients that mean no good: idle, slow, endless, oversized and deeply nested, while honest ones are served beside them."""

from __future__ import annotations

import asyncio
import json
import resource
import socket
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

from tests.e2e.asking import body
from tests.e2e.faults import SAID, Tally, configuration_of, under_load
from tests.fakes.router import Router
from tests.fakes.upstream import Say, Upstream
from tests.fakes.wire import Answer, Received

HASTY = {"headSeconds": 1, "bodySeconds": 1, "requestSeconds": 3, "stallSeconds": 1}
HEAD = b"POST /v1/messages HTTP/1.1\r\nhost: localhost\r\n"
DEEP = b'{"model": "m", "max_tokens": 1, "messages": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"
LONG = Say("all work and no play " * 200_000, fragment=4_096)
UNREAD = 20
UNREAD_WITHIN_S = 60.0
NOTHING_LEFT_WITHIN_S = 10.0

Crowd = Callable[[Router], Awaitable[None]]


def beside(crowd: Crowd, requests: int = 60, **connections: Any) -> Tally:
    """Honest requests while the crowd is there; afterwards nothing of it is left and the memory is as it should be."""

    def respond(request: Received) -> Answer:
        return (LONG if b"at length" in request.body else SAID)(request)

    with Upstream() as upstream:
        upstream.always(respond)
        config = configuration_of(upstream.url, patience_ms=20_000)
        config["server"] = {"connections": {**HASTY, **connections}}
        with Router(config) as router:
            before = router.resident_mb()
            tally = asyncio.run(under_load(router, requests, 4, crowd(router), throughout=True))
            end = time.monotonic() + NOTHING_LEFT_WITHIN_S
            while (counters := json.loads(router.get("/status")[2])["counters"])["open"]:
                assert time.monotonic() < end, counters
                time.sleep(0.02)
            assert router.resident_mb() - before < 400, "it keeps what the crowd sent"
            assert not [line for line in router.log_lines() if line.get("stage") == "bug"]
            return tally


async def idle(router: Router) -> None:
    """10,000 connections that say nothing (as many as this system allows): all of them stay, and honest ones too."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = min(10_000, soft // 2)
    held: list[socket.socket] = []
    try:
        while len(held) < wanted:
            one = socket.create_connection(("127.0.0.1", router.port))
            held.append(one)
            if len(held) % 50 == 0:
                await asyncio.sleep(0)
        status = json.loads((await asyncio.to_thread(router.get, "/status"))[2])
        assert status["connections"]["idle"] >= wanted, status["connections"]
        last = held[-1]
        last.sendall(b"GET /health/live HTTP/1.1\r\nhost: localhost\r\n\r\n")
        assert (await asyncio.to_thread(last.recv, 100)).startswith(b"HTTP/1.1 200 ")
    finally:
        for one in held:
            one.close()


async def flood(router: Router) -> None:
    """Four times as many connections as the router may have: the oldest idle ones make room."""
    held: list[socket.socket] = []
    try:
        for _ in range(40):
            for _ in range(100):
                held.append(socket.create_connection(("127.0.0.1", router.port)))
            await asyncio.sleep(0.02)
        status = json.loads((await asyncio.to_thread(router.get, "/status"))[2])
        assert status["connections"]["open"] <= 1_010, status["connections"]
        assert status["connections"]["closedForRoom"] >= 2_900, status["connections"]
    finally:
        for one in held:
            one.close()


async def slow(router: Router, first: bytes, drop: bytes, count: int = 100) -> None:
    """Each sends a little now and then, and would for ever."""

    async def one() -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", router.port)
        writer.write(first)
        answer = asyncio.create_task(reader.read())  # noqa: TID251 - awaited below
        try:
            while not answer.done():
                writer.write(drop)
                await asyncio.sleep(0.1)
            return answer.result()
        except ConnectionError:
            return b""
        finally:
            writer.close()

    said = Counter([answer[9:12] for answer in await asyncio.gather(*(one() for _ in range(count)))])
    assert set(said) <= {b"408", b""}, said


async def slow_heads(router: Router) -> None:
    """Headers that never end, a few bytes at a time."""
    await slow(router, HEAD, b"x-a: b\r\n")


async def slow_bodies(router: Router) -> None:
    """Bodies that never end, a byte at a time."""
    await slow(router, HEAD + b"content-length: 1000000\r\n\r\n", b" ")


async def unread(router: Router) -> None:
    """Streams of megabytes that are asked for and never read."""
    asked = json.dumps(body(stream=True, messages=[{"role": "user", "content": "at length"}])).encode()
    held = []
    for _ in range(UNREAD):
        one = socket.socket()
        one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        one.connect(("127.0.0.1", router.port))
        one.sendall(HEAD + b"content-length: %d\r\n\r\n" % len(asked) + asked)
        held.append(one)
    async with asyncio.timeout(UNREAD_WITHIN_S):
        while json.loads((await asyncio.to_thread(router.get, "/status"))[2])["connections"]["timedOut"] < UNREAD:
            await asyncio.sleep(0.2)
    for one in held:
        one.close()


async def answered(router: Router, data: bytes, status: bytes, count: int) -> None:
    """So many such requests, each with this status; some are cut off while they still send."""

    async def one() -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", router.port)
        try:
            for at in range(0, len(data), 1_000_000):
                writer.write(data[at : at + 1_000_000])
                await writer.drain()
            return (await reader.readuntil(b"\r\n"))[9:12]
        except (ConnectionError, asyncio.IncompleteReadError):
            return b""
        finally:
            writer.close()

    for _ in range(count // 10):
        said = Counter(await asyncio.gather(*(one() for _ in range(10))))
        assert set(said) <= {status, b""}, said


async def oversized(router: Router) -> None:
    """Bodies over the limit, by their announced length and in chunks without one."""
    await answered(router, HEAD + b"content-length: 40000000\r\n\r\n" + b" " * 1_000_000, b"413", 50)
    chunk = b"f4240\r\n" + b" " * 1_000_000 + b"\r\n"
    await answered(router, HEAD + b"transfer-encoding: chunked\r\n\r\n" + chunk * 36, b"413", 10)


async def deep(router: Router) -> None:
    """JSON nested 100,000 levels deep."""
    await answered(router, HEAD + b"content-length: %d\r\n\r\n" % len(DEEP) + DEEP, b"400", 100)


async def malformed(router: Router) -> None:
    """Bytes that are no HTTP, and requests that two servers would read differently."""
    await answered(router, b"\x16\x03\x01\x02\x00" * 20, b"400", 100)
    await answered(router, HEAD + b"content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", b"400", 100)


CROWDS: dict[str, tuple[Crowd, dict[str, Any]]] = {
    "10,000 idle connections": (idle, {}),
    "a flood of 4,000 connections, 1,000 allowed": (flood, {"max": 1_000}),
    "100 heads that never end": (slow_heads, {}),
    "100 bodies that never end": (slow_bodies, {}),
    "streams that nobody reads": (unread, {}),
    "bodies over 32 MB": (oversized, {"bodySeconds": 15, "requestSeconds": 60}),
    "JSON of 100,000 levels": (deep, {}),
    "no HTTP, and smuggled requests": (malformed, {}),
}
