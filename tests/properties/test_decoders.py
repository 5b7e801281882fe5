"""What must hold for every dialect's reply decoder, and for the event-stream reader, whatever an upstream sends."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from providers.reply import Reply
from providers.wire.eventstream import Frame, FrameReader
from tests.fakes.cuts import same_at_every_cut, same_for_every_cut
from tests.fakes.grammar_check import checked, events_of
from tests.fakes.replies import ran
from tests.fakes.speakers import SPEAKERS
from tests.fakes.spoken import Spoken, spoken
from tests.fakes.upstream import Call
from tests.vectors.codewhisperer import cwvectors

CALLS = (Call("f", {"a": "é\n"}, "toolu_1"), Call("g", {}, "toolu_2"))
STREAMS = {name: spoken(speaker, "hi é", CALLS, "hm") for name, speaker in SPEAKERS.items()}
WHOLE = {
    f"{name}, whole": spoken(speaker, "hi é", CALLS, "hm", stream=False)
    for name, speaker in SPEAKERS.items()
    if name != "codewhisperer"
}
SAID = STREAMS | WHOLE
EVERY = pytest.mark.parametrize("name", SAID)
SOME = settings(max_examples=max(1, settings().max_examples // 4))
"""There are many decoders, and each example reads its bytes one by one."""
BINARY = {name: said for name, said in STREAMS.items() if "eventstream" in said.head.headers["content-type"]}
TYPES = st.sampled_from(
    [None, "text/event-stream", "application/json", "application/vnd.amazon.eventstream", "text/html", ""]
)

SMALL = st.binary(max_size=6)
JSONISH = st.sampled_from(
    [b"data: ", b"event: error\n", b"\n\n", b"\r\n", b"\r", b"{", b"}", b"[", b"]", b'"', b",", b":", b"null", b"-1", b"1e999", b"[DONE]",
     b"\\ud83d", b"\xff\xfe", b"\xef\xbb\xbf", b"\x00", b"<html>", b": c\n\n", b'{"error":', b'"type":"error"', b"[" * 3000, b"\x00\x00\x00\x10"]
)  # fmt: skip


def check(said: Spoken, body: bytes, content_type: str | None = None) -> None:
    """The decoder gives the same parts at every cut and one end; either form of the reply keeps its promises."""
    same_at_every_cut(lambda: said.decoder(content_type), body, seeds=1)
    came = ran(said.decoder(content_type), [body], stream=True)
    if came.started:
        checked(events_of(came.data))
    assert came.started or came.fault is not None
    came = ran(said.decoder(content_type), [body], stream=False)
    assert bool(came.data) == (came.fault is None)
    if said.passing(content_type) is not None:
        out, fault, started = same_for_every_cut(lambda pieces: _passed(said, content_type, pieces), body, seeds=1)
        assert started or (fault is not None and not out)


def _passed(said: Spoken, content_type: str | None, pieces: list[bytes]) -> tuple[bytes, str | None, bool]:
    reply: Reply | None = said.passing(content_type)
    assert reply is not None
    out = b"".join(reply.feed(piece) for piece in pieces)
    out += reply.finish()
    reply.summary()
    return out, reply.fault.kind.name if reply.fault else None, reply.started


@EVERY
@SOME
@given(tokens=st.lists(JSONISH | SMALL, max_size=8), content_type=TYPES)
def test_no_bytes_break_a_decoder(name: str, tokens: list[bytes], content_type: str | None) -> None:
    """Any bytes under any content type are read to one end."""
    check(SAID[name], b"".join(tokens), content_type)


@st.composite
def damaged(draw: st.DrawFn, said: Spoken) -> bytes:
    """The body of an answer whose pieces were dropped, doubled or swapped, and whose bytes were cut, changed or added to."""
    pieces = list(said.pieces)
    for _ in range(draw(st.integers(0, 2))):
        at, other = draw(st.integers(0, len(pieces) - 1)), draw(st.integers(0, len(pieces) - 1))
        pieces[at : at + 1] = draw(st.sampled_from([[], [pieces[at], pieces[at]], [pieces[other]]]))
        pieces = pieces or [b""]
    body = b"".join(pieces)
    for _ in range(draw(st.integers(0, 2))):
        begin = draw(st.integers(0, len(body)))
        end = min(len(body), begin + draw(st.sampled_from([0, 1, 2, 8, 40, 10_000])))
        body = body[:begin] + draw(JSONISH | SMALL | st.just(b"")) + body[end:]
    return body


@EVERY
@SOME
@given(data=st.data())
def test_no_damage_breaks_a_decoder(name: str, data: st.DataObject) -> None:
    """A real answer with damage of any kind is read to one end."""
    check(SAID[name], data.draw(damaged(SAID[name])))


ODD: st.SearchStrategy[Any] = st.sampled_from(
    [
        None,
        True,
        -1,
        0,
        1.5,
        10**30,
        "",
        "a",
        "{",
        "stop",
        "\U0001f600",
        [],
        {},
        [None],
        {"a": 1},
        [[]],
        [{"type": "text"}],
    ]
)


@st.composite
def bent(draw: st.DrawFn, value: Any) -> Any:
    """A JSON value with something odd in the place of one of its nodes, or with one member less."""
    inside = list(value) if isinstance(value, dict) else list(range(len(value))) if isinstance(value, list) else []
    if not inside or draw(st.integers(0, 5)) == 0:
        return draw(ODD)
    at = draw(st.sampled_from(inside))
    changed = value.copy()
    if draw(st.integers(0, 9)) == 0:
        del changed[at]
    else:
        changed[at] = draw(bent(value[at]))
    return changed


def value_in(said: Spoken, piece: bytes) -> tuple[Any, Callable[[Any], bytes]]:
    """The JSON value that a piece carries, and what makes a piece of another value."""
    if said not in BINARY.values():
        begin, end = piece.find(b"{"), piece.rfind(b"}") + 1
        if begin < 0:
            return None, lambda value: piece
        return json.loads(piece[begin:end]), lambda value: piece[:begin] + json.dumps(value).encode() + piece[end:]
    (sent,) = FrameReader().feed(piece)
    headers = list(sent.headers.items())
    payload = json.loads(sent.payload)
    if said.dialect != "bedrock":
        return payload, lambda value: cwvectors.encode_frame(headers, json.dumps(value).encode())

    def carried(value: Any) -> bytes:
        event = b64encode(json.dumps(value).encode()).decode()
        frame: bytes = cwvectors.encode_frame(headers, json.dumps({**payload, "bytes": event}).encode())
        return frame

    return json.loads(b64decode(payload["bytes"])), carried


@EVERY
@SOME
@given(data=st.data())
def test_no_member_of_another_type_breaks_a_decoder(name: str, data: st.DataObject) -> None:
    """Anything anywhere in the JSON of a real answer, checksums and all around it right, is read to one end."""
    said = SAID[name]
    pieces = list(said.pieces)
    places = st.integers(0, len(pieces) - 1)
    for at in data.draw(st.lists(places, min_size=1, max_size=3, unique=True)):
        value, piece_of = value_in(said, pieces[at])
        pieces[at] = piece_of(data.draw(bent(value)))
    check(said, b"".join(pieces))


@given(
    st.lists(st.sampled_from([piece for said in BINARY.values() for piece in said.pieces]) | SMALL, max_size=6),
    st.lists(st.tuples(st.integers(0, 3_000), st.integers(1, 255)), max_size=3),
)
def test_no_bytes_break_the_event_stream_reader(pieces: list[bytes], flips: list[tuple[int, int]]) -> None:
    """Frames, garbage and flipped bytes give the same frames and the same verdict at every cut, and none that was not sent."""
    body = bytearray(b"".join(pieces))
    for at, mask in flips:
        if at < len(body):
            body[at] ^= mask
    frames, broken, leftover = same_for_every_cut(_read, bytes(body))
    clean = [frame for piece in pieces if len(piece) > 6 for frame in FrameReader().feed(piece)]
    assert all(frame in clean for frame in frames)
    assert broken is not None or leftover or not any(len(piece) <= 6 for piece in pieces if piece)


def _read(pieces: list[bytes]) -> tuple[list[Frame], str | None, int]:
    reader = FrameReader()
    frames = [frame for piece in pieces for frame in reader.feed(piece)]
    return frames, reader.broken, 0 if reader.broken else reader.leftover
