"""The task that talks to Redis: it ends when it is told to."""

from __future__ import annotations

import asyncio
import contextlib

from engine.process.redis_state import heeding


def test_a_cancellation_that_the_library_swallows_still_ends_the_loop() -> None:
    """`asyncio.wait_for` of Python 3.11 forgets a cancellation that comes in the moment its call is done."""
    rounds = 0

    async def forgetful() -> None:
        nonlocal rounds
        rounds += 1
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(0)

    async def loop() -> None:
        while rounds < 1_000:
            await heeding(forgetful())

    async def cancelled_in_mid_call() -> bool:
        task = asyncio.get_running_loop().create_task(loop())
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        return task.cancelled()

    assert asyncio.run(cancelled_in_mid_call())
    assert rounds == 1
