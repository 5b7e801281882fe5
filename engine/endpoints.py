"""The bodies of the paths that are asked, not posted to."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping

from engine import status as statuses
from engine.access.keys import Allowance, RouterKey
from engine.process.merged_status import added, merged
from engine.router import Router


def health(router: Router) -> tuple[int, Mapping[str, object]]:
    """Status and body of `GET /health`."""
    timestamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(router.wall()))
    return statuses.health_of(router.gateway, router.clock(), timestamp)


async def status(router: Router) -> Mapping[str, object]:
    """Body of `GET /status`: of all workers together, where there are several."""
    own = own_status(router)
    if router.siblings is None:
        return own
    rows = [router.siblings.row(own), *await router.siblings.others()]
    return merged(rows, router.siblings.count)


async def metrics(router: Router) -> bytes | None:
    """Body of `GET /metrics`, of all workers together; None while one of them does not answer.

    Without one of them the sums would fall, which a reader takes for a restart.
    """
    from engine.telemetry.metrics import metrics_text  # loaded for those who ask

    own = row_for_siblings(router)
    if router.siblings is None:
        return metrics_text(own, router.meters.plain())
    rows = [router.siblings.row(own), *await router.siblings.others()]
    if len(rows) < router.siblings.count:
        return None
    return metrics_text(merged(rows, router.siblings.count), added([row["meters"] for row in rows]))


def row_for_siblings(router: Router) -> dict[str, object]:
    """What the other workers are told of this one: its status, and what only `/metrics` shows."""
    return {**own_status(router), "meters": router.meters.plain()}


def own_status(router: Router) -> dict[str, object]:
    """The status of this process."""
    now = router.clock()
    status = statuses.status_of(
        router.gateway, router.counters, now, now - router.counters.started_at, router.address, router.reload
    )
    if (usage := router.usage()) is not None:
        status["usage"] = usage
    if router.budgets is not None:
        status["budgets"] = router.budgets.at(router.wall()).rows()
    if router.gateway.limiter is not None:
        status["limits"] = router.gateway.limiter.counts.standing()
    debug = status["debug"]
    assert isinstance(debug, dict)
    status["debug"] = {**debug, "logLevel": router.journal.level}
    if (audit := router.audit_log()) is not None:
        status["audit"] = audit
    return {
        **status,
        "state": router.state(),
        "connections": router.connections(),
        "process": {"tasks": len(asyncio.all_tasks())},
    }


def models(
    router: Router, key: RouterKey | None, limit: int, after: str | None, before: str | None
) -> Mapping[str, object]:
    """Body of `GET /v1/models`."""
    return statuses.models_of(router.gateway, limit, after, before, _allowance_of(key))


def model(router: Router, key: RouterKey | None, name: str) -> Mapping[str, object] | None:
    """Body of `GET /v1/models/{name}`, None where no such model is offered."""
    rows = statuses.models_of(router.gateway, allow=_allowance_of(key))["data"]
    assert isinstance(rows, list)
    return next((row for row in rows if row["id"] == name), None)


def _allowance_of(key: RouterKey | None) -> Allowance:
    return Allowance() if key is None else key.allow
