"""What a configuration consists of, in a few lines: providers with their final addresses, rules, category -> target."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from engine.built import Built
from providers.endpoint import endpoint_shown, url_of
from providers.spec import ProviderSpec
from rules.nodes import Reject, Route, Target
from schemas.wording import counted, visible

# the path a type's dialect appends where the endpoint lacks it
_PATHS = {"openai": "/chat/completions", "anthropic": "/v1/messages", "openai-responses": "/responses"}


def census(file: str, built: Built) -> str:
    """The census of one configuration, without a line break at the end."""
    models = sum(len(spec.models) for spec in built.providers.values())
    head = (
        f"{visible(file)}: {counted(len(built.rules.rules), 'rule')}, {counted(len(built.providers), 'provider')}, "
        f"{counted(models, 'model')}, revision {built.revision}"
    )
    blocks = [
        ("providers", [_provider(spec) for spec in built.providers.values()]),
        (
            "rules",
            [
                (rule.name + ("" if rule.enabled else " (off)"), _route(rule.route, built.providers))
                for rule in built.rules.rules
            ],
        ),
        ("categories", [(one.name, _route(one.route, built.providers)) for one in built.rules.categories]),
    ]
    return "\n".join([head, *(line for title, rows in blocks if rows for line in _table(title, rows))])


def _provider(spec: ProviderSpec) -> tuple[str, str]:
    where = ", ".join(dict.fromkeys(_address(spec, one.endpoint) for one in spec.instances if one.endpoint))
    models = ", ".join(model.name for model in spec.models) or "any model"
    return spec.name, f"{spec.type}{' at ' if where else ''}{where}: {models}"


def _address(spec: ProviderSpec, endpoint: str) -> str:
    if "${" in endpoint:
        return endpoint
    try:
        return endpoint_shown(url_of(endpoint, _PATHS.get(spec.type, "")))
    except ValueError:
        return "an endpoint that is no URL"


def _route(route: Route | None, providers: Mapping[str, ProviderSpec]) -> str:
    if route is None:
        return "refused: nothing serves it"
    if isinstance(route.to, Reject):
        return f"refused with {route.to.status}"
    return ", then ".join(_target(one, providers) for one in (route.to, *route.fallbacks))


def _target(target: Target, providers: Mapping[str, ProviderSpec]) -> str:
    spec = providers.get(target.provider)
    usual = (spec.default_model or (spec.models[0].name if spec.models else None)) if spec else None
    return f"{target.provider},{target.model or usual or '(the model asked for)'}"


def _table(title: str, rows: Iterable[tuple[str, str]]) -> list[str]:
    rows = [(visible(name), visible(what)) for name, what in rows]
    width = max(len(name) for name, _ in rows)
    return [f"  {title}", *(f"    {name.ljust(width)}  -> {what}" for name, what in rows)]
