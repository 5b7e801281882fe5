"""Who is let in: the `Host` and `Origin` of a request, the client's address, its router key. An edge: hashing takes a thread.

A key costs its slow hash once; from then on it is known by an HMAC under a secret that this process made up, so what is
looked up tells nothing of a key and nothing of how much of a guess is right.
"""

from __future__ import annotations

import asyncio
import hmac
import re
import secrets
from collections.abc import Mapping

from msgspec.structs import replace

from engine.access.addresses import client_address, host_of, is_domain, is_in, is_loopback_host
from engine.access.keys import RouterKey, id_of, presented_key
from engine.access.settings import Access
from engine.replies import Refusal, Refused, refusal
from providers.secret import Secret

MOST_REFUSED = 1024
"""How many refused keys are remembered, so that repeating one costs no hash."""

_HOST = re.compile(r"[\w.~%:\[\]-]*", re.ASCII)
"""What a `Host` header is made of; two in one header have a comma between them."""

_WHERE = "`x-ccr-key`, else in the header of API keys, else as bearer token"
"""Claude Code says that its user is not logged in where a message has that header's name."""


class Door:
    """The access of one configuration. `keys` is whether keys are asked for."""

    __slots__ = ("_access", "_known", "_one_at_a_time", "_plain_addresses", "_refused", "_secret", "keys")

    def __init__(self, access: Access) -> None:
        self._access = access
        self._secret = secrets.token_bytes(32)
        self._known = {
            self._mark(key.stored.reveal()): key for key in access.keys or () if isinstance(key.stored, Secret)
        }
        self._refused: set[bytes] = set()
        self._one_at_a_time = asyncio.Lock()
        self._plain_addresses = access.allow is None and not access.deny and not access.trusted
        self.keys = access.keys is not None

    def check_site(self, headers: Mapping[str, str], on_loopback: bool, posted: bool) -> None:
        """Raises `Refused` where a page of another site may be asking through its visitor's browser.

        A `Host` that is none is a 400 (RFC 9112, section 3.2). One that is no name of the router is a 421: some site's
        name was made to point here. On loopback those are the names of this machine; elsewhere, without keys (which no
        page knows) and without TLS, any address and what is no domain. A posted request whose `Origin` is not the
        router's own is a 403. `server.hostNames` are the router's names too.
        """
        host = headers.get("host")
        if host is not None and not _HOST.fullmatch(host):
            raise Refused(_not_in(400, "the host header is not one host"))
        if host is not None and not self._may_be_our_name(host_of(host), on_loopback):
            raise Refused(_not_in(421, f"`{host[:100]}` is not a name of this router; `server.hostNames` lists more"))
        origin = headers.get("origin") if posted else None
        if origin is None:
            return
        authority = origin.lower().partition("://")[2]
        if not authority or (authority != (host or "").lower() and host_of(authority) not in self._access.host_names):
            raise Refused(_not_in(403, "requests from pages of other sites are refused"))

    def check_address(self, peer: str | None, headers: Mapping[str, str]) -> str | None:
        """The client's address. Raises `Refused` (403) where `server.access` does not let it in."""
        if self._plain_addresses:
            return peer.removeprefix("::ffff:") if peer is not None and "." in peer else peer
        access = self._access
        address = client_address(peer, headers.get("x-forwarded-for"), access.trusted)
        restricted = access.allow is not None or access.deny
        if restricted and (
            address is None
            or is_in(address, access.deny)
            or (access.allow is not None and not is_in(address, access.allow))
        ):
            raise Refused(_not_in(403, "this address is not allowed here"))
        return None if address is None else str(address)

    async def key_of(self, headers: Mapping[str, str], now: float) -> RouterKey:
        """The router key that the client presents, valid `now` (seconds since the epoch). Raises `Refused` (401)."""
        presented = presented_key(headers)
        if presented is None:
            raise Refused(
                _not_in(
                    401,
                    "this router needs one of its keys: as ANTHROPIC_AUTH_TOKEN of the client, or in the header `x-ccr-key`",
                )
            )
        mark = self._mark(presented)
        key = self._known.get(mark) or await self._verified(presented, mark)
        if key is None:
            raise Refused(_not_in(401, f"this is not a key of this router; it was looked for in {_WHERE}"))
        if key.expires_at is not None and now >= key.expires_at:
            raise Refused(_not_in(401, f"the router key `{key.name}` has expired"))
        return key

    async def _verified(self, presented: str, mark: bytes) -> RouterKey | None:
        """The key whose stored hash it fits. One is hashed at a time, whoever floods us with guesses."""
        key_id = id_of(presented)
        candidates = [
            (key, key.stored)
            for key in self._access.keys or ()
            if not isinstance(key.stored, Secret) and key.stored.id == key_id
        ]
        if not candidates:
            return None
        async with self._one_at_a_time:
            if mark in self._refused:
                return None
            for key, stored in candidates:
                if mark in self._known or await asyncio.to_thread(stored.matches, presented):
                    return self._known.setdefault(mark, key)
        if len(self._refused) >= MOST_REFUSED:
            self._refused.clear()
        self._refused.add(mark)
        return None

    def _mark(self, presented: str) -> bytes:
        return hmac.digest(self._secret, presented.encode("utf-8", "surrogatepass"), "sha256")

    def _may_be_our_name(self, host: str, on_loopback: bool) -> bool:
        if is_loopback_host(host) or host in self._access.host_names:
            return True
        return not on_loopback and (self.keys or self._access.has_certificate or not is_domain(host))


def _not_in(status: int, message: str) -> Refusal:
    return replace(refusal(status, message), at_door=True)
