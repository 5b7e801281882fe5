"""A built configuration to a running gateway: pools, transports, credential sources, the compiled evaluator."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from engine.access.door import Door
from engine.built import Built
from engine.gateway import Gateway, Upstream
from providers.credentials import CredentialSource, credential_source
from providers.dialects.table import spoken_by
from providers.registry import registry_of
from providers.spec import InstanceSpec, ProviderSpec
from providers.upstream import Transport
from rules.fast import decider_of
from rules.made_ready import make_ready

if TYPE_CHECKING:
    from engine.limits.limiter import Limiter

MakeTransport = Callable[[ProviderSpec], Transport]
MakeSource = Callable[[ProviderSpec, InstanceSpec], CredentialSource]


def gateway_of(
    built: Built,
    make_transport: MakeTransport,
    old: Gateway | None = None,
    make_source: MakeSource = credential_source,
    workers: int = 1,
) -> Gateway:
    """The gateway for `built`; pools of instances that `old` has unchanged keep what is known of them.

    Transports of unchanged providers are taken over, so open connections stay; `retired` says which are not. `workers`
    processes share the limits of the configuration.
    """
    registry = registry_of(built.providers, workers)
    if old is not None:
        registry.adopt(old.registry)
    upstreams = {name: _upstream_of(spec, make_transport, make_source, old) for name, spec in built.providers.items()}
    door = Door(built.settings.server.access)
    make_ready(built.rules)
    return Gateway(built, registry, upstreams, decider_of(built.rules), door, _limiter_of(built, old))


def _limiter_of(built: Built, old: Gateway | None) -> Limiter | None:
    """The limiter of a configuration that has limits; what was counted goes on."""
    known = old.limiter if old is not None else None
    if not built.settings.limits and known is None:
        return None
    # a library that takes a while to load, and that nobody needs who has no limits
    from engine.limits.counts import Counts
    from engine.limits.limiter import Limiter

    return Limiter(built.settings.limits, known.counts if known is not None else Counts(built.settings.state))


def retired(old: Gateway, new: Gateway) -> list[Transport]:
    """Transports of `old` that `new` does not use: to be closed when the exchanges on `old` are over."""
    kept = {id(upstream.transport) for upstream in new.upstreams.values()}
    return [upstream.transport for upstream in old.upstreams.values() if id(upstream.transport) not in kept]


def _upstream_of(
    spec: ProviderSpec, make_transport: MakeTransport, make_source: MakeSource, old: Gateway | None
) -> Upstream:
    spoken = spoken_by(spec.type)
    options = spoken.dialect.options_of(spec)
    known = old.upstreams.get(spec.name) if old else None
    if known is not None and _same_connections(known.spec, spec):
        transport = known.transport
        credentials = _credentials_of(spec, make_source, known.credentials, known.spec)
    else:
        transport = make_transport(spec)
        credentials = _credentials_of(spec, make_source, {}, None)
    return Upstream(spec, spoken.dialect, options, transport, credentials, spoken.through, spoken.mending)


def _same_connections(old: ProviderSpec, new: ProviderSpec) -> bool:
    return (
        old.type == new.type
        and old.connection_pool == new.connection_pool
        and old.tls == new.tls
        and old.settings == new.settings
    )


def _credentials_of(
    spec: ProviderSpec, make_source: MakeSource, known: Mapping[str, CredentialSource], old: ProviderSpec | None
) -> dict[str, CredentialSource]:
    """A source per instance; unchanged credentials keep theirs (and the token it holds)."""
    before = {one.name: one.credentials for one in old.instances} if old else {}
    return {
        one.name: known[one.name]
        if one.name in known and before.get(one.name) == one.credentials
        else make_source(spec, one)
        for one in spec.instances
    }
