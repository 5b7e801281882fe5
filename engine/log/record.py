"""What is written of an exchange when it is over: one line, the counters, and the names of the repairs."""

from __future__ import annotations

from collections.abc import Sequence

from engine.ended import Ended, Outcome
from engine.exchange_state import Exchange
from engine.router import Router
from providers.dialects.seams import Lost
from providers.errors import ProviderError


def record_exchange(
    router: Router, one: Exchange, status: int, outcome: Outcome, error: ProviderError | None = None
) -> None:
    """Writes the line, counts, and tells the listeners."""
    decision, summary, attempt = one.decision, one.summary, one.answered_by
    target = None if attempt is None else f"{attempt.target.pool.name},{attempt.target.model}"
    lost = () if attempt is None else one.lost_for(attempt)
    _count(router, one, target, lost)
    if summary is not None and summary.fixes:
        router.journal.write(
            "info", "Applied response fixes", one.request_id, "reply", fixes=list(summary.fixes), target=target
        )
    usage = summary.usage if summary else None
    fault = error or one.fault
    now = router.clock()
    router.journal.write(
        "info" if outcome in ("answered", "rejected", "client gone") else "error",
        "exchange",
        one.request_id,
        "exchange",
        outcome=outcome,
        status=status,
        rule=decision.rule,
        category=decision.category,
        target=target,
        instance=None if attempt is None else attempt.pick.instance.id,
        api=one.request.origin if one.request.origin != "messages" else None,
        model=one.request.model,
        stream=one.request.stream,
        session=one.session,
        clientKey=one.client_key,
        stopReason=summary.stop_reason if summary else None,
        tools=list(summary.tool_calls) if summary and summary.tool_calls else None,
        inputTokens=usage.input if usage else None,
        cacheReadTokens=usage.cache_read if usage else None,
        outputTokens=usage.output if usage else None,
        lost=sum(row.count for row in lost) or None,
        attempts=len(one.failures) + (attempt is not None),
        filters={found.filter: found.count for found in one.findings} or None,
        skippedRules=[f"{skip.rule}: {skip.reason}" for skip in decision.skipped] or None,
        firstByteMs=None if one.first_byte_at is None else round((one.first_byte_at - one.started_at) * 1000, 1),
        totalMs=round((now - one.started_at) * 1000, 1),
        kind=fault.kind.name if fault else None,
        error=fault.message if fault else None,
    )
    _write_lost(router, one, target, lost)
    if router.listeners:
        ended = Ended(one, outcome, status, router.wall(), now - one.started_at, fault, router.gateway.prices)
        for listen in router.listeners:
            listen(ended)


def _count(router: Router, one: Exchange, target: str | None, lost: Sequence[Lost]) -> None:
    counters = router.counters
    counters.by_rule[one.decision.rule] += 1
    if one.client_key is not None:
        counters.by_key[one.client_key] += 1
    if target is not None:
        counters.add_target(target)
    counters.lossy += bool(lost)
    if one.summary is not None:
        counters.add_usage(one.summary.usage)
        counters.tool_calls += len(one.summary.tool_calls)
        for fix in one.summary.fixes:
            counters.fixes[fix] += 1


def _write_lost(router: Router, one: Exchange, target: str | None, lost: Sequence[Lost]) -> None:
    """What translation lost, row by row: with `debug.enabled` always, else at level `debug`."""
    detail = "info" if one.debug.enabled else "debug"
    if router.journal.wants(detail) and lost:
        rows = [{"field": row.field, "count": row.count, "why": row.why} for row in lost]
        router.journal.write(detail, "lost in the request", one.request_id, "request", lost=rows, target=target)
    if router.journal.wants(detail) and one.summary is not None and one.summary.lost:
        router.journal.write(detail, "lost in the reply", one.request_id, "reply", lost=list(one.summary.lost))
