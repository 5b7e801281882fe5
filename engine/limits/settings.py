"""What a configuration says about how much may be asked for, as values. Pure.

A rate is `60/minute`, `100k/hour` or, of money, `2.50/day`: so much in each window, which begins with its first use.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Literal, TypeAlias, get_args

from msgspec import Struct

from engine.access.settings import items_of
from schemas.document import Mapping, Node, Scalar, Sequence, node_at

Kind: TypeAlias = Literal["requests", "inputTokens", "outputTokens", "money"]
Per: TypeAlias = Literal["key", "address", "session", "provider", "router"]

KINDS: tuple[Kind, ...] = get_args(Kind)
LIMIT_HEADERS = "anthropic-ratelimit-"
"""How the names of the headers begin that say how much is left."""

MICRO = 1_000_000
"""Money is counted in millionths, so that it adds up exactly."""

WINDOWS_S = {
    "second": 1,
    "minute": 60,
    "hour": 3600,
    "day": 86_400,
    "week": 7 * 86_400,
    "month": 30 * 86_400,
}
_RATE = re.compile(r"(\d{1,12}(?:\.\d{1,6})?)([kM]?)/([a-z]+)")
_TIMES = {"": 1, "k": 1000, "M": 1_000_000}


class Rate(Struct, frozen=True):
    """At most `amount` (of money: millionths) in `window_s`; `written` as in the file."""

    kind: Kind
    amount: int
    window_s: int
    written: str


class Limit(Struct, frozen=True):
    """What each key, address, session or provider, or all of them together (`router`), may ask for.

    `only`: the one key that it is about. `concurrent` is how many requests may be open at once.
    """

    name: str
    per: Per
    rates: tuple[Rate, ...] = ()
    concurrent: int | None = None
    only: str | None = None


def rate_of(text: str, kind: Kind) -> Rate:
    """The rate in `text`. Raises ValueError with what is wrong."""
    found = _RATE.fullmatch(text.strip())
    if found is None or found[3] not in WINDOWS_S:
        raise ValueError("is no rate")
    number = Decimal(found[1]) * _TIMES[found[2]] * (MICRO if kind == "money" else 1)
    if number != int(number) or number <= 0:
        raise ValueError("is not a whole number above 0" if kind != "money" else "is nothing")
    return Rate(kind, int(number), WINDOWS_S[found[3]], text.strip())


def limits_of(root: Node) -> tuple[Limit, ...]:
    """The limits of a checked document: those of the server, then those of its keys."""
    return (*_of_server(root), *_of_keys(root))


def rates_in(node: Node | None) -> Iterator[tuple[Kind, Scalar]]:
    """Every rate that a limit writes, with what it counts."""
    for kind in KINDS:
        written = node_at(node, [kind]) if node is not None else None
        for item in written.items if isinstance(written, Sequence) else (written,):
            if isinstance(item, Scalar):
                yield kind, item


def _of_server(root: Node) -> Iterator[Limit]:
    for number, node in enumerate(items_of(node_at(root, ["server", "limits"]))):
        per = _text(node, "per")
        if per in get_args(Per):
            name = _text(node, "name") or f"server.limits[{number}]"
            yield Limit(name, _per(per), _rates(node), _count(node, "concurrent"))


def _of_keys(root: Node) -> Iterator[Limit]:
    for node in items_of(node_at(root, ["server", "apiKeys"])):
        key, limits = _text(node, "name"), node_at(node, ["limits"])
        if key is not None and isinstance(limits, Mapping):
            yield Limit(f"apiKeys.{key}", "key", _rates(limits), _count(limits, "concurrent"), key)


def _per(word: str | None) -> Per:
    return next(one for one in get_args(Per) if one == word)


def _rates(node: Node) -> tuple[Rate, ...]:
    found = []
    for kind, written in rates_in(node):
        try:
            found.append(rate_of(str(written.value), kind))
        except ValueError:
            continue
    return tuple(found)


def _text(node: Node, key: str) -> str | None:
    found = node_at(node, [key])
    return found.value if isinstance(found, Scalar) and isinstance(found.value, str) else None


def _count(node: Node, key: str) -> int | None:
    found = node_at(node, [key])
    value = found.value if isinstance(found, Scalar) else None
    return int(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
