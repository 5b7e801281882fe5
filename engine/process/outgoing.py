"""Connections and credentials of this process for the upstreams of a configuration. An edge."""

from __future__ import annotations

import asyncio
import os
import time
from functools import partial

from engine.compose import MakeSource, MakeTransport
from engine.gateway import Gateway
from providers.aws.tokens import token_files_of
from providers.credentials import credential_source
from providers.spec import ConnectionPool, ProviderSpec
from providers.static_upstream import StaticTransport
from providers.transport import HttpTransport
from providers.upstream import Transport


def transport_maker(hop: str) -> MakeTransport:
    """Makes the connections of a provider; `hop` marks the requests that go over them."""

    def make_transport(spec: ProviderSpec) -> Transport:
        if spec.type == "static":
            return StaticTransport(asyncio.sleep)
        return HttpTransport(spec.connection_pool, hop=hop, environment=os.environ, files=spec.tls)

    return make_transport


def token_transport() -> HttpTransport:
    """The connections over which tokens are renewed."""
    return HttpTransport(ConnectionPool(), environment=os.environ)


async def close_all(gateway: Gateway, for_tokens: HttpTransport) -> None:
    """Closes whatever a gateway has open, at the end of its process."""
    for upstream in gateway.upstreams.values():
        await upstream.transport.aclose()
    if gateway.limiter is not None:
        await gateway.limiter.counts.aclose()
    await for_tokens.aclose()


def source_maker(transport: HttpTransport) -> MakeSource:
    """Makes the sources of credentials, which renew tokens over `transport`."""
    return partial(credential_source, token_files=token_files_of(os.environ, transport, time.time))
