"""How fast each dialect reads a reply, in this process: its fake's answer to a request that the dialect encoded, an event at a time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import count
from typing import Any

from msgspec import structs

from providers.dialects.table import dialect_of
from providers.reply import Reply
from providers.translate import translated
from tests.bench import bodies
from tests.fakes.speakers import SPEAKERS
from tests.fakes.spoken import Spoken, spoken
from tests.fakes.upstream import Call
from tests.providers.dialects.asking import ask_of

CALLS = (Call("f", {"a": "The quick brown fox jumps over the lazy dog. " * 8}, "toolu_1"),)
TEXT = "Grüße von 世界: the quick brown fox jumps over it. " * 24


def answers() -> Iterator[Spoken]:
    """Some 500 events of each dialect (fewer of Gemini, whose calls come whole): a thought, text, a call."""
    for speaker in SPEAKERS.values():
        yield spoken(speaker, TEXT, CALLS, "Hm. " * 12)


def ways(said: Spoken) -> Iterator[tuple[str, Callable[[], Reply | None]]]:
    """Name -> a new reply, for each way the router has with such an answer; None: the decoder alone."""
    yield "decoder", lambda: None
    yield "to the client", lambda: _translated(said)
    if said.passing() is not None:
        yield "passed on", said.passing


def events_per_s(said: Spoken, new_reply: Callable[[], Reply | None], for_s: float) -> float:
    """Events a second, the best of as many whole streams as fit into the time (a busy machine shows less). Raises where a stream gives nothing."""
    samples: list[float] = []
    until = time.perf_counter() + for_s
    while time.perf_counter() < until or not samples:
        reader = new_reply() or said.decoder()
        began = time.perf_counter()
        given = sum(len(reader.feed(piece)) for piece in said.pieces)
        given += len(reader.finish())
        samples.append(len(said.pieces) / (time.perf_counter() - began))
        assert given, said.dialect
    return max(samples)


def first_byte_s(said: Spoken, body: dict[str, Any], for_s: float) -> float:
    """Seconds of work between client and upstream before the first byte: encoding the request, and the answer's first events; the best of many."""
    dialect = dialect_of(said.dialect)
    settings, name = said.ask.provider.settings, said.ask.model
    asked = {**body, "stream": True}
    ask = ask_of(asked, settings=settings, kind=said.dialect, name=name)
    ask = structs.replace(ask, options=dialect.options_of(ask.provider))
    samples: list[float] = []
    until = time.perf_counter() + for_s
    while time.perf_counter() < until or not samples:
        began = time.perf_counter()
        encoded = dialect.encode(ask)
        now = replace(said, ask=ask, encoded=encoded)
        reply = now.passing() or _translated(now)
        assert _first(reply, said.pieces), said.dialect
        samples.append(time.perf_counter() - began)
    return min(samples)


def _first(reply: Reply, pieces: Iterable[bytes]) -> bytes:
    return next(filter(None, map(reply.feed, pieces)), b"")


def _translated(said: Spoken) -> Reply:
    numbers = count(1)
    return translated(
        said.decoder(),
        stream=True,
        model="claude-test",
        message_id="msg_1",
        new_id=lambda: str(next(numbers)),
        tool_names=said.encoded.tool_names,
    )


SIZES: dict[str, Callable[[], dict[str, Any]]] = {"1 kB": bodies.small_anthropic, "126 kB": bodies.big_anthropic}
