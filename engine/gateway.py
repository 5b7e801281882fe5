"""One configuration, ready to serve: an immutable snapshot that an exchange reads once and keeps.

What changes while it serves (health, counters, connections) lives in its pools and transports, which it only refers to.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct

from engine.access.door import Door
from engine.built import Built
from engine.settings import Settings
from engine.usage.prices import Prices
from providers.credentials import CredentialSource
from providers.dialects.seams import Dialect, Mending, PassThrough
from providers.dialects.table import COUNTING
from providers.plan import PlannedTarget
from providers.registry import Registry
from providers.spec import ModelSpec, ProviderSpec
from providers.upstream import Transport
from rules.facts import Facts
from rules.nodes import Decision, Route, Target

if TYPE_CHECKING:
    from engine.limits.limiter import Limiter


class Upstream(Struct, frozen=True):
    """A provider as the exchange uses it: its specification, its language with its options, its connections.

    `through` is what the language can do besides where it is the client's own; `mending` knows refusals that one repair
    cures.
    """

    spec: ProviderSpec
    dialect: Dialect
    options: object
    transport: Transport
    credentials: Mapping[str, CredentialSource]
    through: PassThrough | None = None
    mending: Mending | None = None

    def __repr__(self) -> str:
        """Its name: headers and other options may hold credentials."""
        return f"<upstream {self.spec.name}>"


class Gateway(Struct, frozen=True):
    """A built configuration with its pools. `decide` is the fast evaluator compiled for `built.rules`.

    `limiter` None: it has no limits.
    """

    built: Built
    registry: Registry
    upstreams: Mapping[str, Upstream]
    decide: Callable[[Facts], Decision]
    door: Door
    limiter: Limiter | None = None

    def __repr__(self) -> str:
        """Its revision: what it is made of may hold credentials."""
        return f"<gateway of {self.built!r}>"

    @property
    def revision(self) -> str:
        """Hash of the configuration."""
        return self.built.revision

    @property
    def settings(self) -> Settings:
        """What the configuration says of the router itself."""
        return self.built.settings

    @property
    def prices(self) -> Prices:
        """What tokens cost."""
        return self.built.prices

    def planned(self, route: Route, client_model: str) -> Sequence[PlannedTarget]:
        """The decided target and its fallbacks, with pools and upstream model names."""
        assert isinstance(route.to, Target)
        return [self._planned(target, client_model) for target in (route.to, *route.fallbacks)]

    def _planned(self, target: Target, client_model: str) -> PlannedTarget:
        spec = self.built.providers[target.provider]
        model = model_of(spec, target, client_model)
        listed = spec.model(model)
        return PlannedTarget(self.registry[target.provider], model, listed.context_window if listed else None)

    def counts(self, target: PlannedTarget) -> bool:
        """Whether the target's upstream counts the tokens of a request as the client asks for it."""
        return self.upstreams[target.pool.name].spec.type in COUNTING

    def model_spec(self, provider: str, model: str) -> ModelSpec | None:
        """What the configuration says of a model, if anything."""
        return self.built.providers[provider].model(model)


def model_of(spec: ProviderSpec, target: Target, client_model: str) -> str:
    """The upstream's model name: the target's, else the provider's default, else its first, else the client's own."""
    if target.model is not None:
        return target.model
    if spec.default_model is not None:
        return spec.default_model
    return spec.models[0].name if spec.models else client_model
