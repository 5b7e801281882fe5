"""A finished exchange in the words of OpenTelemetry's semantic conventions for generative AI. Pure.

Source: opentelemetry.io, semantic conventions 1.38 and later (`gen_ai.*`, status development), for client spans and
metrics; `ccr.*` are ours. Never a word of what was asked or answered.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TypeAlias
from urllib.parse import urlsplit

from engine.ended import Ended
from engine.log.redact import redact
from providers.plan import Try

Attribute: TypeAlias = str | bool | int | float | list[str]

PROVIDERS: Mapping[str, str] = {
    "anthropic": "anthropic",
    "openai": "openai",
    "openai-responses": "openai",
    "gemini": "gcp.gemini",
    "bedrock": "aws.bedrock",
    "codewhisperer": "aws.codewhisperer",
    "static": "ccr.static",
}
"""The type of a provider -> the API that is spoken, which is what `gen_ai.provider.name` tells apart."""

OPERATION = "chat"
MOST_NAME_CHARS = 200
DURATION_BUCKETS = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
TOKEN_BUCKETS = tuple(float(4**power) for power in range(14))
"""Upper bounds that the conventions recommend."""


def span_name(ended: Ended) -> str:
    """The operation and the model that was asked of the upstream, else of the router."""
    return f"{OPERATION} {shown(ended.target_model or ended.one.request.model)}"


def shown(name: str) -> str:
    """A name that a client chose, as long as names are and without a credential."""
    return redact(name)[:MOST_NAME_CHARS]


def common_attributes(ended: Ended, named: Callable[[str], str] = shown) -> dict[str, Attribute]:
    """What spans and metrics have alike; `named` gives a model's name as it is told."""
    attempt = _last_try(ended)
    found: dict[str, Attribute] = {
        "gen_ai.operation.name": OPERATION,
        "gen_ai.request.model": named(ended.target_model or ended.one.request.model),
    }
    if attempt is not None:
        spec = attempt.target.pool.spec
        found["gen_ai.provider.name"] = PROVIDERS.get(spec.type, spec.type)
        found |= _server_of(attempt)
    if ended.target_model is not None:
        found["gen_ai.response.model"] = named(ended.target_model)
    if ended.error is not None:
        found["error.type"] = ended.error.kind.name
    elif ended.outcome != "answered":
        found["error.type"] = ended.outcome.replace(" ", "_")
    return found


def span_attributes(ended: Ended) -> dict[str, Attribute]:
    """All of a span's."""
    one = ended.one
    request = one.request
    said: dict[str, Attribute | None] = {
        "gen_ai.request.max_tokens": request.max_tokens,
        "gen_ai.request.temperature": request.temperature,
        "gen_ai.request.top_p": request.top_p,
        "gen_ai.request.top_k": request.top_k,
        "gen_ai.request.stream": request.stream,
        "gen_ai.conversation.id": None if one.session is None else shown(one.session),
        "gen_ai.response.time_to_first_chunk": ended.first_byte_s,
        "http.response.status_code": ended.status or None,
        "ccr.request.id": one.request_id,
        "ccr.request.model": shown(request.model),
        "ccr.rule": one.decision.rule,
        "ccr.category": one.decision.category,
        "ccr.provider": ended.provider,
        "ccr.instance": one.answered_by.pick.instance.id if one.answered_by is not None else None,
        "ccr.client.key": one.client_key,
        "ccr.outcome": ended.outcome,
        "ccr.attempts": len(one.failures) + (one.answered_by is not None),
        "ccr.cost": float(cost) if (cost := ended.cost) is not None else None,
        "ccr.cost.currency": ended.prices.currency if cost is not None else None,
    }
    summary = one.summary
    if summary is not None:
        usage = summary.usage
        said |= {
            "gen_ai.response.finish_reasons": [summary.stop_reason] if summary.stop_reason else None,
            "gen_ai.usage.input_tokens": input_tokens(ended),
            "gen_ai.usage.cache_read.input_tokens": usage.cache_read,
            "gen_ai.usage.cache_creation.input_tokens": usage.cache_write,
            "gen_ai.usage.output_tokens": usage.output,
            "gen_ai.usage.reasoning.output_tokens": usage.thinking,
            "ccr.fixes": list(summary.fixes) or None,
        }
    return common_attributes(ended) | {name: value for name, value in said.items() if value is not None}


def input_tokens(ended: Ended) -> int | None:
    """All of them, those of the cache too, as the conventions count."""
    usage = ended.one.summary.usage if ended.one.summary is not None else None
    if usage is None or usage.input is None:
        return None
    return usage.input + (usage.cache_read or 0) + (usage.cache_write or 0)


def failed_tries(ended: Ended) -> Iterator[dict[str, Attribute]]:
    """An event's attributes for each try that failed."""
    for attempt, error in ended.one.failures:
        yield {
            "ccr.instance": attempt.pick.instance.id,
            "gen_ai.request.model": shown(attempt.target.model),
            "error.type": error.kind.name,
        }


def _last_try(ended: Ended) -> Try | None:
    if ended.one.answered_by is not None:
        return ended.one.answered_by
    return ended.one.failures[-1][0] if ended.one.failures else None


def _server_of(attempt: Try) -> dict[str, Attribute]:
    parts = urlsplit(attempt.pick.instance.spec.endpoint)
    if parts.hostname is None:
        return {}
    try:
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        return {"server.address": parts.hostname}
    return {"server.address": parts.hostname, "server.port": port}
