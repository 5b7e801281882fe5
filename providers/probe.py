"""The active health check of one pool: an edge that asks each instance for its health, never for an answer that costs.

Without a configured path it sends HEAD to the endpoint's origin, and any answer below 500 counts. A configured path is
appended to the endpoint and asked with GET; it must answer 2xx or 3xx, or that it wants credentials (a probe sends none).
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable

from providers.endpoint import origin_of, url_of
from providers.instances import Instance
from providers.pool import Pool
from providers.spec import HealthCheck, Timeouts
from providers.upstream import Transport, TransportFailed, UpstreamRequest


async def watch(
    pool: Pool,
    transport: Transport,
    *,
    clock: Callable[[], float],
    sleep: Callable[[float], Awaitable[None]],
    rng: random.Random,
) -> None:
    """Probes the pool's instances every interval until cancelled; returns at once where no check is configured."""
    check = pool.spec.load_balancing.health_check
    if check is None:
        return
    streaks: dict[str, int] = {}
    await sleep(check.interval_s * rng.random())
    while True:
        for instance in pool.instances:
            if instance.spec.endpoint.startswith(("http://", "https://")):
                failure = await failure_of(instance, transport, check)
                _note(pool, instance, failure, check, streaks, clock(), rng)
        await sleep(check.interval_s)


async def failure_of(instance: Instance, transport: Transport, check: HealthCheck) -> str | None:
    """Why the instance is not well; None: it is."""
    endpoint = instance.spec.endpoint
    method, url = ("HEAD", origin_of(endpoint) + "/") if check.path is None else ("GET", url_of(endpoint, check.path))
    timeouts = Timeouts(check.timeout_s, check.timeout_s, check.timeout_s, check.timeout_s)
    try:
        response = await transport.send(UpstreamRequest(method, url, (), b""), timeouts)
    except TransportFailed as failed:
        return failed.error.message
    await response.aclose()
    status = response.head.status
    well = status < 500 if check.path is None else status < 400 or status in (401, 403)
    return None if well else f"the health check answered {status}"


def _note(
    pool: Pool,
    instance: Instance,
    failure: str | None,
    check: HealthCheck,
    streaks: dict[str, int],
    now: float,
    rng: random.Random,
) -> None:
    """Counts answers in a row (failures below zero) and tells the pool once there are enough."""
    streak = streaks.get(instance.id, 0)
    streaks[instance.id] = streak = max(streak, 0) + 1 if failure is None else min(streak, 0) - 1
    if streak >= check.healthy_after:
        pool.probed(instance, None, now, rng)
    elif -streak >= check.unhealthy_after:
        pool.probed(instance, failure, now, rng)
