"""Active health checks of the running configuration, also after a reload."""

from __future__ import annotations

import asyncio

from engine.compose import gateway_of
from engine.process.probing import Prober
from providers.spec import ProviderSpec
from tests.fakes.gateway import Answer, FakeTransport, InProcess, checked, in_process

PROBED = """
providers:
  up:
    type: openai
    endpoint: http://127.0.0.1:9/v1
    loadBalancing: {healthCheck: {interval: 100, path: /health, unhealthyAfter: 1}}
    settings: {models: [m1]}
  quiet:
    type: openai
    endpoint: http://127.0.0.2:9/v1
    settings: {models: [m1]}
routing:
  defaultProvider: up
"""
WELL, ILL = Answer(status=200), Answer(status=503)


class Ticks:
    """A sleep that lasts until the test lets time pass once more."""

    def __init__(self) -> None:
        self.waiting: list[asyncio.Future[None]] = []

    async def sleep(self, _seconds: float) -> None:
        self.waiting.append(asyncio.get_running_loop().create_future())
        await self.waiting[-1]

    async def pass_once(self) -> None:
        """Wakes all sleepers and lets them do what they do."""
        waiting, self.waiting = self.waiting, []
        for one in waiting:
            if not one.done():
                one.set_result(None)
        await settled()


async def settled() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


def health(one: InProcess) -> str:
    return one.router.gateway.registry["up"].health(one.clock())


def swap(one: InProcess, text: str, answers: list[Answer] | None = None) -> None:
    """What a reload does; with answers the connections are new as well."""
    found = checked(text)
    assert found.built is not None

    def make_transport(spec: ProviderSpec) -> FakeTransport:
        return FakeTransport(answers or [WELL])

    one.router.gateway = gateway_of(found.built, make_transport, one.router.gateway)


async def test_an_instance_that_fails_its_check_rests_and_comes_back() -> None:
    """Only the provider that asked for it is probed, and what the probe saw is the pool's health."""
    one = in_process(PROBED, {"up": [ILL, WELL], "quiet": [WELL]})
    ticks = Ticks()
    async with asyncio.TaskGroup() as group:
        task = group.create_task(Prober(one.router, ticks.sleep).run())
        await settled()
        assert health(one) == "up"
        await ticks.pass_once()
        assert health(one) == "down"
        await ticks.pass_once()
        assert health(one) == "up"
        task.cancel()

    assert [request.url for request in one.transports["up"].sent] == ["http://127.0.0.1:9/v1/health"] * 2
    assert one.transports.get("quiet") is None or one.transports["quiet"].sent == []


async def test_a_reload_that_leaves_the_pool_alone_leaves_its_watcher() -> None:
    """However often the rest of the file changes, the next probe comes when it was due."""
    one = in_process(PROBED, {"up": [ILL], "quiet": [WELL]})
    ticks = Ticks()
    prober = Prober(one.router, ticks.sleep)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(prober.run())
        await settled()
        for number in range(5):
            swap(one, PROBED + f"  longContextThreshold: {number + 1000}\n")
            prober.follow()
            await settled()
        assert len(ticks.waiting) == 1
        await ticks.pass_once()
        assert health(one) == "down"
        task.cancel()


async def test_a_changed_check_gets_a_new_watcher_and_a_removed_one_none() -> None:
    """The watcher follows the configuration."""
    one = in_process(PROBED, {"up": [ILL], "quiet": [WELL]})
    ticks = Ticks()
    prober = Prober(one.router, ticks.sleep)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(prober.run())
        await settled()
        swap(one, PROBED.replace("interval: 100", "interval: 200"))
        prober.follow()
        await settled()
        assert [one.cancelled() for one in ticks.waiting] == [True, False]
        swap(one, PROBED.replace("loadBalancing:", "# loadBalancing:"))
        prober.follow()
        await settled()
        assert all(one.cancelled() for one in ticks.waiting)
        task.cancel()
