"""Addresses of clients: ranges, the address behind trusted proxies, and the names in a `Host` header. Pure.

IPv4 addresses that come as IPv6 (`::ffff:10.0.0.1`) are the IPv4 address everywhere.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from typing import TypeAlias

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

_MAPPED_BITS = 96
_USUAL = ("127.0.0.1", "localhost", "::1")


def address_of(text: str) -> Address | None:
    """The address in `10.0.0.1`, `10.0.0.1:80`, `::1`, `[::1]` or `[::1]:80`; None for anything else."""
    text = text.strip().strip('"')
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def network_of(text: str) -> Network:
    """The range in `10.0.0.0/8`, or the one address. Raises ValueError where it is none or has bits behind its prefix."""
    network = ipaddress.ip_network(text)
    mapped = network.network_address.ipv4_mapped if isinstance(network, ipaddress.IPv6Network) else None
    if mapped is None or network.prefixlen < _MAPPED_BITS:
        return network
    return ipaddress.ip_network(f"{mapped}/{network.prefixlen - _MAPPED_BITS}")


def is_in(address: Address, networks: Iterable[Network]) -> bool:
    """Whether some range holds the address."""
    return any(address.version == network.version and address in network for network in networks)


def client_address(peer: str | None, forwarded: str | None, trusted: Sequence[Network]) -> Address | None:
    """Who asks: the peer or, while that is a trusted proxy, who it says it asks for (`X-Forwarded-For`, from its right).

    None where that cannot be told: no peer, or a trusted proxy that names no address.
    """
    address = address_of(peer) if peer is not None else None
    hops = [hop for hop in (forwarded or "").split(",") if hop.strip()]
    while hops and address is not None and is_in(address, trusted):
        address = address_of(hops.pop())
    return address


def host_of(header: str) -> str:
    """The name or address in a `Host` header or an origin's authority: without port, brackets and final dot."""
    text = header.strip().lower()
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.partition(":")[0].removesuffix(".")


def is_domain(host: str) -> bool:
    """Whether a name or an address without port is a name that its owner may let point anywhere: one with a dot."""
    return "." in host and address_of(host) is None


def is_loopback_host(host: str) -> bool:
    """Whether a name or an address without port always means this machine."""
    if host in _USUAL or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
