"""Names that must exist: providers, models, categories; and those that exist in vain."""

from __future__ import annotations

from collections.abc import Iterator

from engine.configuration.checks.scope import Named, RoutePlace, Scope, TargetPlace
from providers.spec import ProviderSpec
from schemas.codes import finding
from schemas.cuts import Cuts
from schemas.diagnostics import Diagnostic, Fix, Label, Severity
from schemas.document import Mapping, Node, Scalar, Sequence, node_at
from schemas.edits import renaming_whole
from schemas.substitute import is_unresolved
from schemas.suggest import Names, did_you_mean, nearest, only_nearest
from schemas.wording import listed, quoted


def references(scope: Scope) -> Iterator[Diagnostic]:
    """401, 402, 403, 404, 405, 407 and 108."""
    yield from _twice(scope)
    yield from _default_provider(scope)
    yield from _categories(scope)
    cuts = Cuts(scope.texts)
    open_ended = any(not spec.models for spec in scope.providers.values())
    for route in scope.routes():
        for target in (route.target, *route.fallbacks):
            yield from _target(scope, target, open_ended)
        yield from _fallbacks(scope, route, cuts)
        if route.target.category == "search":
            yield from _searching(scope, route)
    yield from _default_models(scope)
    yield from _unused_providers(scope)
    yield from _unserved(scope)


def _twice(scope: Scope) -> Iterator[Diagnostic]:
    nested = {entry.key.value: entry for entry in scope.mapping("routing.providers")}
    for entry in scope.mapping("providers"):
        first = nested.get(entry.key.value)
        if first is not None:
            yield finding(
                "CCR108",
                f"provider {quoted(str(entry.key.value))} is defined twice",
                entry.key.span,
                help="keep it in one place, here or under `routing`",
                labels=(Label(first.key.span, "defined here too"),),
            )


def _default_provider(scope: Scope) -> Iterator[Diagnostic]:
    node = scope.at("routing.defaultProvider")
    if not isinstance(node, Scalar) or not isinstance(node.value, str) or not node.value or is_unresolved(node):
        return
    if scope.provider_entry(node.value) is None:
        yield _unknown_provider(scope, "`routing.defaultProvider`", Named(node.value, node.span, node))


def _unknown_provider(scope: Scope, owner: str, named: Named) -> Diagnostic:
    known = scope.provider_names()
    return finding(
        "CCR401",
        f"{owner} names provider {quoted(named.name)}, which does not exist",
        named.span,
        help=did_you_mean(named.name, known) if known else "no provider is configured",
        fix=named.renaming(known),
    )


def _categories(scope: Scope) -> Iterator[Diagnostic]:
    known = scope.categories()
    keys = [(entry.key, "`routing.rules`") for entry in scope.mapping("routing.rules")]
    for entry in scope.provider_entries():
        listing = node_at(entry.value, ["settings", "categoryMappings"])
        if isinstance(listing, Mapping):
            keys += [(one.key, f"`categoryMappings` of {quoted(str(entry.key.value))}") for one in listing]
    for key, where in keys:
        name = str(key.value)
        if name not in known:
            message = f"{where} names category {quoted(name)}, which does not exist"
            near = _RENAMED.get(name.casefold()) or only_nearest(name, known)
            help_text = _category_help(name, known)
            yield finding(
                "CCR401", message, key.span, help=help_text, fix=renaming_whole(key, [near]) if near else None
            )


def _category_help(name: str, known: Names) -> str:
    near = _RENAMED.get(name.casefold()) or nearest(name, known)
    return f"did you mean {quoted(near)}?" if near else "a category of your own is defined under `routing.categories`"


_RENAMED = {"think": "thinking", "reasoning": "thinking", "websearch": "search", "long-context": "longcontext"}


def _target(scope: Scope, target: TargetPlace, open_ended: bool) -> Iterator[Diagnostic]:
    name = target.provider.name
    if scope.provider_entry(name) is None:
        yield _unknown_provider(scope, target.owner, target.provider)
        return
    spec = scope.providers.get(name)
    if spec is None or target.model is None or not spec.models or target.model.name in scope.models(spec):
        return
    model = target.model
    others = scope.offering(model.name)
    labels = _models_label(scope, spec)
    offered = scope.models(spec)
    near = did_you_mean(model.name, offered)
    if others or open_ended:
        offering = f"{_some(others)} {'offer' if len(others) > 1 else 'offers'} it" if others else near
        yield finding(
            "CCR402",
            f"{target.owner} asks {quoted(name)} for {quoted(model.name)}, which it does not offer",
            model.span,
            help=offering,
            labels=labels,
            fix=None if others else model.renaming(offered),
        )
    else:
        yield finding(
            "CCR401",
            f"{target.owner} asks {quoted(name)} for model {quoted(model.name)}, which no provider offers",
            model.span,
            help=near,
            labels=labels,
            fix=model.renaming(offered),
        )


def _some(names: list[str]) -> str:
    """The names, of very many the first ones."""
    if len(names) <= _NAMED:
        return listed(names, "and")
    return f"{', '.join(map(quoted, names[:_NAMED]))} and {len(names) - _NAMED} more"


_NAMED = 8


def _models_label(scope: Scope, spec: ProviderSpec) -> tuple[Label, ...]:
    entry = scope.provider_entry(spec.name)
    settings = entry.value.get("settings") if entry and isinstance(entry.value, Mapping) else None
    models = settings.entry("models") if isinstance(settings, Mapping) else None
    if models is None:
        return ()
    count = len(spec.models)
    return (
        Label(
            models.key.span,
            f"the {count} models of {quoted(spec.name)}"
            if count > 1
            else f"its only model is {quoted(spec.models[0].name)}",
        ),
    )


def _default_models(scope: Scope) -> Iterator[Diagnostic]:
    for entry in scope.provider_entries():
        spec = scope.providers.get(str(entry.key.value))
        node = node_at(entry.value, ["settings", "defaultModel"])
        if spec is None or not spec.models or not isinstance(node, Scalar) or is_unresolved(node):
            continue
        if isinstance(node.value, str) and node.value and node.value not in scope.models(spec):
            yield finding(
                "CCR402",
                f"`defaultModel` of {quoted(spec.name)} is {quoted(node.value)}, which it does not offer",
                node.span,
                help=did_you_mean(node.value, scope.models(spec)),
                fix=renaming_whole(node, scope.models(spec)),
                labels=_models_label(scope, spec),
            )


def _fallbacks(scope: Scope, route: RoutePlace, cuts: Cuts) -> Iterator[Diagnostic]:
    seen = {_meant(scope, route.target): route.target}
    for fallback in route.fallbacks:
        first = seen.setdefault(_meant(scope, fallback), fallback)
        if first is not fallback:
            yield finding(
                "CCR405",
                f"{fallback.owner} repeats {'the target' if first is route.target else 'another fallback'}",
                fallback.span,
                help="a target is tried once; remove it",
                labels=(Label(first.span, "the same target"),),
                fix=_removal(cuts, fallback),
            )
    others = {fallback.provider.name for fallback in route.fallbacks}
    if others == {route.target.provider.name} and len(seen) > 1:
        yield finding(
            "CCR405",
            f"every fallback of {route.target.owner} is at the provider of the target, {quoted(route.target.provider.name)}",
            route.fallbacks[0].span,
            help="they fail together with it; add a target of another provider",
            severity=Severity.WARNING,
        )


def _removal(cuts: Cuts, target: TargetPlace) -> Fix | None:
    edit = cuts.cut(*target.item) if target.item else None
    return None if edit is None else Fix(safe=True, edits=(edit,))


def _meant(scope: Scope, target: TargetPlace) -> tuple[str, str | None]:
    """Provider and effective model: two targets with the same are one."""
    if target.model is not None:
        return target.provider.name, target.model.name
    spec = scope.providers.get(target.provider.name)
    if spec is None:
        return target.provider.name, None
    return spec.name, spec.default_model or (spec.models[0].name if spec.models else None)


# types whose upstream searches by itself whatever the configuration says of the model
_SEARCHING_TYPES = ("anthropic", "bedrock", "gemini", "openai-responses", "static")


def _searching(scope: Scope, route: RoutePlace) -> Iterator[Diagnostic]:
    for target in (route.target, *route.fallbacks):
        spec = scope.providers.get(target.provider.name)
        if spec is None or spec.type in _SEARCHING_TYPES:
            continue
        name = _meant(scope, target)[1]
        model = spec.model(name) if name else None
        if name is None or (spec.models and model is None):
            continue
        if model is None or "webSearch" not in (model.capabilities or ()):
            goes = "goes to" if target is route.target else "may go to its fallback"
            yield finding(
                "CCR403",
                f"category `search` {goes} {quoted(name)}, which does not list the capability `webSearch`",
                (target.model or target.provider).span,
                help=f"the web search is left out of requests; if the model can search, write `{{name: {name}, capabilities: [..., webSearch]}}`",
            )


def _unused_providers(scope: Scope) -> Iterator[Diagnostic]:
    used = {target.provider.name for route in scope.routes() for target in (route.target, *route.fallbacks)}
    default = scope.at("routing.defaultProvider")
    used.add(str(default.value) if isinstance(default, Scalar) else "")
    routed = {str(entry.key.value) for entry in scope.mapping("routing.rules")}
    winners: dict[str, str] = {}
    for spec in scope.providers.values():
        for category, serves in spec.category_mappings.items():
            if serves:
                winners.setdefault(category, spec.name)
    for category in scope.categories():
        winner = winners.get(category)
        if category not in routed and winner:
            used.add(winner)
    used.update(name for fact in _facts_named(scope.root) for name in _names_in(fact) if name in scope.providers)
    switch = scope.at("routing.explicitModels")
    explicit = not (isinstance(switch, Scalar) and switch.value is False)
    if not used - {""} and not routed:
        return
    for entry in scope.provider_entries():
        name = str(entry.key.value)
        if name in used:
            continue
        yield finding(
            "CCR404",
            f"no rule or category leads to provider {quoted(name)}",
            entry.key.span,
            help="only a client that asks for it by name (`provider,model`) reaches it"
            if explicit
            else "use it in a target, or remove it",
            severity=Severity.INFO if explicit else Severity.WARNING,
        )


def _facts_named(node: Node) -> Iterator[str]:
    """Every key and text that may name a fact of a provider."""
    if isinstance(node, Mapping):
        for entry in node:
            if str(entry.key.value).startswith("provider."):
                yield str(entry.key.value)
            yield from _facts_named(entry.value)
    elif isinstance(node, Sequence):
        for item in node:
            yield from _facts_named(item)
    elif isinstance(node.value, str) and "provider." in node.value:
        yield from (word[word.index("provider.") :] for word in node.value.split() if "provider." in word)


def _names_in(fact: str) -> Iterator[str]:
    """What may be the provider's name in `provider.<name>.<what>`; it may hold dots."""
    steps = fact.split(".")
    return (".".join(steps[1:end]) for end in range(2, min(len(steps), _MOST_STEPS)))


_MOST_STEPS = 100


def _unserved(scope: Scope) -> Iterator[Diagnostic]:
    """Only `default` matters: every request that nothing else takes ends there."""
    routed = scope.mapping("routing.rules").entry("default") is not None
    mapped = any(spec.category_mappings.get("default") for spec in scope.providers.values())
    if routed or mapped or scope.at("routing.defaultProvider") is not None:
        return
    routing = scope.root.entry("routing")
    span = routing.key.span if routing else scope.root.entries[0].key.span if scope.root.entries else scope.root.span
    yield finding(
        "CCR407",
        "no target for category `default`: requests that nothing else takes are refused",
        span,
        help="set `routing.defaultProvider` or `routing.rules.default`",
    )
