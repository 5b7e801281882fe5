"""The limits of a configuration applied to one exchange: what it is estimated to cost, and what it did cost. An edge: it waits."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import TYPE_CHECKING

from engine.exchange_state import Exchange
from engine.http.front import Visit
from engine.limits.admission import Asker
from engine.limits.settings import MICRO, Kind
from engine.log.record import record_exchange
from engine.replies import Refused
from engine.router import Router
from engine.usage.prices import Prices, cost_of
from providers.messages.parts import Usage
from rules.facts import Facts
from schemas.request import DEFAULT_MAX_TOKENS

if TYPE_CHECKING:
    from engine.limits.limiter import Limiter

OUTPUT_RESERVED = 1024
"""How many output tokens are charged before they are counted, unless the client asks for fewer."""

STREAM_BYTES_PER_TOKEN = 64
"""Of events on the wire, on the safe side: one with a single token has twice as many."""


@asynccontextmanager
async def within_limits(
    router: Router, visit: Visit, limiter: Limiter, one: Exchange, facts: Facts
) -> AsyncIterator[None]:
    """Charges the exchange on the way in and corrects that on the way out. Raises `Refused` (429) where it is too much.

    A target whose provider is at its limit is left out while there is another.
    """
    now = router.wall()
    await _leave_out_full(router, limiter, one, now)
    first = one.targets[0] if one.targets else None
    asker = Asker(visit.client_key, visit.client_ip, one.session, first.pool.name if first else None)
    estimate = _estimate(visit.gateway.prices, one, facts)
    try:
        admission = await limiter.admit(asker, estimate, now, router.journal)
    except Refused as refused:
        record_exchange(router, one, refused.reply.status, "rejected")
        raise
    visit.responder.limits = admission.headers
    left = False
    try:
        yield
    except asyncio.CancelledError:
        left = True
        raise
    finally:
        provider = one.answered_by.target.pool.name if one.answered_by is not None else None
        used = _used(visit.gateway.prices, one)
        if left:
            used = _at_least(estimate, used if provider is not None else {}, visit.responder.bytes_sent)
        await limiter.settle(admission, used, provider, router.wall(), router.journal)


async def _leave_out_full(router: Router, limiter: Limiter, one: Exchange, now: float) -> None:
    if not limiter.of_providers or not one.targets:
        return
    room = {
        name: await limiter.has_room(name, now, router.journal) for name in {target.pool.name for target in one.targets}
    }
    one.targets = [target for target in one.targets if room[target.pool.name]] or one.targets


def _estimate(prices: Prices, one: Exchange, facts: Facts) -> Mapping[Kind, int]:
    """What is charged first. Nothing but the request where nothing is sent, or only tokens are counted."""
    if not one.targets or one.path == "count_tokens":
        return {"requests": 1}
    measured = facts.get("inputTokens")
    tokens = measured if isinstance(measured, int) else 0
    limit = one.request.max_tokens
    output = min(OUTPUT_RESERVED, DEFAULT_MAX_TOKENS if limit is None else limit)
    cost = cost_of(prices, one.targets[0].pool.name, one.targets[0].model, Usage(input=tokens, output=output))
    return {"requests": 1, "inputTokens": tokens, "outputTokens": output, "money": _micro(cost)}


def _used(prices: Prices, one: Exchange) -> Mapping[Kind, int]:
    """What is known of what it cost. What the cache gave or took is input, too."""
    if one.answered_by is None:
        return {"inputTokens": 0, "outputTokens": 0, "money": 0}
    usage = one.summary.usage if one.summary is not None else Usage()
    used: dict[Kind, int] = {}
    if usage.input is not None:
        used["inputTokens"] = usage.input + (usage.cache_read or 0) + (usage.cache_write or 0)
    if usage.output is not None:
        used["outputTokens"] = usage.output
    cost = cost_of(prices, one.answered_by.target.pool.name, one.answered_by.target.model, usage)
    if cost is not None:
        used["money"] = _micro(cost)
    return used


def _at_least(estimate: Mapping[Kind, int], used: Mapping[Kind, int], bytes_sent: int) -> Mapping[Kind, int]:
    """What is charged where the client left: nobody says what the upstream has done for it until then, or still does.

    Never less than the estimate, or than what the client was sent: else who leaves just before the end pays nothing.
    """
    sent: dict[Kind, int] = {"outputTokens": bytes_sent // STREAM_BYTES_PER_TOKEN}
    return {
        kind: max(estimate.get(kind, 0), used.get(kind, 0), sent.get(kind, 0)) for kind in {*estimate, *used, *sent}
    }


def _micro(cost: Decimal | None) -> int:
    return 0 if cost is None else int((cost * MICRO).to_integral_value())
