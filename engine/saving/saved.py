"""A finished exchange as the file that is saved of it: an envelope with what became of it beside. Pure.

`ccr explain`, `ccr diff --requests`, tests (`file:`) and `ccr replay` read it. A request of Chat Completions is as its
client sent it, or as the rules saw it where filters cut something out. INVARIANT: no credential is in it: headers that
may carry one are hashed, texts go through `redact`, and what is sent upstream is shown before it is signed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from engine.ended import Ended
from engine.exchange_state import Exchange, Moment
from engine.log.redact import digest_of, redact, redact_headers, redacted_body
from engine.read_envelope import Api
from providers.plan import Try
from rules.filters import finds
from rules.nodes import Reject, Target
from schemas.surrogates import text_of_body

_SECRET_NAME = re.compile(r"auth|cookie|credential|key|passw|secret|session-token|signature|token", re.IGNORECASE)
_OF_UPSTREAM = (
    "accept",
    "accept-encoding",
    "anthropic-beta",
    "anthropic-version",
    "content-type",
    "user-agent",
    "x-app",
)
"""The headers that are shown as they go upstream: all others may come from a configuration, where they may be secrets."""


def saved_request(ended: Ended, moment: Moment) -> bytes:
    """The file's bytes."""
    one = ended.one
    started_at = ended.at - ended.total_s
    path, request = _request(one, moment)
    saved: dict[str, Any] = {
        "request": redacted_body(request),
        "headers": safe_headers(one.headers),
        "path": path,
        "clientIp": one.client_ip,
        "clientKey": one.client_key,
        "now": _iso(moment.now),
        "state": dict(moment.state),
        "decision": _decision(one, moment.revision),
        "upstreamRequest": _upstream(one),
        "outcome": _outcome(ended),
        "timing": {
            "startedAt": _iso(started_at),
            "firstByteMs": None if ended.first_byte_s is None else round(ended.first_byte_s * 1000, 1),
            "totalMs": round(ended.total_s * 1000, 1),
        },
        "reply": redact(bytes(moment.reply).decode("utf-8", "replace")) if moment.reply else None,
    }
    left_out = ("clientIp", "clientKey")
    return msgspec.json.format(
        msgspec.json.encode({name: value for name, value in saved.items() if name not in left_out or value is not None})
    )


def _request(one: Exchange, moment: Moment) -> tuple[Api, bytes]:
    """The body and the API it is of. What was lost of a chat body is in it too, where no filter looked."""
    if moment.chat is None or finds(moment.filters, msgspec.json.decode(text_of_body(moment.chat)[0])):
        return one.path, moment.body
    return "chat/completions", moment.chat


def name_of(ended: Ended) -> str:
    """The file's name: by time, and never twice."""
    return f"{stamp_of(ended.at)}-{ended.one.request_id}.json"


def stamp_of(moment: float) -> str:
    """How a file's name begins: stamps sort as moments do."""
    at = datetime.fromtimestamp(moment, UTC)
    return f"{at:%Y%m%dT%H%M%S}{at.microsecond // 1000:03d}Z"


NAME = re.compile(r"\d{8}T\d{9}Z-req_[0-9a-f]+\.json")
"""How the names of saved requests look: nothing else in the folder is ever deleted, but for those below."""

PART_NAME = re.compile(NAME.pattern.removesuffix("json") + "part")
"""How the names of files look that are being written."""


def safe_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """A client's headers, those that may carry a credential as a short hash."""
    return {
        name: digest_of(headers[name]) if _SECRET_NAME.search(name) else text
        for name, text in redact_headers(headers).items()
    }


def _decision(one: Exchange, revision: str) -> dict[str, Any]:
    decision = one.decision
    to = decision.route.to
    return {
        "rule": decision.rule,
        "category": decision.category,
        "target": _target(to) if isinstance(to, Target) else None,
        "fallbacks": [_target(target) for target in decision.route.fallbacks],
        "reject": {"status": to.status, "message": to.message} if isinstance(to, Reject) else None,
        "skipped": [{"rule": skip.rule, "reason": skip.reason} for skip in decision.skipped],
        "revision": revision,
    }


def _target(target: Target) -> dict[str, str | None]:
    return {"provider": target.provider, "model": target.model}


def _upstream(one: Exchange) -> dict[str, Any] | None:
    """What was sent last, without its credentials; None where nothing was."""
    attempt = one.answered_by or (one.failures[-1][0] if one.failures else None)
    if attempt is None or attempt.target_index not in one.prepared:
        return None
    _, encoded = one.prepared[attempt.target_index]
    return {
        "instance": attempt.pick.instance.id,
        "path": redact(encoded.path),
        "headers": {
            name: redact(text) if name.lower() in _OF_UPSTREAM else digest_of(text)
            for name, text in encoded.headers.items()
        },
        "body": redacted_body(encoded.body),
    }


def _outcome(ended: Ended) -> dict[str, Any]:
    one = ended.one
    summary = one.summary
    usage = summary.usage if summary else None
    return {
        "outcome": ended.outcome,
        "status": ended.status,
        "target": None if ended.provider is None else {"provider": ended.provider, "model": ended.target_model},
        "api": one.request.origin,
        "stopReason": summary.stop_reason if summary else None,
        "tools": list(summary.tool_calls) if summary else [],
        "usage": None if usage is None else msgspec.to_builtins(usage),
        "cost": None if (cost := ended.cost) is None else float(cost),
        "fixes": list(summary.fixes) if summary else [],
        "attempts": [*(_failed(attempt, error.kind.name, error.message) for attempt, error in one.failures)],
        "error": None
        if ended.error is None
        else {"kind": ended.error.kind.name, "message": redact(ended.error.message)},
    }


def _failed(attempt: Try, kind: str, message: str) -> dict[str, str]:
    return {"instance": attempt.pick.instance.id, "kind": kind, "message": redact(message)}


def _iso(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
