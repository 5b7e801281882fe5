"""A thread for one kind of blocking work, turn by turn, so that a slow disk or database keeps nobody waiting. An edge."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


class OwnThread:
    """The thread. Whoever is cancelled in the middle of a turn waits `last_turn_s` for its end: what it does must be known."""

    __slots__ = ("_last_turn_s", "_pool")

    def __init__(self, name: str, last_turn_s: float) -> None:
        self._pool = ThreadPoolExecutor(1, thread_name_prefix=name)
        self._last_turn_s = last_turn_s

    async def turn(self, work: Callable[[], T], settle: Callable[[asyncio.Future[T] | None], None]) -> None:
        """Has the thread work. `settle` is told how that went in any case, also where this is cancelled.

        It is given None where the work has not ended in time: the thread goes on, and nobody knows what it will have done.
        """
        going = asyncio.get_running_loop().run_in_executor(self._pool, work)
        try:
            await asyncio.wait([going])
        finally:
            if not going.done():
                await asyncio.wait([going], timeout=self._last_turn_s)
            settle(going if going.done() else None)

    def end(self, last: Callable[[], None] | None = None) -> None:
        """Takes no more work but `last`, which is waited for."""
        if last is not None:
            self._pool.submit(last)
        self._pool.shutdown(wait=last is not None, cancel_futures=last is None)
