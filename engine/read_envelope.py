"""A request in a file, or posted to be explained: a Messages body, or an envelope around one, known by its key `request`.

From a bare body, headers, address and key are missing; the time and the state of providers are unknown.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from rules.facts import BUDGET, budget_of
from schemas.decode_request import decode_request
from schemas.request import BadRequest, Envelope
from schemas.suggest import nearest

_KEYS = ("request", "headers", "path", "clientIp", "clientKey", "now", "state")
_BESIDE = ("decision", "upstreamRequest", "outcome", "timing", "reply")
"""What a saved request has besides: what became of it, which its decision does not depend on."""

_PATHS = ("messages", "count_tokens")
_STATES = {"health": str, "inflight": int}


class BadEnvelope(ValueError):  # noqa: N818 - named as `BadRequest` is
    """The text is neither a Messages body nor an envelope; blame: whoever wrote it. `str()` says what is wrong."""


def read_envelope(data: bytes) -> Envelope:
    """The envelope in `data`. Raises `BadEnvelope` for a wrong envelope and `BadRequest` for a wrong body in it."""
    try:
        fields = msgspec.json.decode(data, type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, RecursionError) as fault:
        raise BadEnvelope(f"this is no JSON object: {fault}") from None
    if "request" not in fields:
        if "messages" not in fields:
            raise BadEnvelope("this is neither a Messages body (no `messages`) nor an envelope (no `request`)")
        return Envelope(decode_request(data))
    for name in fields:
        if name not in _KEYS and name not in _BESIDE:
            near = nearest(name, _KEYS)
            hint = f", did you mean `{near}`?" if near else f"; it has {', '.join(_KEYS)}"
            raise BadEnvelope(f"an envelope has no `{name}`{hint}")
    values: dict[str, Any] = {name: msgspec.json.decode(raw) for name, raw in fields.items() if name in _KEYS[1:]}
    path = values.get("path", "messages")
    if path not in _PATHS:
        raise BadEnvelope(f"`path` is one of {', '.join(_PATHS)}")
    try:
        request = decode_request(bytes(fields["request"]), path)
    except BadRequest as problem:
        raise BadRequest(f"request: {problem}") from None
    return Envelope(
        request,
        path,
        _headers_of(values.get("headers")),
        _text_of(values, "clientIp"),
        _text_of(values, "clientKey"),
        moment_of(values["now"]) if values.get("now") is not None else None,
        *states_of(values.get("state")),
    )


def moment_of(value: object) -> float:
    """A moment as seconds since the epoch, from that or from ISO 8601 (UTC where it names no zone). Raises `BadEnvelope`."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError:
        raise BadEnvelope(
            f"`now` is seconds since 1970 or a time such as 2026-01-05T09:00:00Z, not `{value}`"
        ) from None
    return (moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).timestamp()


def states_of(value: object) -> tuple[Mapping[str, Mapping[str, Any]] | None, Mapping[str, str] | None]:
    """`{provider.<name>.health: ..., budget.<name>.state: ...}` as provider -> state, and budget -> state.

    None for those that nobody says. Raises `BadEnvelope`.
    """
    if value is None:
        return None, None
    if not isinstance(value, dict):
        raise BadEnvelope("`state` is an object")
    providers: dict[str, dict[str, Any]] = {}
    budgets: dict[str, str] = {}
    for fact, state in value.items():
        budget = budget_of(fact)
        if budget is not None and state in BUDGET.words:
            budgets[budget] = state
            continue
        provider, _, kind = fact.removeprefix("provider.").rpartition(".")
        if not fact.startswith("provider.") or not provider or not isinstance(state, _STATES.get(kind, ())):
            raise BadEnvelope(
                "`state` has `provider.<name>.health: up`, `provider.<name>.inflight: 0` and `budget.<name>.state: ok`,"
                f" not `{fact}: {state}`"
            )
        providers.setdefault(provider, {})[kind] = state
    return (providers or None if budgets else providers), (budgets or None)


def _headers_of(value: object) -> dict[str, str] | None:
    if value is None:
        return None
    if not isinstance(value, dict) or not all(isinstance(text, str) for text in value.values()):
        raise BadEnvelope("`headers` is an object of texts")
    return {str(name).lower(): text for name, text in value.items()}


def _text_of(values: Mapping[str, Any], name: str) -> str | None:
    value = values.get(name)
    if value is not None and not isinstance(value, str):
        raise BadEnvelope(f"`{name}` is a text")
    return value
