"""All pools of a configuration, by provider name, and what they share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from providers.pool import Pool
from providers.retry_budget import RetryBudget
from providers.spec import ProviderSpec


@dataclass(slots=True)
class Registry:
    """Provider name -> pool, in file order, with the retry budget of the process."""

    pools: Mapping[str, Pool]
    retries: RetryBudget = field(default_factory=RetryBudget)

    def __getitem__(self, provider: str) -> Pool:
        return self.pools[provider]

    def __contains__(self, provider: str) -> bool:
        return provider in self.pools

    def __iter__(self) -> Iterator[Pool]:
        return iter(self.pools.values())

    def adopt(self, old: Registry) -> None:
        """Carry over what is known of unchanged instances, and the retry budget. Call it where requests are served."""
        self.retries = old.retries
        for name, pool in self.pools.items():
            if name in old.pools:
                pool.adopt(old.pools[name])


def registry_of(specs: Mapping[str, ProviderSpec], workers: int = 1) -> Registry:
    """Pools with nothing known yet; `workers` processes share their limits."""
    return Registry({name: Pool(spec, workers=workers) for name, spec in specs.items()})
