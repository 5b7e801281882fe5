"""What a configuration says about who may come in, as values. Pure.

INVARIANT: what cannot be read never opens: `engine/configuration/checks/access.py` reports it, and here it admits nobody.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from engine.access.addresses import Network, network_of
from engine.access.keys import SHORTEST_KEY, Allowance, RouterKey, read_expiry, read_hash
from providers.secret import Secret
from schemas.document import Mapping, Node, Scalar, Sequence, node_at


class Access(Struct, frozen=True):
    """`keys` None: none are asked for. `allow` None: every address that `deny` does not name.

    `trusted` are proxies whose `X-Forwarded-For` counts; `host_names` the names of the router besides this machine's.
    `has_certificate`: it shows one, which holds for its own names only.
    """

    keys: tuple[RouterKey, ...] | None = None
    allow: tuple[Network, ...] | None = None
    deny: tuple[Network, ...] = ()
    trusted: tuple[Network, ...] = ()
    host_names: frozenset[str] = frozenset()
    has_certificate: bool = False


def access_of(root: Node) -> Access:
    """The access of a checked document."""
    server = node_at(root, ["server"])
    if not isinstance(server, Mapping):
        return Access()
    keys, access = server.get("apiKeys"), server.get("access")
    allow = node_at(access, ["allow"]) if access is not None else None
    deny = node_at(access, ["deny"]) if access is not None else None
    return Access(
        keys=None if keys is None else tuple(key for item in items_of(keys) if (key := _key(item)) is not None),
        allow=None if allow is None else _networks(allow),
        deny=_networks(deny),
        trusted=_networks(server.get("trustedProxies")),
        has_certificate=isinstance(server.get("tls"), Mapping),
        host_names=frozenset(name.lower().removesuffix(".") for name in texts_of(server.get("hostNames"))),
    )


def items_of(node: Node | None) -> tuple[Node, ...]:
    """The items of a list; none of anything else."""
    return node.items if isinstance(node, Sequence) else ()


def texts_of(node: Node | None) -> list[str]:
    """The texts in a list."""
    return [item.value for item in items_of(node) if isinstance(item, Scalar) and isinstance(item.value, str)]


def _networks(node: Node | None) -> tuple[Network, ...]:
    found = []
    for text in texts_of(node):
        try:
            found.append(network_of(text))
        except ValueError:
            continue
    return tuple(found)


def _key(node: Node) -> RouterKey | None:
    name, stored, key = _text(node, "name"), _text(node, "hash"), _text(node, "key")
    expires, allow = _text(node, "expires"), node_at(node, ["allow"])
    try:
        held = read_hash(stored) if stored is not None else Secret(key or "")
        expires_at = read_expiry(expires) if expires is not None else None
    except ValueError:
        return None
    # a variable that is not looked up is a key, too: `explain` and `ccr keys list` must know what it may be used for
    if name is None or (isinstance(held, Secret) and len(held.reveal()) < SHORTEST_KEY and "${" not in held.reveal()):
        return None
    budgets = tuple(str(item.value) for item in budgets_in(node))
    return RouterKey(name, held, expires_at, _allowance(allow) if allow is not None else Allowance(), budgets)


def budgets_in(key: Node) -> Iterator[Scalar]:
    """The names of the budgets that a key is under: one, or a list."""
    written = node_at(key, ["budget"])
    for item in items_of(written) or (written,):
        if isinstance(item, Scalar) and isinstance(item.value, str):
            yield item


def _allowance(node: Node) -> Allowance:
    def named(key: str) -> frozenset[str] | None:
        listed = node_at(node, [key])
        return None if listed is None else frozenset(texts_of(listed))

    return Allowance(named("categories"), named("targets"), named("models"))


def _text(node: Node, key: str) -> str | None:
    found = node_at(node, [key])
    return found.value if isinstance(found, Scalar) and isinstance(found.value, str) else None
