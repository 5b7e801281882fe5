"""What a configuration says of a provider, as values; `providers/read_spec.py` makes them from a checked document."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec
from msgspec import Struct

from providers.secret import Secret
from schemas.diagnostics import Span
from schemas.document import JSONValue


class ModelSpec(Struct, frozen=True):
    """A model a provider offers. `capabilities` None: not said, nothing is assumed and nothing is checked.

    Known capabilities: `tools`, `images`, `documents`, `thinking`, `webSearch`. Sizes are tokens; `price` is as written.
    """

    name: str
    context_window: int | None = None
    max_output_tokens: int | None = None
    capabilities: frozenset[str] | None = None
    price: Mapping[str, float] | None = None


class Credentials(Struct, frozen=True):
    """How an instance proves itself. Exactly one source is set, or none (`type` `none` or `forward`)."""

    type: str = "none"  # bearer | api_key | none | forward | sigv4
    api_key: Secret | None = None
    token: Secret | None = None
    token_path: str | None = None


@dataclass(frozen=True, slots=True)
class InstanceSpec:
    """One endpoint with its credentials; `name` is unique in the provider (the host, or the host with a number).

    `endpoint` may hold a password or a key; it is shown only through `providers.endpoint.endpoint_shown`.
    """

    name: str
    endpoint: str = field(repr=False)
    credentials: Credentials
    weight: int = 1
    priority: int = 0


class Timeouts(Struct, frozen=True):
    """Seconds. `total_s` None: no limit of its own (the exchange's deadline still holds)."""

    connect_s: float = 10.0
    first_byte_s: float = 300.0
    idle_s: float = 300.0
    total_s: float | None = None


class ConnectionPool(Struct, frozen=True):
    """`max_connections` None: no limit; `wait_s` is how long a request may wait for a connection."""

    max_connections: int | None = None
    keep_alive: bool = True
    wait_s: float = 30.0


class TlsFiles(Struct, frozen=True):
    """Paths of PEM files: `ca` is trusted instead of the system's authorities, `certificate` with `key` is shown."""

    ca: str | None = None
    certificate: str | None = None
    key: str | None = None


class Concurrency(Struct, frozen=True):
    """`most` requests at once per instance (None: no limit of ours); `queue` more may wait for `wait_s` each."""

    most: int | None = None
    queue: int = 100
    wait_s: float = 5.0


class HealthCheck(Struct, frozen=True):
    """An active probe; `path` is appended to the endpoint. None of it is a paid request."""

    interval_s: float = 30.0
    timeout_s: float = 5.0
    path: str | None = None
    unhealthy_after: int = 3
    healthy_after: int = 1


class LoadBalancing(Struct, frozen=True):
    """`strategy` is canonical (synonyms were resolved): round-robin, weighted, random, least-busy, least-latency, priority, sticky."""

    strategy: str = "round-robin"
    health_check: HealthCheck | None = None


class ProviderSpec(Struct, frozen=True):
    """A provider. `settings` holds the dialect's own options as written (checked by the schema for its type)."""

    name: str
    type: str
    instances: tuple[InstanceSpec, ...]
    models: tuple[ModelSpec, ...] = ()
    default_model: str | None = None
    category_mappings: Mapping[str, bool] = msgspec.field(default_factory=dict)
    timeouts: Timeouts = Timeouts()
    connection_pool: ConnectionPool = ConnectionPool()
    tls: TlsFiles = TlsFiles()
    load_balancing: LoadBalancing = LoadBalancing()
    concurrency: Concurrency = Concurrency()
    settings: Mapping[str, JSONValue] = msgspec.field(default_factory=dict)
    span: Span | None = None

    def __repr__(self) -> str:
        """Its name: headers and other settings may hold credentials."""
        return f"<provider {self.name}>"

    def model(self, name: str) -> ModelSpec | None:
        """The listed model of that name, or None."""
        return next((model for model in self.models if model.name == name), None)
