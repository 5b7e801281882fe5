"""From a decoded request and what came around it to an `Envelope`, with the router's own state as facts. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from providers.registry import Registry
from schemas.request import Envelope, MessagesRequest, Path


class ProviderStates(Mapping[str, Mapping[str, Any]]):
    """Provider name -> `{health, inflight}`, looked up only when a rule asks."""

    __slots__ = ("_now", "_registry")

    def __init__(self, registry: Registry, now: float) -> None:
        self._registry = registry
        self._now = now

    def __getitem__(self, name: str) -> Mapping[str, Any]:
        pool = self._registry.pools[name]
        return {"health": pool.health(self._now), "inflight": pool.inflight}

    def __iter__(self) -> Iterator[str]:
        return iter(self._registry.pools)

    def __len__(self) -> int:
        return len(self._registry.pools)


def envelope_of(
    request: MessagesRequest,
    path: Path,
    headers: Mapping[str, str],
    client_ip: str | None,
    registry: Registry,
    now: float,
    wall: float,
    client_key: str | None = None,
    budgets: Mapping[str, str] | None = None,
) -> Envelope:
    """The envelope of a request received now (`now` monotonic, `wall` since the epoch; seconds)."""
    return Envelope(request, path, headers, client_ip, client_key, wall, ProviderStates(registry, now), budgets)
