"""All pools of a configuration, by provider name, and what they share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from msgspec import Struct, field

from providers.hearsay import forget, hear
from providers.pool import Pool
from providers.retry_budget import RetryBudget
from providers.shared_state import Alone, Circuited, Loaded, News, SharedState, Spent, shared_key
from providers.spec import ProviderSpec


class Registry(Struct):
    """Provider name -> pool, in file order, with the retry budget of the process, and whom to tell what changes."""

    pools: Mapping[str, Pool]
    retries: RetryBudget = field(default_factory=RetryBudget)
    state: SharedState = field(default_factory=Alone)

    def __getitem__(self, provider: str) -> Pool:
        return self.pools[provider]

    def __contains__(self, provider: str) -> bool:
        return provider in self.pools

    def __iter__(self) -> Iterator[Pool]:
        return iter(self.pools.values())

    def adopt(self, old: Registry) -> None:
        """Carry over what is known of unchanged instances, and the retry budget. Call it where requests are served."""
        self.retries = old.retries
        self.share(old.state)
        for name, pool in self.pools.items():
            if name in old.pools:
                pool.adopt(old.pools[name])

    def share(self, state: SharedState) -> None:
        """Tells other routers from now on."""
        self.state = state
        for pool in self:
            pool.state = state

    def hear(self, teller: str, news: News, now: float) -> None:
        """Takes over what another router tells. Nothing of it is told on."""
        if isinstance(news, Spent):
            self.retries.charge(news.retries, now)
        else:
            hear(self, teller, news)

    def forget(self, teller: str) -> None:
        """That router is gone."""
        forget(self, teller)

    def loads(self) -> list[Loaded]:
        """What is in flight on instances with a limit, for routers that have just come or have missed something."""
        return [
            Loaded(shared_key(pool.name, one.spec), one.inflight)
            for pool in self
            if pool.max_inflight is not None
            for one in pool.instances
        ]

    def rests(self, now: float) -> list[Circuited]:
        """What rests now, for a server that may have forgotten what it was told."""
        return [
            Circuited(shared_key(pool.name, one.spec), model, circuit)
            for pool in self
            for one in pool.instances
            for model, circuit in ((None, one.record.circuit), *one.record.model_circuits.items())
            if circuit.rest_until > now
        ]


def registry_of(specs: Mapping[str, ProviderSpec], workers: int = 1) -> Registry:
    """Pools with nothing known yet; `workers` processes share their limits."""
    return Registry({name: Pool(spec, workers=workers) for name, spec in specs.items()})
