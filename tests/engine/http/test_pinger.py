"""Pings of ours: when they are sent, and when not."""

from __future__ import annotations

import asyncio
import contextlib

from litestar.types import Message

from engine.http.asgi import Responder
from engine.http.pinger import Pinger


class _Stream:
    def __init__(self, last_write: float) -> None:
        self.last_write = last_write
        self.pings = 0

    async def ping(self, now: float) -> None:
        self.pings += 1


async def test_only_silent_streams_are_pinged() -> None:
    """A stream silent for as long as the interval gets a ping; one that spoke just now, or has left, gets none."""
    pinger = Pinger(lambda: 100.0, after_s=0.01)
    silent, fresh, left = _Stream(0.0), _Stream(100.0), _Stream(0.0)
    for stream in (silent, fresh, left):
        pinger.join(stream)
    pinger.leave(left)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(0.05):
            await pinger.run()

    assert silent.pings == 1
    assert fresh.pings == 0
    assert left.pings == 0


async def test_a_ping_never_lands_inside_an_event_or_after_the_end() -> None:
    """While a write waits for a slow client no ping is sent, and none after the last byte."""
    sent: list[bytes] = []
    slow = asyncio.Event()

    async def send(message: Message) -> None:
        body = message.get("body")
        if body == b"slow":
            await slow.wait()
        if isinstance(body, bytes):
            sent.append(body)

    responder = Responder(send, "req_1", "abc")
    await responder.ping(0.0)
    await responder.start(200, "text/event-stream")
    async with asyncio.TaskGroup() as group:
        group.create_task(responder.write(b"slow", 1.0))
        await asyncio.sleep(0)
        await responder.ping(2.0)
        slow.set()
    await responder.ping(3.0)
    await responder.write(b"end", 4.0, more=False)
    await responder.ping(5.0)

    assert [piece[:11] for piece in sent] == [b"slow", b"event: ping", b"end"]
