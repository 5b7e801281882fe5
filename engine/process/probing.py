"""Active health checks of the current configuration: one watcher for each pool that wants one. An edge."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable

from engine.gateway import Gateway, Upstream
from engine.router import Router
from providers.pool import Pool
from providers.probe import watch
from providers.spec import HealthCheck, InstanceSpec
from providers.upstream import Transport

_Watched = tuple[HealthCheck | None, tuple[InstanceSpec, ...], Transport]


class Prober:
    """Keeps a watcher on each pool of the router's current gateway. `follow` after a reload.

    A pool that a reload leaves as it is keeps its watcher, so that frequent reloads do not put its probes off for ever.
    """

    def __init__(self, router: Router, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        self._router = router
        self._sleep = sleep
        self._changed = asyncio.Event()
        self._tasks: dict[str, tuple[_Watched, asyncio.Task[None]]] = {}

    def follow(self) -> None:
        """Look at the gateway again: it is another."""
        self._changed.set()

    async def run(self) -> None:
        """Probes until cancelled."""
        async with asyncio.TaskGroup() as group:
            while True:
                self._changed.clear()
                self._tend(group, self._router.gateway)
                await self._changed.wait()

    def _tend(self, group: asyncio.TaskGroup, gateway: Gateway) -> None:
        wanted = {name: _watched(pool, gateway.upstreams[name]) for name, pool in gateway.registry.pools.items()}
        for name, (watched, task) in list(self._tasks.items()):
            if wanted.get(name) != watched:
                task.cancel()
                del self._tasks[name]
        for name, watched in wanted.items():
            if name not in self._tasks and watched[0] is not None:
                watcher = self._watch(gateway.registry[name], gateway.upstreams[name].transport, self._router.rng)
                self._tasks[name] = (watched, group.create_task(watcher))

    async def _watch(self, pool: Pool, transport: Transport, rng: random.Random) -> None:
        await watch(pool, transport, clock=self._router.clock, sleep=self._sleep, rng=rng)


def _watched(pool: Pool, upstream: Upstream) -> _Watched:
    """What a watcher depends on; its pool may be another object with the same records."""
    return (pool.spec.load_balancing.health_check, pool.spec.instances, upstream.transport)
