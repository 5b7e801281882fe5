"""Keeps silent streams alive: one task for all of them sends Anthropic `ping` events of ours. An edge (it sleeps).

Claude Code gives up on a stream after 300 s without a byte; an upstream that thinks for long sends none.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

PING_AFTER_S = 15.0


class Pingable(Protocol):
    """A stream that can carry a ping."""

    last_write: float

    async def ping(self, now: float) -> None:
        """Sends one, unless an event is on its way."""
        ...


class Pinger:
    """Watches the streams that joined. Streams join at their first byte and leave at their end."""

    def __init__(self, clock: Callable[[], float], after_s: float = PING_AFTER_S) -> None:
        self._clock = clock
        self._after_s = after_s
        self._streams: set[Pingable] = set()

    def join(self, stream: Pingable) -> None:
        """Watch `stream` from now on."""
        self._streams.add(stream)

    def leave(self, stream: Pingable) -> None:
        """Stop watching."""
        self._streams.discard(stream)

    async def run(self) -> None:
        """Pings whoever was silent for long enough, until cancelled."""
        async with asyncio.TaskGroup() as group:
            while True:
                await asyncio.sleep(min(1.0, self._after_s / 4))
                now = self._clock()
                for stream in self._streams:
                    if now - stream.last_write >= self._after_s:
                        stream.last_write = now
                        group.create_task(self._ping(stream, now))

    async def _ping(self, stream: Pingable, now: float) -> None:
        if stream in self._streams:
            await stream.ping(now)
