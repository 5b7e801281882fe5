"""What the analysis must know of providers: plain data, so that it depends on none of their code."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from msgspec import Struct

from rules.facts import Facts
from rules.nodes import Reject, Route, RuleSet, Target
from schemas.diagnostics import Span


class Model(Struct, frozen=True):
    """A model a provider offers. `capabilities` None: not said, so nothing is checked. Sizes are tokens."""

    name: str
    context_window: int | None = None
    capabilities: frozenset[str] | None = None


class Offered(Struct, frozen=True):
    """A provider. `models` empty: it lists none, and so offers every model. `span` is its name in the file."""

    models: tuple[Model, ...] = ()
    default_model: str | None = None
    span: Span | None = None

    def model(self, name: str) -> Model | None:
        """The listed model of that name."""
        return next((model for model in self.models if model.name == name), None)


Providers: TypeAlias = Mapping[str, Offered]

Place: TypeAlias = tuple[str, str | None]
"""A provider and the model that is sent to it, None where that is the client's own."""

RouteKey: TypeAlias = tuple[object, ...]
"""What makes two routes the same: where a request goes, in which order, or how it is refused."""


def place_of(target: Target, providers: Providers) -> Place:
    """Where a target leads, its model resolved as the server does."""
    offered = providers.get(target.provider)
    if target.model is not None or offered is None:
        return target.provider, target.model
    return target.provider, offered.default_model or (offered.models[0].name if offered.models else None)


def places_of(route: Route, providers: Providers) -> tuple[Place, ...]:
    """Every place a route may send a request to, in order; none for a refusal."""
    if isinstance(route.to, Reject):
        return ()
    return tuple(place_of(target, providers) for target in (route.to, *route.fallbacks))


def sent_to(route: Route, facts: Facts, providers: Providers) -> Place | None:
    """Where a request goes first, with the client's own model where no other is said; None for a refusal."""
    places = places_of(route, providers)
    if not places:
        return None
    provider, model = places[0]
    own = facts.get("model")
    return provider, own if model is None and isinstance(own, str) else model


def key_of_route(route: Route, providers: Providers) -> RouteKey:
    """What makes two routes the same."""
    if isinstance(route.to, Reject):
        return ("refused", route.to.status, route.to.message)
    return places_of(route, providers)


def explicit_choices(rules: RuleSet) -> list[tuple[str, str]]:
    """Targets that a client may choose, one for each model offered; of an open provider, one name that stands for all."""
    if not rules.explicit_models:
        return []
    return [
        (provider, model)
        for provider, models in rules.offers.items()
        for model in (sorted(models) if models is not None else [ANY_MODEL])
    ]


def is_offered(rules: RuleSet, choice: tuple[str, str]) -> bool:
    """Whether a client may choose a target explicitly."""
    provider, model = choice
    models = rules.offers.get(provider)
    return provider in rules.offers and (models is None or model in models)


ANY_MODEL = "any-model"
"""The name that stands for every model of a provider that lists none."""
