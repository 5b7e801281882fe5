"""The event-stream reader against Amazon's own decoder, under any chunking and any damage."""

from __future__ import annotations

import struct
import zlib
from typing import Any

import pytest
from botocore.eventstream import EventStreamBuffer, ParserError
from hypothesis import given, settings
from hypothesis import strategies as st

from providers.wire.eventstream import Frame, FrameReader
from tests.vectors.codewhisperer import cwvectors

CASES = cwvectors.load("streams.json")["cases"]
CHUNKINGS: list[Any] = ["whole", "bytes", {"size": 13}, {"seed": 1}, {"seed": 2}]

NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=12)
VALUES = st.one_of(
    st.tuples(st.just("bool"), st.booleans()),
    st.tuples(st.just("byte"), st.integers(-(2**7), 2**7 - 1)),
    st.tuples(st.just("short"), st.integers(-(2**15), 2**15 - 1)),
    st.tuples(st.just("int"), st.integers(-(2**31), 2**31 - 1)),
    st.tuples(st.just("long"), st.integers(-(2**63), 2**63 - 1)),
    st.tuples(st.just("timestamp"), st.integers(0, 2**63 - 1)),
    st.tuples(st.just("bytes"), st.binary(max_size=40)),
    st.tuples(st.just("string"), st.text(st.characters(codec="utf-8"), max_size=40)),
    st.tuples(st.just("uuid"), st.uuids()),
)
FRAMES = st.tuples(st.dictionaries(NAMES, VALUES, max_size=5), st.binary(max_size=200))


def read(data: bytes, plan: Any = "whole") -> tuple[list[Frame], FrameReader]:
    reader = FrameReader()
    frames = [frame for piece in cwvectors.chunks(data, plan) for frame in reader.feed(piece)]
    return frames, reader


def botocore_reading(data: bytes) -> tuple[list[tuple[dict[str, Any], bytes]], bool]:
    buffer, seen = EventStreamBuffer(), []
    try:
        buffer.add_data(data)
        for message in buffer:
            seen.append((dict(message.headers), bytes(message.payload)))
    except (ParserError, KeyError, UnicodeDecodeError, struct.error):
        return seen, False
    return seen, not buffer._data


def encoded(frames: list[tuple[dict[str, tuple[str, Any]], bytes]]) -> bytes:
    return b"".join(
        cwvectors.encode_frame([(name, value, kind) for name, (kind, value) in headers.items()], payload)
        for headers, payload in frames
    )


def sealed(total: int, headers: int, rest: bytes = b"") -> bytes:
    """A frame with chosen lengths and right checksums."""
    prelude = struct.pack(">II", total, headers)
    prelude += struct.pack(">I", zlib.crc32(prelude))
    return prelude + rest + struct.pack(">I", zlib.crc32(prelude + rest))


def with_headers(block: bytes) -> bytes:
    return sealed(16 + len(block), len(block), block)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_every_vector_decodes_as_in_botocore(case: dict[str, Any]) -> None:
    """Every stream of the vectors gives botocore's frames, also when cut anywhere, and is clean exactly when said so."""
    data = cwvectors.encode_case(case)
    wanted, _ = botocore_reading(data)
    clean = case.get("decode", {}).get("clean", True)
    for plan in CHUNKINGS:
        frames, reader = read(data, plan)
        assert [(dict(frame.headers), frame.payload) for frame in frames] == wanted
        assert (reader.broken is None and reader.leftover == 0) == clean


@given(st.lists(FRAMES, max_size=4), st.integers(0, 2**16))
@settings(max_examples=60, deadline=None)
def test_frames_with_any_headers_are_read_as_botocore_reads_them(frames: Any, seed: int) -> None:
    """All header types, in any chunking, agree with the oracle."""
    data = encoded(frames)
    wanted, clean = botocore_reading(data)
    got, reader = read(data, {"seed": seed})
    assert clean
    assert [(dict(frame.headers), frame.payload) for frame in got] == wanted
    assert (reader.broken, reader.leftover) == (None, 0)


@given(st.lists(FRAMES, min_size=1, max_size=3), st.data())
@settings(max_examples=80, deadline=None)
def test_one_flipped_byte_never_gives_another_frame(frames: Any, data: st.DataObject) -> None:
    """After damage come only frames that were sent, from the front, and the stream is not clean."""
    sent = encoded(frames)
    at = data.draw(st.integers(0, len(sent) - 1))
    damaged = bytearray(sent)
    damaged[at] ^= data.draw(st.integers(1, 255))
    got, reader = read(bytes(damaged), {"seed": at})
    whole, _ = read(sent)
    assert got == whole[: len(got)]
    assert len(got) < len(whole)
    assert reader.broken is not None or reader.leftover


@given(st.binary(max_size=300), st.integers(0, 2**16))
@settings(max_examples=80, deadline=None)
def test_any_bytes_are_read_without_an_exception(data: bytes, seed: int) -> None:
    """Garbage breaks the reader, it never raises, and chunking does not change what it says."""
    whole, chunked = read(data), read(data, {"seed": seed})
    assert whole[0] == chunked[0]
    assert whole[1].broken == chunked[1].broken


@given(
    st.lists(
        st.sampled_from([b"\x00", b"\x01", b"\x07", b"\x06", b"\x09", b"\x0a", b"\xff", b"a", b"\x03"]), max_size=12
    )
)
@settings(max_examples=120, deadline=None)
def test_hostile_header_blocks_break_the_stream(pieces: list[bytes]) -> None:
    """A header block with right checksums is either read as the oracle reads it or named as broken."""
    data = with_headers(b"".join(pieces))
    frames, reader = read(data)
    if reader.broken is None:
        assert [(dict(frame.headers), frame.payload) for frame in frames] == botocore_reading(data)[0]
    else:
        assert frames == []


HOSTILE = [
    ("tiny", sealed(8, 0), "contradict"),
    ("smaller-than-a-frame", sealed(15, 0), "contradict"),
    ("headers-longer-than-frame", sealed(20, 5, b"abcd"), "contradict"),
    ("huge-payload", sealed(2**30, 0), "announces 1073741824 bytes"),
    ("largest", sealed(2**32 - 1, 0), "announces 4294967295 bytes"),
    ("huge-headers", sealed(2**20, 2**19), "bytes of headers"),
    ("header-cut", with_headers(b"\x05ab"), "do not fit"),
    ("value-cut", with_headers(b"\x01a\x07\x00\x09abc"), "do not fit"),
    ("length-cut", with_headers(b"\x01a\x07\x00"), "do not fit"),
    ("no-type", with_headers(b"\x01a"), "do not fit"),
    ("unknown-type", with_headers(b"\x01a\x0b"), "unknown type 11"),
    ("twice", with_headers(b"\x01a\x00\x01a\x01"), "`a` occurs twice"),
    ("nameless", with_headers(b"\x00\x00"), "without a name"),
    ("name-not-utf8", with_headers(b"\x01\xff\x00"), "not UTF-8"),
    ("value-not-utf8", with_headers(b"\x01a\x07\x00\x01\xff"), "not UTF-8"),
    ("prelude", b"\x00" * 12, "prelude"),
    ("http", b"HTTP/1.1 200 OK\r\n\r\n", "prelude"),
]


@pytest.mark.parametrize(("data", "said"), [row[1:] for row in HOSTILE], ids=[row[0] for row in HOSTILE])
def test_hostile_frames_are_named(data: bytes, said: str) -> None:
    """A frame that lies is refused at once with its reason, and nothing after it is read."""
    reader = FrameReader()
    assert list(reader.feed(data)) == []
    assert reader.broken is not None
    assert said in reader.broken
    assert list(reader.feed(cwvectors.encode_frame([("a", "b")], b"x"))) == []
    assert reader.leftover == 0


def test_a_cut_stream_has_leftover_bytes() -> None:
    """Every cut inside a frame leaves exactly the bytes of that frame over."""
    first, second = (cwvectors.encode_frame([("a", "b")], bytes([n]) * 40) for n in (1, 2))
    for cut in range(len(first) + 1, len(first) + len(second)):
        frames, reader = read((first + second)[:cut])
        assert len(frames) == 1
        assert (reader.broken, reader.leftover) == (None, cut - len(first))


def test_many_frames_in_one_chunk_are_all_read() -> None:
    """A chunk of twenty thousand frames is cut up without losing one."""
    data = cwvectors.encode_frame([(":event-type", "x")], b'{"content":"abc"}') * 20_000
    frames, reader = read(data)
    assert len(frames) == 20_000
    assert reader.leftover == 0
