"""Instances of a provider with what is remembered of them, who is wanted of them, and how an attempt there ended: values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from msgspec import Struct, field

from providers.balance import UNMEASURED, Latency
from providers.endpoint import endpoint_shown
from providers.errors import ProviderError
from providers.health import (
    CLOSED,
    Circuit,
    State,
)
from providers.spec import InstanceSpec
from providers.waiting import Ticket


class Record(Struct):
    """What is remembered of an instance; it outlives a reload that leaves the instance as it is.

    `elsewhere`: what other routers have in flight there, where they tell.
    """

    circuit: Circuit = CLOSED
    model_circuits: dict[str, Circuit] = field(default_factory=dict)
    inflight: int = 0
    requests: int = 0
    errors: int = 0
    latency: Latency = UNMEASURED
    last_error: str | None = None
    last_error_at: float | None = None
    elsewhere: dict[str, int] = field(default_factory=dict)


class Instance(Struct, frozen=True):
    """One endpoint of a pool. `id` is unique in the configuration: `provider/instance`."""

    id: str
    index: int
    spec: InstanceSpec
    record: Record

    @property
    def name(self) -> str:
        return self.spec.name

    @property
    def weight(self) -> int:
        return self.spec.weight

    @property
    def priority(self) -> int:
        return self.spec.priority

    @property
    def inflight(self) -> int:
        return self.record.inflight

    @property
    def load(self) -> int:
        """Requests in flight from all routers that are known of."""
        return self.record.inflight + sum(self.record.elsewhere.values())

    def cost(self, now: float) -> float:
        """Expected seconds of a request sent now."""
        return self.record.latency.cost(self.record.inflight, now)

    def admits(self, model: str, now: float) -> bool:
        """Whether neither the instance nor the model there rests."""
        per_model = self.record.model_circuits.get(model)
        return self.record.circuit.admits(now) and (per_model is None or per_model.admits(now))

    def rests_until(self, model: str) -> float:
        """When it may be used again for that model; in the past when it may be used now."""
        per_model = self.record.model_circuits.get(model, CLOSED)
        return max(self.record.circuit.rest_until, per_model.rest_until)


class Wish(Struct, frozen=True):
    """What an instance is wanted for. `avoid` are names of instances that will not do (tried already).

    `ticket` is the place in line of a request that waits for room.
    """

    model: str
    session: str | None = None
    avoid: frozenset[str] = frozenset()
    ticket: Ticket | None = None


class Pick(Struct, frozen=True):
    """A choice not yet made. `forced`: it rests, and is used because nothing else is left."""

    instance: Instance
    wish: Wish
    candidates: Sequence[Instance]
    forced: bool = False


class Lease(Struct):
    """An instance in use by one attempt. Give it back exactly once; a second time does nothing."""

    instance: Instance
    model: str
    taken_at: float
    forced: bool = False
    refreshed: bool = False
    returned: bool = False


class Succeeded(Struct, frozen=True):
    """The upstream answered well; `first_byte_s` is how long that took, from being asked to the first part (None: unknown)."""

    first_byte_s: float | None = None


class Failed(Struct, frozen=True):
    """The attempt failed, before or after the commit point."""

    error: ProviderError


class Abandoned(Struct, frozen=True):
    """The client went away, or we stopped: nothing is known of the instance."""


Outcome: TypeAlias = Succeeded | Failed | Abandoned


def standing_of(instance: Instance, now: float) -> dict[str, str | int | float | list[str] | None]:
    """An instance as JSON for `/status`."""
    record, circuit = instance.record, instance.record.circuit
    resting = circuit.state is State.OPEN and circuit.rest_until > now
    return {
        "name": instance.name,
        "endpoint": endpoint_shown(instance.spec.endpoint),
        "state": circuit.seen_at(now).value,
        "requests": record.requests,
        "errors": record.errors,
        "inflight": record.inflight,
        "latencySeconds": None if record.latency.ewma_s is None else round(record.latency.ewma_s, 4),
        "restEndsInSeconds": round(circuit.rest_until - now, 3) if resting else None,
        "reason": circuit.reason,
        "restingModels": sorted(name for name, one in record.model_circuits.items() if not one.admits(now)),
        "lastError": record.last_error,
        "lastErrorSecondsAgo": None if record.last_error_at is None else round(now - record.last_error_at, 3),
    }
