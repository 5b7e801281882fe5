"""What a decision leads to: pools and dialects as an explanation sees them. Nothing is sent and nothing changes."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from engine.gateway import model_of
from engine.overflow import overflow_of
from providers.balance import STRATEGIES
from providers.chat.written import as_written
from providers.dialects.seams import Ask, Lost, Unencodable
from providers.dialects.table import dialect_of
from providers.instances import Wish
from providers.registry import Registry
from providers.spec import ProviderSpec
from rules.nodes import Route, Target
from schemas.request import MessagesRequest


class Step(Struct, frozen=True):
    """One target of a plan. `instance` is None where chance decides among `candidates`."""

    provider: str
    model: str
    instance: str | None
    strategy: str
    candidates: tuple[str, ...]
    resting: int
    lost: tuple[Lost, ...]
    notes: tuple[str, ...] = ()


class Surroundings(Struct, frozen=True):
    """Providers, their pools, the moment by the pools' clock; offline the pools are fresh and the moment is 0."""

    providers: Mapping[str, ProviderSpec]
    registry: Registry
    now: float = 0.0

    def steps_of(
        self, route: Route, request: MessagesRequest, headers: Mapping[str, str], session: str | None
    ) -> tuple[Step, ...]:
        """What would be tried in order for this request: the decided target, then its fallbacks."""
        targets = (route.to, *route.fallbacks) if isinstance(route.to, Target) else ()
        return tuple(self._step(target, request, headers, session) for target in targets)

    def _step(self, target: Target, request: MessagesRequest, headers: Mapping[str, str], session: str | None) -> Step:
        spec = self.providers[target.provider]
        model = model_of(spec, target, request.model)
        pool = self.registry[target.provider]
        wish = Wish(model, session)
        pick = pool.would_pick(wish, self.now)
        strategy = spec.load_balancing.strategy
        awake = tuple(instance.name for instance in pool.open_to(wish) if instance.admits(model, self.now))
        chance = STRATEGIES[strategy].random and len(awake) > 1
        return Step(
            target.provider,
            model,
            None if chance or pick is None else pick.instance.name,
            strategy,
            awake,
            len(spec.instances) - len(awake),
            *_lost(spec, model, request, headers),
        )


def _lost(
    spec: ProviderSpec, model: str, request: MessagesRequest, headers: Mapping[str, str]
) -> tuple[tuple[Lost, ...], tuple[str, ...]]:
    """What translation loses, and what the dialect chose by itself."""
    counter = iter(range(1_000_000))
    ask = Ask(request, spec, model, spec.model(model), headers, lambda: f"explained{next(counter)}")
    try:
        listed = spec.model(model)
        if (overflow := overflow_of(request, listed.context_window if listed else None)) is not None:
            raise Unencodable(overflow)
        encoded = dialect_of(spec.type).encode(ask)
    except Unencodable as refusal:
        return (Lost("request", 1, f"cannot be sent: {refusal.error.message}"),), ()
    return as_written(request, encoded.lost), encoded.notes
