"""News between routers as JSON, and back; times on the wire are seconds since the epoch, by the server's clock. Pure.

A message: `{"from": ROUTER, "news": [...]}`. What cannot be read is left out: it may come from another version.
"""

from __future__ import annotations

import math
from typing import Literal, TypeAlias, assert_never

import msgspec
from msgspec.structs import replace

from providers.health import Circuit
from providers.shared_state import Circuited, Loaded, News, Seated, Spent

CHANNEL = "ccr:1:news"
KEYS = "ccr:1:"
SEAT_KEPT_S = 86_400
REST_LONGEST_S = 86_400.0


class _Seat(msgspec.Struct, tag="seat"):
    pool: str
    session: str
    instance: str


class _Circuit(msgspec.Struct, tag="circuit"):
    instance: str
    model: str | None
    circuit: Circuit


class _Load(msgspec.Struct, tag="load"):
    instance: str
    inflight: int


class _Spent(msgspec.Struct, tag="spent"):
    retries: float


_Written: TypeAlias = _Seat | _Circuit | _Load | _Spent


class _Message(msgspec.Struct, rename={"teller": "from"}):
    teller: str
    news: list[msgspec.Raw]


def message_of(teller: str, news: list[News], ahead_s: float) -> bytes:
    """The message; `ahead_s` is how far the server's clock is ahead of the circuits' one."""
    written = [msgspec.Raw(msgspec.json.encode(_written(one, ahead_s))) for one in news]
    return msgspec.json.encode(_Message(teller, written))


def read_message(data: bytes, ahead_s: float) -> tuple[str, list[News]]:
    """Who tells what. Raises nothing: an unreadable message is from nobody and says nothing."""
    try:
        message = msgspec.json.decode(data, type=_Message)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return "", []
    return message.teller, [found for raw in message.news if (found := read_news(bytes(raw), ahead_s)) is not None]


def news_bytes(news: News, ahead_s: float) -> bytes:
    """One piece of news, as it is kept for routers that come later."""
    return msgspec.json.encode(_written(news, ahead_s))


def read_news(data: bytes, ahead_s: float) -> News | None:
    """What `news_bytes` wrote, or None."""
    try:
        written = msgspec.json.decode(data, type=_Written)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    match written:
        case _Seat(pool, session, instance):
            return Seated(pool, session, instance)
        case _Circuit(key, model, circuit):
            return Circuited(key, model, _moved(circuit, -ahead_s)) if _is_sane(circuit, ahead_s) else None
        case _Load(key, inflight):
            return Loaded(key, inflight)
        case _Spent(retries):
            return Spent(retries) if abs(retries) < 1e6 else None
        case _:
            assert_never(written)


def kept_of(news: News, now: float) -> tuple[str, Literal["set", "delete"], int] | None:
    """The key that keeps it for routers that come later, what to do with the key, and for how many ms. None: not kept."""
    match news:
        case Seated(pool, session, _):
            return f"{KEYS}seat:{pool}:{session}", "set", SEAT_KEPT_S * 1000
        case Circuited(instance, model, circuit):
            rest_s = min(circuit.rest_until - now, REST_LONGEST_S)
            key = f"{KEYS}circuit:{instance}:{model or ''}"
            return (key, "set", math.ceil(rest_s * 1000)) if rest_s > 0 else (key, "delete", 0)
        case Loaded() | Spent():
            return None
        case _:
            assert_never(news)


def _written(news: News, ahead_s: float) -> _Written:
    match news:
        case Seated(pool, session, instance):
            return _Seat(pool, session, instance)
        case Circuited(instance, model, circuit):
            return _Circuit(instance, model, _moved(circuit, ahead_s))
        case Loaded(instance, inflight):
            return _Load(instance, inflight)
        case Spent(retries):
            return _Spent(retries)
        case _:
            assert_never(news)


def _moved(circuit: Circuit, seconds: float) -> Circuit:
    return replace(circuit, since=circuit.since + seconds, rest_until=circuit.rest_until + seconds)


def _is_sane(circuit: Circuit, ahead_s: float) -> bool:
    """Whether nobody would rest for longer than a router itself would ever say."""
    return circuit.rest_until - circuit.since <= 2 * REST_LONGEST_S and math.isfinite(circuit.rest_until - ahead_s)
