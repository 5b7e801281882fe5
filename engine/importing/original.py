"""Configurations of the original router (claude-code-router of zfy-github) and of its later versions.

routing.providers, providers   -> providers        routing.<category> {provider, model, backup[]}   -> rules
routing.rules.<category>       -> rules            routing.<category> {providers[], ...}            -> rules, heaviest first
customRules, either dialect    -> customRules      a list of keys, instances[]                      -> instances
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.importing.draft import CATEGORIES, OPEN_HOST, Draft, ProviderDraft, TargetDraft
from engine.importing.models import chained, is_count, models_of, target_of
from engine.importing.values import address_of, keys_of, take_port, text_of

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

REASONS = {
    "hooks": "hooks have no equivalent",
    "input": "the form of requests is known by their path",
    "output": "the form of replies is the client's",
    "health": "see `loadBalancing.healthCheck` of a provider",
    "loadBalancing": "requests are spread over the `instances` of one provider",
    "security": "see `server.apiKeys` (`ccr keys add NAME` makes one), `server.access` and `server.limits`",
    "monitoring": "`/status` and the log tell",
    "testing": "see `tests`",
    "concurrency": "see `concurrency` of a provider",
    "debug.hooks": "programs in a configuration are not run",
}
"""Key -> why it is not imported."""

_READ = frozenset(("server", "routing", "providers", "customRules", "debug", "name", "description", "version"))
_ROUTING_REASONS = {"strategy": "there is one way: rules, then categories"}
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
_TARGET_READ = frozenset(("provider", "model", "backup", "fallback", "providers", "weight"))
_TARGET_REASONS = {
    "priority": "categories are tried in a fixed order",
    "reason": "a remark",
    "failover": "failover needs no setting: see `fallbacks`",
    "loadBalancing": "providers of one category are tried in order; spreading is over `instances`",
}
_LEVELS = ("error", "warn", "info", "debug")
_OPERATORS = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<=", "eq": "=="}
_SUGAR = ("modelContains", "hasTools", "messageLength", "messageCount", "contentKeywords")


def is_original(value: Members) -> bool:
    """Whether the file is of this form: a `routing` section, or providers by name."""
    return isinstance(value.get("routing"), dict) or isinstance(value.get("providers"), dict)


def read_original(value: Members, served: frozenset[str], taken: frozenset[str]) -> Draft:
    """The draft. `served` are the provider types that this version serves, `taken` see `Draft`."""
    draft = Draft("the original router", taken)
    routing = value.get("routing")
    routing = routing if isinstance(routing, dict) else {}
    for place, listed in (("providers", value.get("providers")), ("routing.providers", routing.get("providers"))):
        for name, item in listed.items() if isinstance(listed, dict) else ():
            _read_provider(name, item, f"{place}.{name}", served, draft)
    _read_categories(routing, draft)
    for place, rules in (
        ("routing.customRules", routing.get("customRules")),
        ("customRules", value.get("customRules")),
    ):
        for index, rule in enumerate(rules if isinstance(rules, list) else []):
            _read_rule(rule, f"{place}[{index}]", draft)
    _read_default(routing, draft)
    _read_server(value, draft)
    draft.note_all(value, "", REASONS, _READ)
    return draft


def _read_provider(name: str, item: object, place: str, served: frozenset[str], draft: Draft) -> None:
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


def _read_categories(routing: Members, draft: Draft) -> None:
    """`routing.rules.<category>` of the first version and `routing.<category>` of the later ones; the later ones win."""
    rules = routing.get("rules")
    for name, route in rules.items() if isinstance(rules, dict) else ():
        _read_category(name, route, f"routing.rules.{name}", draft)
    if isinstance(rules, list):
        draft.note("routing.rules", "a list of rules was never read by that router; write `routing.customRules`")
    for name in CATEGORIES:
        if name in routing:
            _read_category(name, routing[name], f"routing.{name}", draft)
    if "default" in routing:
        draft.route_others()
    known = {"rules", "providers", "customRules", "defaultProvider", *CATEGORIES}
    draft.note_all(routing, "routing", _ROUTING_REASONS, frozenset(known))


def _read_category(name: str, route: object, place: str, draft: Draft) -> None:
    if not isinstance(route, dict):
        draft.note(place, "this is no target, so it was left out")
        return
    if name not in CATEGORIES:
        draft.note(place, "no request was ever of this category; write a rule, or a category of your own")
        return
    listed = route.get("providers")
    pool = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    pool.sort(key=lambda one: -one["weight"] if isinstance(one.get("weight"), int | float) else 0)
    if len(pool) > 1:
        draft.note(
            f"{place}.providers", "requests are not spread over providers: they are tried in order, the heaviest first"
        )
    members = [route] if "provider" in route else []
    members += pool
    for key in ("backup", "fallback"):
        more = route.get(key)
        members += [one for one in (more if isinstance(more, list) else [more]) if isinstance(one, dict)]
    targets = [target_of(one.get("provider"), one.get("model"), place, draft) for one in members]
    target = chained([one for one in targets if one is not None])
    if target is not None:
        draft.rules[name] = target
    draft.note_all(route, place, _TARGET_REASONS, _TARGET_READ)


def _read_rule(rule: object, place: str, draft: Draft) -> None:
    if not isinstance(rule, dict):
        draft.note(place, "this is no rule, so it was left out")
        return
    target = _rule_target(rule, place, draft)
    condition = _condition_of(rule.get("condition"), place, draft)
    if target is None or condition is None:
        draft.note(place, "the rule was left out")
        return
    if "category" in rule or "priority" in rule:
        draft.note(
            place, "`category` and `priority` mean nothing here: the order of rules counts, whatever the category"
        )
    used = {"explicit", *CATEGORIES, *(one.get("name") for one in draft.custom_rules)}
    named = isinstance(rule.get("name"), str) and rule["name"] and rule["name"] not in used
    made: dict[str, Any] = {"name": rule["name"]} if named else {}
    draft.custom_rules.append({**made, "condition": condition, "target": target})


def _rule_target(rule: Members, place: str, draft: Draft) -> TargetDraft | None:
    written = rule.get("target")
    members = written if isinstance(written, dict) else {"provider": rule.get("provider"), "model": rule.get("model")}
    return target_of(members.get("provider"), members.get("model"), f"{place}.target", draft)


def _condition_of(written: object, place: str, draft: Draft) -> dict[str, Any] | None:
    """The condition in our language; None where some of it has no equivalent, since half a condition is another one."""
    if not isinstance(written, dict) or not written:
        draft.note(
            f"{place}.condition", "a condition that is a text, or none, has no equivalent: see `contentKeywords`"
        )
        return None
    condition: dict[str, Any] = {}
    for key, value in written.items():
        count = value if isinstance(value, dict) else {}
        if key == "model" and isinstance(value, str):
            condition["model"] = {"contains": value}
        elif key == "messageCount" and isinstance(count.get("value"), int):
            condition[key] = f"{_OPERATORS.get(str(count.get('operator', 'eq')), '==')} {count['value']}"
        elif key in _SUGAR:
            condition[key] = value
        else:
            draft.note(f"{place}.condition.{key}", "not known to this import")
            return None
    return condition


def _read_default(routing: Members, draft: Draft) -> None:
    written = routing.get("defaultProvider")
    if isinstance(written, str) and written in draft.providers:
        draft.default_provider = written
    elif isinstance(written, str):
        draft.note("routing.defaultProvider", f"it names the provider `{written}`, which is not there")
    if draft.default_provider is None and "default" in draft.rules:
        draft.default_provider = draft.rules["default"].provider


def _read_server(value: Members, draft: Draft) -> None:
    written = value.get("server")
    server = written if isinstance(written, dict) else {}
    take_port(server.get("port"), "server.port", draft)
    host = server.get("host")
    if host in ("127.0.0.1", "localhost", "::1"):
        draft.server["host"] = host
    elif host is not None:
        draft.note("server.host", OPEN_HOST)
    draft.note_all(server, "server", {"name": "a remark"}, frozenset(("port", "host")))
    found = value.get("debug")
    debug = found if isinstance(found, dict) else {}
    for key in ("enabled", "traceRequests", "saveRequests"):
        if isinstance(debug.get(key), bool):
            draft.debug[key] = debug[key]
        elif debug.get(key) is not None:
            draft.note(f"debug.{key}", "this is neither true nor false")
    if debug.get("logLevel") in _LEVELS:
        draft.debug["logLevel"] = debug["logLevel"]
    elif debug.get("logLevel") is not None:
        draft.note("debug.logLevel", f"it is none of {', '.join(_LEVELS)}")
    if isinstance(debug.get("logDir"), str):
        draft.debug["logDir"] = text_of(debug["logDir"])
    elif debug.get("logDir") is not None:
        draft.note("debug.logDir", "this is no path")
    known = ("enabled", "traceRequests", "saveRequests", "logLevel", "logDir")
    draft.note_all(debug, "debug", {"hooks": REASONS["debug.hooks"]}, frozenset(known))
