"""The end of a process whose tasks or threads do not end. Real processes."""

from __future__ import annotations

import pytest

from engine.cli import stop
from engine.http import server
from engine.process import last_resort, workers
from tests.fakes.router import Router

pytestmark = pytest.mark.functional

CONFIG = """\
server: {drainSeconds: 0}
providers:
  here: {type: static, settings: {models: [one]}}
routing: {defaultProvider: here}
"""
SOON = "import engine.process.last_resort; engine.process.last_resort.ENDS_WITHIN_S = 0.2\n"
NEVER = "import engine.process.last_resort; engine.process.last_resort.ENDS_WITHIN_S = 60\n"
KILLED_SOON = "import engine.process.workers; engine.process.workers.BEYOND_DRAIN_S = 0.2\n"
DEAF = """
import asyncio, engine.process.probing
async def deaf(self):
    while True:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            pass
deaf.__qualname__ = 'Prober.run'
engine.process.probing.Prober.run = deaf
"""
STUCK = """
import asyncio, time, engine.process.probing
async def stuck(self):
    await asyncio.to_thread(time.sleep, 60)
engine.process.probing.Prober.run = stuck
"""
STANDING = """
import asyncio, time, engine.process.probing
async def standing(self):
    try:
        await asyncio.sleep(60)
    finally:
        time.sleep(60)
engine.process.probing.Prober.run = standing
"""


@pytest.mark.parametrize(
    ("prelude", "arguments", "named"),
    [
        (DEAF, (), True),
        (DEAF, ("--workers", "2"), True),
        (STUCK, (), False),
        (STANDING, (), False),
    ],
    ids=["a task", "a task of workers", "a thread", "a loop that stands still"],
)
def test_what_does_not_end_holds_nothing_up(prelude: str, arguments: tuple[str, ...], named: bool) -> None:
    """The process ends all the same, and the log says that something did not, and which task it was."""
    with Router(CONFIG, arguments=arguments, prelude=SOON + prelude) as router:
        router.signal(15)
        router.wait()
        told = [line for line in router.log_lines() if line["message"].startswith("stopped without waiting")]

    assert len(told) == (2 if arguments else 1)
    if named:
        assert all("Prober.run" in line["running"] for line in told)


def test_a_worker_that_nothing_ends_is_killed() -> None:
    """Where even its last resort stands still, its parent ends it; the log and the exit status say so."""
    with Router(CONFIG, arguments=("--workers", "2"), prelude=NEVER + KILLED_SOON + STANDING) as router:
        router.signal(15)
        status = router.wait()
        told = [line for line in router.log_lines() if line["message"] == "a worker that did not end was killed"]

    assert status == 1
    assert sorted(line["worker"] for line in told) == [1, 2]


def test_whoever_waits_longer_is_the_one_who_started_it() -> None:
    """A worker ends itself before its parent kills it, and `ccr stop` waits until that is done."""
    last_words_s = 2 * server.BREAK_OFF_S + server.LAST_HANDSHAKE_S
    own_end_s = last_words_s + last_resort.ENDS_WITHIN_S + last_resort.SAYS_WITHIN_S
    assert own_end_s < workers.BEYOND_DRAIN_S < stop.BEYOND_DRAIN_S
