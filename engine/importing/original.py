"""Configurations of the original router (claude-code-router of zfy-github) and of its later versions.

routing.providers, providers   -> providers        routing.<category> {provider, model, backup[]}   -> rules
routing.rules.<category>       -> rules            routing.<category> {providers[], ...}            -> rules, heaviest first
customRules, either dialect    -> customRules      a list of keys, instances[]                      -> instances
"""

from __future__ import annotations

from typing import Any

from engine.importing.draft import CATEGORIES, OPEN_HOST, Draft, TargetDraft
from engine.importing.models import chained, target_of
from engine.importing.original_providers import Members, read_provider
from engine.importing.values import take_port, text_of

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
            read_provider(name, item, f"{place}.{name}", served, draft)
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
