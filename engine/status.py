"""What `/health`, `/status` and `/v1/models` say, as plain values from a gateway's state. Pure.

The first keys are the original router's; `revision`, `instances`, `counters`, `findings` are ours.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from engine.access.keys import Allowance
from engine.forwarding import forwards_credentials
from engine.gateway import Gateway
from engine.telemetry.counters import Counters
from engine.version import VERSION
from rules.nodes import Target

JSON = dict[str, object]
EVERYTHING = Allowance()


def providers_up(gateway: Gateway, now: float) -> dict[str, bool]:
    """Provider name -> whether some instance of it can take a request now."""
    return {name: pool.health(now) != "down" for name, pool in gateway.registry.pools.items()}


def health_of(gateway: Gateway, now: float, timestamp: str) -> tuple[int, JSON]:
    """HTTP status and body of `/health`.

    200 while any target of `default` (its fallbacks too) can serve; with `server.health: strict` only while every
    provider is up, as the original router had it.
    """
    up = providers_up(gateway, now)
    healthy = sum(up.values())
    serving = any(up.get(name, False) for name in _default_providers(gateway))
    ready = all(up.values()) if gateway.settings.server.health == "strict" else serving
    overall = "healthy" if ready and healthy == len(up) else "degraded" if healthy else "unhealthy"
    body: JSON = {
        "overall": overall,
        "ready": ready,
        "providers": up,
        "healthy": healthy,
        "total": len(up),
        "timestamp": timestamp,
        "instances": {
            name: [{"name": row["name"], "state": row["state"]} for row in pool.snapshot(now)]
            for name, pool in gateway.registry.pools.items()
        },
    }
    return (200 if ready else 503), body


def _default_providers(gateway: Gateway) -> list[str]:
    for category in gateway.built.rules.categories:
        if category.name == "default" and category.route is not None:
            targets = [category.route.to, *category.route.fallbacks]
            return [target.provider for target in targets if isinstance(target, Target)]
    return list(gateway.built.providers)


def status_of(
    gateway: Gateway, counters: Counters, now: float, uptime_s: float, address: str, reload: Mapping[str, object]
) -> JSON:
    """Body of `/status`. Holds no secret: credentials never leave their specs."""
    built = gateway.built
    return {
        "server": {
            "name": "claude-code-router",
            "address": address,
            "drainSeconds": built.settings.server.drain_s,
        },
        "version": VERSION,
        "uptime": round(uptime_s, 3),
        "revision": gateway.revision,
        "providers": [_provider(gateway, name, now) for name in built.providers],
        "routing": {
            "rulesCount": len(built.rules.rules),
            "providersCount": len(built.providers),
            "defaultProvider": built.settings.routing.default_provider,
            "categories": [category.name for category in built.rules.categories],
            "forwardsCredentials": forwards_credentials(built.rules, built.providers),
        },
        "debug": {
            "enabled": built.settings.debug.enabled,
            "logLevel": built.settings.debug.log_level,
            "traceRequests": built.settings.debug.trace_requests,
            "saveRequests": built.settings.debug.saving is not None,
        },
        "counters": counters.plain(),
        "findings": [
            {"code": found.code, "severity": found.severity.value, "message": found.message, "line": found.span.line}
            for found in built.diagnostics
        ],
        "reload": dict(reload),
    }


def _provider(gateway: Gateway, name: str, now: float) -> JSON:
    spec = gateway.built.providers[name]
    pool = gateway.registry.pools[name]
    return {
        "name": name,
        "type": spec.type,
        "health": pool.health(now),
        "waiting": len(pool.queue),
        "strategy": spec.load_balancing.strategy,
        "models": [model.name for model in spec.models],
        "defaultModel": spec.default_model,
        "instances": list(pool.snapshot(now)),
    }


def models_of(
    gateway: Gateway,
    limit: int | None = None,
    after: str | None = None,
    before: str | None = None,
    allow: Allowance = EVERYTHING,
) -> JSON:
    """Body of `GET /v1/models`: what a client with that allowance may ask for by name, each as `provider,model`.

    A page holds the first `limit` after the id `after`, or the last ones before the id `before`; an id that is not
    offered ends the list. Source: the Anthropic API's list of models (Claude Code reads `id` and `display_name`) and the
    OpenAI API's; clients of the one pass over the members of the other.
    """
    rows: list[JSON] = []
    # what a client asks for by name is of no category
    if gateway.built.rules.explicit_models and allow.admits_category(None):
        for name, spec in gateway.built.providers.items():
            rows += [model_row(name, one.name) for one in spec.models if allow.admits_target(name, one.name)]
    ids = [row["id"] for row in rows]
    if after is not None:
        rows = rows[ids.index(after) + 1 :] if after in ids else []
    elif before is not None:
        rows = rows[: ids.index(before)] if before in ids else []
    page = rows[-limit:] if limit and after is None and before is not None else rows[:limit]
    return {
        "data": page,
        "has_more": len(rows) > len(page),
        "first_id": page[0]["id"] if page else None,
        "last_id": page[-1]["id"] if page else None,
        "object": "list",
    }


def model_row(provider: str, model: str) -> JSON:
    """One model as the Anthropic API lists it, and as the OpenAI API does; the date is not known, so it is the epoch."""
    return {
        "type": "model",
        "id": f"{provider},{model}",
        "display_name": f"{model} ({provider})",
        "created_at": "1970-01-01T00:00:00Z",
        "object": "model",
        "created": 0,
        "owned_by": provider,
    }


def findings_line(codes: Sequence[str]) -> str:
    """The codes of a configuration's findings with their counts, for one log line."""
    return ", ".join(f"{code} x{codes.count(code)}" if codes.count(code) > 1 else code for code in dict.fromkeys(codes))
