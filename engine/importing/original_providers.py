"""Providers of the original router: their types, keys, models, instances and strategies, in its words and in ours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.importing.draft import CATEGORIES, Draft, ProviderDraft
from engine.importing.models import is_count, models_of
from engine.importing.values import address_of, keys_of, text_of

Members = Mapping[str, Any]

TYPES = {
    "openai": "openai",
    "shuaihong": "openai",
    "lmstudio": "openai",
    "codewhisperer": "codewhisperer",
    "anthropic": "anthropic",
    "gemini": "gemini",
}
"""Their type -> ours."""

ENDPOINTS = {"codewhisperer": "https://codewhisperer.us-east-1.amazonaws.com"}
"""Type -> the address that router asks where none is written."""

PREFIXES = {"https://generativelanguage.googleapis.com": "/v1beta"}
"""Address -> the path that router adds to it by itself."""

STRATEGIES = {
    "round-robin": "round-robin",
    "round_robin": "round-robin",
    "weighted": "weighted",
    "weighted_round_robin": "weighted",
    "random": "random",
    "weighted_random": "weighted",
    "least_connections": "least-busy",
    "least_response_time": "least-latency",
    "priority_failover": "priority",
    "hash": "sticky",
    "health_based": "round-robin",
    "health_based_with_blacklist": "round-robin",
    "rate_limit_aware": "round-robin",
    "least_used": "least-busy",
}
"""Their strategy -> ours; every strategy here passes over what is known to be down."""

_PROVIDER_READ = frozenset(
    (
        "type",
        "name",
        "endpoint",
        "authentication",
        "settings",
        "instances",
        "loadBalancing",
        "keyRotation",
        "models",
        "defaultModel",
        "maxTokens",
    )
)
_PROVIDER_REASONS = {
    "healthCheck": "see `loadBalancing.healthCheck`",
    "tokenRotation": "tokens become instances",
    "timeouts": "see `timeouts` of a provider",
}
_SETTINGS_READ = frozenset(("models", "defaultModel", "categoryMappings", "connectionPool", "profileArn", "timeoutMs"))
_SETTINGS_REASONS = {
    "maxConcurrentRequests": "see `concurrency` of the provider",
    "retryAttempts": "retries need no setting",
    "transformer": "the translation is chosen by `type`",
}


def read_provider(name: str, item: object, place: str, served: frozenset[str], draft: Draft) -> None:
    """Puts the provider into the draft, and notes what of it has no equivalent; `served` see `read_original`."""
    if not isinstance(item, dict):
        draft.note(place, "this is no provider, so it was left out")
        return
    kind = TYPES.get(str(item.get("type", "")).lower())
    if kind not in served or name in draft.providers:
        why = (
            "a provider of that name is there already"
            if name in draft.providers
            else "its type is not served by this version"
        )
        draft.note(place, f"`{name}` was left out: {why}")
        return
    address = address_of(item.get("endpoint"), f"{place}.endpoint", draft)
    if address is not None and address.rstrip("/") in PREFIXES:
        address = address.rstrip("/") + PREFIXES[address.rstrip("/")]
    if address is None and not item.get("instances"):
        address = ENDPOINTS.get(kind)
    provider = ProviderDraft(kind, address)
    _authenticate(name, item.get("authentication"), provider, place, draft)
    written = item.get("settings")
    beside = {key: item[key] for key in ("models", "defaultModel") if key in item}
    settings = beside | (written if isinstance(written, dict) else {})
    most = item.get("maxTokens")
    provider.models = models_of(settings.get("models"), f"{place}.settings.models", draft, most)
    for model, limit in most.items() if isinstance(most, dict) else ():
        if is_count(limit):
            provider.models.setdefault(model, {}).setdefault("maxOutputTokens", limit)
        else:
            draft.note(f"{place}.maxTokens.{model}", "this is no number of tokens, so it was left out")
    _read_settings(settings, provider, f"{place}.settings", draft)
    _read_instances(name, item, provider, place, draft)
    draft.note_all(item, place, _PROVIDER_REASONS, _PROVIDER_READ)
    draft.providers[name] = provider


def _authenticate(name: str, written: object, provider: ProviderDraft, place: str, draft: Draft) -> None:
    found = written if isinstance(written, dict) else {}
    inner = found.get("credentials")
    credentials = {**found, **(inner if isinstance(inner, dict) else {})}
    if provider.type in ("anthropic", "gemini"):
        provider.auth_type = "bearer" if found.get("type") == "bearer" else "api_key"
    given = next((credentials[key] for key in ("apiKey", "api_key", "token") if credentials.get(key)), None)
    provider.keys = keys_of(given, name, draft)
    if isinstance(credentials.get("tokenPath"), str):
        provider.token_path = text_of(credentials["tokenPath"])
    arn = credentials.get("profileArn")
    if isinstance(arn, str) and provider.type == "codewhisperer":
        provider.settings["profileArn"] = text_of(arn)
    known = ("type", "credentials", "apiKey", "api_key", "token", "tokenPath", "profileArn")
    draft.note_all(credentials, f"{place}.authentication", {}, frozenset(known))


def _read_settings(settings: Members, provider: ProviderDraft, place: str, draft: Draft) -> None:
    default = settings.get("defaultModel")
    if isinstance(default, str) and default:
        provider.settings["defaultModel"] = default
        provider.models.setdefault(default, {})
    mappings = settings.get("categoryMappings")
    if isinstance(mappings, dict):
        kept = {key: value for key, value in mappings.items() if key in CATEGORIES and isinstance(value, bool)}
        for key in mappings.keys() - kept.keys():
            draft.note(f"{place}.categoryMappings.{key}", "there is no such category here")
        if kept:
            provider.settings["categoryMappings"] = kept
    pool = settings.get("connectionPool")
    if isinstance(pool, dict):
        known = {key: pool[key] for key in ("maxConnections", "timeout") if is_count(pool.get(key))}
        if isinstance(pool.get("keepAlive"), bool):
            known["keepAlive"] = pool["keepAlive"]
        if known:
            provider.settings["connectionPool"] = known
        odd = dict.fromkeys(("maxConnections", "timeout", "keepAlive"), "this is no value for it, so it was left out")
        draft.note_all(pool, f"{place}.connectionPool", odd, frozenset(known))
    if isinstance(settings.get("profileArn"), str) and provider.type == "codewhisperer":
        provider.settings["profileArn"] = text_of(settings["profileArn"])
    wait = settings.get("timeoutMs")
    if isinstance(wait, int) and not isinstance(wait, bool) and wait > 0:
        provider.timeouts["firstByte"] = wait
    draft.note_all(settings, place, _SETTINGS_REASONS, _SETTINGS_READ)


def _read_instances(name: str, item: Members, provider: ProviderDraft, place: str, draft: Draft) -> None:
    """Instances of their own, or one for each of several keys."""
    listed = item.get("instances")
    for index, one in enumerate(listed if isinstance(listed, list) else []):
        if not isinstance(one, dict):
            draft.note(f"{place}.instances[{index}]", "this is no instance, so it was left out")
            continue
        own = ProviderDraft(
            provider.type, address_of(one.get("endpoint"), f"{place}.instances[{index}].endpoint", draft)
        )
        _authenticate(name, one.get("authentication"), own, f"{place}.instances[{index}]", draft)
        instance: dict[str, Any] = {"endpoint": own.endpoint} if own.endpoint else {}
        if own.keys or own.token_path:
            instance["authentication"] = {"tokenPath": own.token_path} if own.token_path else {"apiKey": own.keys[0]}
        if len(own.keys) > 1:
            draft.note(
                f"{place}.instances[{index}]",
                "it has several keys, of which the first counts: make an instance for each",
            )
        if isinstance(one.get("weight"), int) and one["weight"] >= 0:
            instance["weight"] = one["weight"]
        draft.note_all(one, f"{place}.instances[{index}]", {}, frozenset(("endpoint", "authentication", "weight")))
        provider.instances.append(instance)
    _balance(item.get("loadBalancing"), provider, f"{place}.loadBalancing", draft)
    _balance(item.get("keyRotation"), provider, f"{place}.keyRotation", draft)


def _balance(written: object, provider: ProviderDraft, place: str, draft: Draft) -> None:
    balancing = written if isinstance(written, dict) else {}
    strategy, check = balancing.get("strategy"), balancing.get("healthCheck")
    if isinstance(strategy, str):
        provider.strategy = STRATEGIES.get(strategy.lower())
        if provider.strategy is None:
            draft.note(f"{place}.strategy", f"there is no strategy `{strategy}`; it is round-robin")
    if isinstance(check, bool):
        provider.health_check = check
    elif isinstance(check, dict):
        made = {key: check[key] for key in ("interval", "timeout") if is_count(check.get(key)) and check[key] >= 100}
        provider.health_check = {"enabled": check.get("enabled") is not False, **made}
        odd = dict.fromkeys(
            ("interval", "timeout"), "this is no number of milliseconds from 100 on, so it was left out"
        )
        draft.note_all(check, f"{place}.healthCheck", odd, frozenset(("enabled", *made)))
    cooling = dict.fromkeys(balancing, "retries and rests after failures need no setting")
    draft.note_all(balancing, place, cooling, frozenset(("strategy", "healthCheck", "enabled")))
