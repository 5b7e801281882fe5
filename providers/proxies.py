"""Which proxy, if any, a request goes through: the variables of the environment, read as other programs read them.

`HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY`, lower case first. Loopback never goes through a proxy.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from urllib.parse import urlsplit


def proxy_of(url: str, environment: Mapping[str, str]) -> str | None:
    """The proxy's URL, or None to connect directly."""
    parts = urlsplit(url)
    host = (parts.hostname or "").lower()
    if is_loopback(host) or _excepted(host, parts.port, _variable("no_proxy", environment)):
        return None
    found = _variable(f"{parts.scheme}_proxy", environment) or _variable("all_proxy", environment)
    return (found if "://" in found else f"http://{found}") if found else None


def is_loopback(host: str) -> bool:
    """Whether the host is this machine, by name or address."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    address = _address(host)
    return address is not None and (address.is_loopback or address.is_unspecified)


def _variable(name: str, environment: Mapping[str, str]) -> str:
    return (environment.get(name) or environment.get(name.upper()) or "").strip()


def _excepted(host: str, port: int | None, no_proxy: str) -> bool:
    """`NO_PROXY`: names (with all below them), `name:port`, addresses, networks, `*`."""
    address = _address(host)
    for written in no_proxy.replace(",", " ").split():
        entry = written.lower()
        if entry == "*":
            return True
        name, _, wanted = entry.rpartition(":")
        if name and wanted.isdigit() and (":" not in name or name.endswith("]")):
            if port is None or int(wanted) != port:
                continue
            entry = name
        entry = entry.strip("[]")
        if address is not None:
            try:
                if address in ipaddress.ip_network(entry, strict=False):
                    return True
            except ValueError:
                continue
        bare = entry.removeprefix("*").removeprefix(".")
        if bare and (host == bare or host.endswith("." + bare)):
            return True
    return False


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
