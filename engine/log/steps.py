"""What is written of an exchange on its way: its steps, what was mended, what failed."""

from __future__ import annotations

from engine.exchange_state import Exchange
from engine.router import Router
from providers.dialects.seams import Mended
from providers.errors import ProviderError
from providers.plan import Try


def note_step(router: Router, one: Exchange, step: str, **data: object) -> None:
    """Logs a step on the way: with `debug.traceRequests` always, else at level `debug`."""
    level = "info" if one.debug.trace_requests else "debug"
    if router.journal.wants(level):
        router.journal.write(level, step, one.request_id, "trace", **data)


def note_mended(router: Router, one: Exchange, attempt: Try, mended: Mended, error: ProviderError) -> None:
    """Logs and counts that a refused request went out once more, mended."""
    router.counters.fixes[mended.fix] += 1
    router.journal.write(
        "info",
        mended.said,
        one.request_id,
        "attempt",
        instance=attempt.pick.instance.id,
        model=attempt.target.model,
        error=error.message,
    )


def note_failure(router: Router, one: Exchange, attempt: Try, error: ProviderError) -> None:
    """Logs an attempt that failed; where our credential was refused, in the words that people look for."""
    message = (
        "Authentication failed"
        if error.kind.name.startswith(("credential", "permission", "billing"))
        else "attempt failed"
    )
    router.journal.write(
        "warn",
        message,
        one.request_id,
        "attempt",
        instance=attempt.pick.instance.id,
        model=attempt.target.model,
        number=attempt.number,
        kind=error.kind.name,
        upstreamStatus=error.status,
        error=error.message,
        retryAfterS=error.retry_after_s,
    )
