"""Router keys: what is stored of one, what it may be used for, and how a client presents it. Pure.

A key that `ccr keys add` makes is `sk-ccr-ID-SECRET`. Its hash is `scrypt:LOG2N:R:P:ID:SALT:DIGEST` (SALT and DIGEST
base64url): the ID, which is no secret, tells which hash to try, so that a guess costs the router nothing.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from msgspec import Struct

from providers.secret import Secret

KEY_HEADER = "x-ccr-key"
LOG2_N, BLOCK, PARALLEL = 14, 8, 1
MOST_LOG2_N, MOST_BLOCK, MOST_PARALLEL = 17, 16, 4
SHORTEST_KEY = 16

_KEY = re.compile(r"sk-ccr-([0-9a-f]{8})-[A-Za-z0-9_-]{32,}")
_HASH = re.compile(r"scrypt:(\d{1,2}):(\d{1,2}):(\d):([0-9a-f]{8}):([A-Za-z0-9_-]{16,}):([A-Za-z0-9_-]{43})")
_DIGEST_BYTES = 32
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


class KeyHash(Struct, frozen=True):
    """A salted hash of a key."""

    id: str
    salt: bytes
    digest: bytes
    log2_n: int = LOG2_N
    block: int = BLOCK
    parallel: int = PARALLEL

    def matches(self, presented: str) -> bool:
        """Whether this is the key, in time that does not depend on how much of it is right. Takes some 50 ms."""
        return hmac.compare_digest(_scrypt(presented, self), self.digest)

    def written(self) -> str:
        """As it stands in a configuration."""
        cost = f"scrypt:{self.log2_n}:{self.block}:{self.parallel}"
        return f"{cost}:{self.id}:{_text_of(self.salt)}:{_text_of(self.digest)}"


class Allowance(Struct, frozen=True):
    """What a key may be used for; None is everything. A target is `provider` or `provider,model`."""

    categories: frozenset[str] | None = None
    targets: frozenset[str] | None = None
    models: frozenset[str] | None = None

    def admits_category(self, category: str | None) -> bool:
        """Whether a request of that category is admitted; one that a rule decided has none."""
        return self.categories is None or category in self.categories

    def admits_target(self, provider: str, model: str) -> bool:
        """Whether a request may be sent there."""
        named = self.targets is None or provider in self.targets or f"{provider},{model}" in self.targets
        return named and (self.models is None or model in self.models)


class RouterKey(Struct, frozen=True):
    """A key of the configuration; `expires_at` is in seconds since the epoch. The log and rules know it by `name`.

    While one of its `budgets` is spent nothing is sent for it.
    """

    name: str
    stored: KeyHash | Secret
    expires_at: float | None = None
    allow: Allowance = Allowance()
    budgets: tuple[str, ...] = ()


def key_text(key_id: str, secret: str) -> str:
    """The key with that id (8 hex digits) and secret (base64url)."""
    return f"sk-ccr-{key_id}-{secret}"


def id_of(presented: str) -> str | None:
    """The id in a key that we made."""
    found = _KEY.fullmatch(presented)
    return found[1] if found else None


def hash_of(key: str, salt: bytes) -> KeyHash:
    """The hash to store of a key that we made."""
    key_id = id_of(key)
    assert key_id is not None
    empty = KeyHash(key_id, salt, b"")
    return KeyHash(key_id, salt, _scrypt(key, empty))


def read_hash(text: str) -> KeyHash:
    """The hash in a configuration. Raises ValueError where it is none, or would cost too much to check."""
    found = _HASH.fullmatch(text)
    if found is None:
        raise ValueError("this is no hash of a router key")
    log2_n, block, parallel = int(found[1]), int(found[2]), int(found[3])
    if not (10 <= log2_n <= MOST_LOG2_N and 1 <= block <= MOST_BLOCK and 1 <= parallel <= MOST_PARALLEL):
        raise ValueError("the costs of this hash are out of range")
    return KeyHash(found[4], _bytes_of(found[5]), _bytes_of(found[6]), log2_n, block, parallel)


def read_expiry(text: str) -> float:
    """Seconds since the epoch of a time with its zone, or of the end of a day in UTC. Raises ValueError."""
    moment = datetime.fromisoformat(text)
    if _DAY.fullmatch(text):
        return (moment.replace(tzinfo=UTC) + timedelta(days=1)).timestamp()
    if moment.tzinfo is None:
        raise ValueError("a time needs its zone")
    return moment.timestamp()


def presented_key(headers: Mapping[str, str]) -> str | None:
    """The key a client presents: in `x-ccr-key`, else in `x-api-key`, else as bearer token."""
    for name in (KEY_HEADER, "x-api-key"):
        if headers.get(name):
            return headers[name]
    return _bearer(headers)


def without_key(headers: Mapping[str, str], presented: str | None) -> dict[str, str]:
    """The headers without those that hold the key; what else is in them may be meant for an upstream."""
    kept = {name: value for name, value in headers.items() if name != KEY_HEADER}
    if presented is not None and kept.get("x-api-key") == presented:
        del kept["x-api-key"]
    if presented is not None and _bearer(kept) == presented:
        del kept["authorization"]
    return kept


def _bearer(headers: Mapping[str, str]) -> str | None:
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


def _scrypt(key: str, cost: KeyHash) -> bytes:
    return hashlib.scrypt(
        key.encode("utf-8", "surrogatepass"),
        salt=cost.salt,
        n=1 << cost.log2_n,
        r=cost.block,
        p=cost.parallel,
        maxmem=129 * cost.block * ((1 << cost.log2_n) + cost.parallel + 2),
        dklen=_DIGEST_BYTES,
    )


def _text_of(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode("ascii").rstrip("=")


def _bytes_of(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
