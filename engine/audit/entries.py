"""What the audit log says of an exchange that is over. Pure."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from msgspec import Struct

from engine.ended import Ended
from engine.log.redact import redacted, redacted_body
from engine.timestamp import timestamp_of


class Entry(Struct, frozen=True):
    """What a line will say. `request` is the body that is written down with it, as it came; empty: none is."""

    members: Mapping[str, object]
    request: bytes = b""


def members_of(entry: Entry) -> Mapping[str, object]:
    """All of a line, as it may be kept. That takes its time: ten milliseconds where the request is a long session's."""
    members: dict[str, object] = redacted(entry.members)
    if not entry.request:
        return members
    return {**members, "request": msgspec.json.encode(redacted_body(entry.request)).decode()}


def entry_of(ended: Ended, *, content: bool) -> Entry:
    """Who, when, which rule, which target, how it ended, tokens, money and what filters found; `content`: the request too."""
    one, summary = ended.one, ended.one.summary
    usage = summary.usage if summary is not None else None
    answered = one.answered_by
    cost = ended.cost
    members = {
        "time": timestamp_of(ended.at),
        "kind": "exchange",
        "requestId": one.request_id,
        "key": one.client_key,
        "address": one.client_ip,
        "session": one.session,
        "model": one.request.model,
        "rule": one.decision.rule,
        "category": one.decision.category,
        "target": None if answered is None else f"{ended.provider},{ended.target_model}",
        "instance": None if answered is None else answered.pick.instance.id,
        "attempts": len(one.failures) + (answered is not None),
        "outcome": ended.outcome,
        "status": ended.status,
        "error": ended.error.kind.name if ended.error is not None else None,
        "inputTokens": usage.input if usage else None,
        "cacheReadTokens": usage.cache_read if usage else None,
        "cacheWriteTokens": usage.cache_write if usage else None,
        "outputTokens": usage.output if usage else None,
        "thinkingTokens": usage.thinking if usage else None,
        "cost": None if cost is None else str(cost),
        "currency": None if cost is None else ended.prices.currency,
        "findings": [{"filter": found.filter, "action": found.action, "count": found.count} for found in one.findings]
        or None,
        "totalMs": round(ended.total_s * 1000, 1),
    }
    return Entry(members, one.request.raw if content else b"")
