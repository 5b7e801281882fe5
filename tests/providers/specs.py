"""Provider specifications for tests, as short as they can be."""

from __future__ import annotations

from providers.errors import KINDS, ProviderError
from providers.spec import Concurrency, Credentials, InstanceSpec, LoadBalancing, ProviderSpec

UNLIMITED = Concurrency()


def spec_of(
    *names: str,
    strategy: str = "round-robin",
    provider: str = "p",
    weights: tuple[int, ...] = (),
    concurrency: Concurrency = UNLIMITED,
) -> ProviderSpec:
    """A provider with instances of those names."""
    instances = tuple(
        InstanceSpec(name, f"http://{name}.test", Credentials(), weights[index] if weights else 1)
        for index, name in enumerate(names)
    )
    return ProviderSpec(provider, "openai", instances, load_balancing=LoadBalancing(strategy), concurrency=concurrency)


def error_of(kind: str, retry_after_s: float | None = None, *, model_only: bool = False) -> ProviderError:
    """An error of that kind."""
    return ProviderError(KINDS[kind], f"{kind} happened", retry_after_s=retry_after_s, model_only=model_only)
