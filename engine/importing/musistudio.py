"""Configurations of musistudio/claude-code-router, versions 1 and 2, and of the original router's versions that look like them.

Providers[]  -> providers              Router.think -> rules.thinking       fallback.<scenario> -> fallbacks
Router       -> rules, customRules     "a,m;b,n"    -> a,m with fallbacks   transformer.use     -> settings
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from engine.importing import transformers
from engine.importing.draft import OPEN_HOST, Draft, ProviderDraft, TargetDraft
from engine.importing.models import chained, is_count, models_of, targets_of, without_blocked
from engine.importing.values import address_of, keys_of, take_port
from schemas.scalars import number_of

Members = Mapping[str, Any]

SCENARIOS = {
    "default": "default",
    "background": "background",
    "think": "thinking",
    "reasoning": "thinking",
    "longContext": "longcontext",
    "webSearch": "search",
}
"""Scenario -> category. Of two scenarios that are one category, the first in this order counts."""

IMAGES = ("image", "imageProcessing")

LEVELS = {"fatal": "error", "error": "error", "warn": "warn", "info": "info", "debug": "debug", "trace": "debug"}

REASONS = {
    "APIKEY": "keys of clients are not copied: `ccr keys add NAME` makes one for `server.apiKeys`",
    "API_TIMEOUT_MS": "it is the client's own setting: `export API_TIMEOUT_MS=...` where Claude Code runs",
    "PROXY_URL": "ccr obeys the environment: set HTTPS_PROXY (and NO_PROXY) where it runs",
    "LOG": "logs are always written",
    "CLAUDE_PATH": "set CLAUDE_PATH in the environment of `ccr code`",
    "NON_INTERACTIVE_MODE": "`ccr code` leaves the client's environment as it is",
    "CUSTOM_ROUTER_PATH": "a program that routes has no equivalent: write `routing.customRules`",
    "REWRITE_SYSTEM_PROMPT": "prompts are not changed",
    "forceUseImageAgent": "there is no image agent: requests with images go to a model that takes them",
    "transformers": "programs of your own have no equivalent: see the settings of type `openai`",
    "plugins": "plugins have no equivalent",
    "StatusLine": "the status line is the client's",
    "noServer": "it is for presets",
    "claudeCodeSettings": "it is for presets: see `ccr env`",
    "DEBUG": "see `debug.logLevel`",
    "MultiKeyConfig": "several keys of a provider became instances, one after the other in turn",
    "AuthConfig": "logins by OAuth have no equivalent: see `authentication`",
    "configuration": "see `timeouts` of a provider; retries need no setting",
    "Monitoring": "`/status` and the log tell",
    "hooks": "hooks have no equivalent",
}
"""Top-level key -> why it is not imported."""

_READ = frozenset(
    (
        "PORT", "HOST", "LOG_LEVEL", "Providers", "providers", "Router", "router", "fallback", "security", "server",
        "name", "description", "version", "OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_MODEL",
    )
)  # fmt: skip
_PROVIDER_READ = frozenset(
    (
        "name", "api_base_url", "baseURL", "api_key", "apiKey", "models", "transformer", "protocol", "maxTokens",
        "model_blacklist",
    )
)  # fmt: skip
_PROVIDER_REASONS = {
    "tokenizer": "tokens are estimated here, see `inputTokens`",
    "priority": "the order of targets is in the routes: see `fallbacks`",
    "serverCompatibility": "see the settings of type `openai`",
}


def is_musistudio(value: Members) -> bool:
    """Whether the file is of this form: providers in a list, or a `Router`."""
    return any(isinstance(value.get(key), list) for key in ("Providers", "providers")) or any(
        key in value for key in ("Router", "router", "OPENAI_BASE_URL")
    )


def read_musistudio(value: Members, served: frozenset[str], taken: frozenset[str]) -> Draft:
    """The draft. `served` are the provider types that this version serves, `taken` see `Draft`."""
    draft = Draft("musistudio/claude-code-router", taken)
    listed = value.get("Providers", value.get("providers"))
    for index, item in enumerate(listed if isinstance(listed, list) else []):
        place = f"Providers[{index}]"
        if isinstance(item, dict) and isinstance(item.get("name"), str) and item["name"].strip():
            _read_provider(item, place, served, draft)
        else:
            draft.note(place, "a provider without a name was left out")
    _read_single(value, draft)
    _read_routes(value, draft)
    _read_server(value, draft)
    draft.note_all(value, "", REASONS, _READ)
    return draft


def _read_provider(item: Members, place: str, served: frozenset[str], draft: Draft) -> None:
    name = item["name"].strip().replace(",", "-")
    if name in draft.providers:
        draft.note(place, f"a second provider named `{name}` was left out")
        return
    uses = list(_uses(item.get("transformer"), place, draft))
    unserved = next((one for one, _, _ in uses if one.lower() in transformers.UNSERVED), None)
    if unserved is not None:
        draft.note(place, f"`{name}` was left out: {transformers.UNSERVED[unserved.lower()]}")
        return
    address = address_of(item.get("api_base_url", item.get("baseURL")), f"{place}.api_base_url", draft)
    kind = _type_of([one for one, _, _ in uses], item.get("protocol"), address)
    if kind not in served:
        draft.note(place, f"`{name}` was left out: type `{kind}` is not served by this version")
        return
    provider = ProviderDraft(kind, address, "api_key" if kind in ("anthropic", "gemini") else "bearer")
    provider.keys = keys_of(item.get("api_key", item.get("apiKey")), name, draft)
    models = models_of(item.get("models"), f"{place}.models", draft, item.get("maxTokens"))
    provider.models = without_blocked(models, item.get("model_blacklist"))
    draft.providers[name] = provider
    for one, options, where in uses:
        transformers.apply(one, options, provider, where, draft)
    _apply_per_model(item.get("transformer"), provider, place, draft)
    draft.note_all(item, place, _PROVIDER_REASONS, _PROVIDER_READ)


def _uses(transformer: object, place: str, draft: Draft) -> Iterator[tuple[str, Members, str]]:
    """The transformers in a `use` list, with their options and places."""
    used = transformer.get("use") if isinstance(transformer, dict) else None
    if not isinstance(transformer, dict | None) or not isinstance(used, list | None):
        draft.note(f"{place}.transformer", "this is no list of transformers, so it was left out")
    for index, item in enumerate(used if isinstance(used, list) else []):
        where = f"{place}.transformer.use[{index}]"
        if isinstance(item, str):
            yield item, {}, where
        elif isinstance(item, list) and item and isinstance(item[0], str):
            yield item[0], item[1] if len(item) > 1 and isinstance(item[1], dict) else {}, where
        else:
            draft.note(where, "this is no transformer, so it was left out")


def _apply_per_model(transformer: object, provider: ProviderDraft, place: str, draft: Draft) -> None:
    """A model's own transformers: only a limit can be told of one model alone."""
    for model, own in transformer.items() if isinstance(transformer, dict) else ():
        if model == "use":
            continue
        for name, options, _ in _uses(own, place, draft):
            where = f"{place}.transformer.{model}"
            most = transformers.limit_of(name, options)
            if most is not None:
                provider.models.setdefault(model, {})["maxOutputTokens"] = most
            else:
                draft.note(where, f"`{name}` for one model alone has no equivalent: make it a provider of its own")


def _type_of(used: list[str], protocol: object, address: str | None) -> str:
    for name in used:
        if name.lower() in transformers.TYPES:
            return transformers.TYPES[name.lower()]
    if protocol in ("anthropic", "gemini"):
        return str(protocol)
    try:
        parts = urlsplit(address or "")
    except ValueError:
        return "openai"
    if parts.path.rstrip("/").endswith("/v1/messages") or parts.hostname == "api.anthropic.com":
        return "anthropic"
    if parts.hostname == "generativelanguage.googleapis.com" and "/openai" not in parts.path:
        return "gemini"
    return "openai"


def _read_single(value: Members, draft: Draft) -> None:
    """The one provider of the first versions: an address, a key and a model at the top."""
    address = address_of(value.get("OPENAI_BASE_URL"), "OPENAI_BASE_URL", draft)
    if address is None:
        for key in ("OPENAI_API_KEY", "OPENAI_MODEL"):
            if value.get(key):
                draft.note(key, "there is no OPENAI_BASE_URL, so it was left out")
        return
    name = "default" if "default" not in draft.providers else "default-openai"
    provider = draft.providers[name] = ProviderDraft("openai", address)
    provider.keys = keys_of(value.get("OPENAI_API_KEY"), name, draft)
    model = value.get("OPENAI_MODEL")
    if isinstance(model, str) and model:
        provider.models[model] = {}
        draft.rules["default"] = TargetDraft(name, model)
    draft.default_provider = name


def _read_routes(value: Members, draft: Draft) -> None:
    routes = value.get("Router", value.get("router"))
    routes = routes if isinstance(routes, dict) else {}
    fallbacks = value.get("fallback")
    last = value.get("security")
    for scenario, category in SCENARIOS.items():
        if scenario in routes and category in draft.rules and scenario != "default":
            draft.note(f"Router.{scenario}", f"`{category}` has a route already, so this one was left out")
        elif routes.get(scenario):
            targets = targets_of(routes[scenario], f"Router.{scenario}", draft)
            targets += _more(fallbacks, "fallback", scenario, draft) + _more(last, "security", scenario, draft)
            if (target := chained(targets)) is not None:
                draft.rules[category] = target
    _note_unused(fallbacks, "fallback", routes, draft)
    for scenario in IMAGES:
        if routes.get(scenario) and (target := chained(targets_of(routes[scenario], f"Router.{scenario}", draft))):
            draft.custom_rules.append({"name": "images", "condition": {"hasImages": True}, "target": target})
            break
    threshold: Any = routes.get("longContextThreshold")
    if is_count(number := number_of(threshold) if isinstance(threshold, str) else threshold):
        draft.long_context_threshold = number
    elif threshold is not None:
        draft.note("Router.longContextThreshold", "this is no number of tokens, so it was left out")
    known = {*SCENARIOS, *IMAGES, "longContextThreshold"}
    draft.note_all(
        routes, "Router", {"coding": "there is no such category: write `routing.categories`"}, frozenset(known)
    )
    if "default" in draft.rules:
        draft.default_provider = draft.rules["default"].provider
    draft.route_others()


def _more(lists: object, place: str, scenario: str, draft: Draft) -> list[TargetDraft]:
    """The further targets of a scenario: a list of routes, or routes with `;` between."""
    more = lists.get(scenario) if isinstance(lists, dict) else None
    routes = more if isinstance(more, list) else [more] if more else []
    return [target for route in routes for target in targets_of(route, f"{place}.{scenario}", draft)]


def _note_unused(lists: object, place: str, routes: Members, draft: Draft) -> None:
    """Notes the further targets of scenarios that have no first one."""
    if lists is not None and not isinstance(lists, dict):
        draft.note(place, "this is no mapping of scenarios, so it was left out")
    for scenario, more in lists.items() if isinstance(lists, dict) else ():
        if more and not (scenario in SCENARIOS and routes.get(scenario)):
            draft.note(
                f"{place}.{scenario}", f"there is no category with a route in `Router.{scenario}`, so it was left out"
            )


def _read_server(value: Members, draft: Draft) -> None:
    nested = value.get("server")
    server = nested if isinstance(nested, dict) else {}
    take_port(value.get("PORT", server.get("port")), "PORT", draft)
    host = value.get("HOST", server.get("host"))
    if host in ("127.0.0.1", "localhost", "::1"):
        draft.server["host"] = host
    elif host is not None:
        draft.note("HOST", OPEN_HOST)
    draft.note_all(server, "server", {}, frozenset(("port", "host")))
    level = value.get("LOG_LEVEL")
    if isinstance(level, str) and level.lower() in LEVELS:
        draft.debug["logLevel"] = LEVELS[level.lower()]
    elif level is not None:
        draft.note("LOG_LEVEL", "not a level")
