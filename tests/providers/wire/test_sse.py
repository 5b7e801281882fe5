"""Server-sent events from bytes cut anywhere."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.wire.sse import Frame, SseDecoder
from tests.fakes.cuts import all_of, same_for_every_cut

ROWS: list[tuple[str, bytes, list[Frame]]] = [
    ("one event", b"data: a\n\n", [Frame(b"a")]),
    ("two events in one write", b"data: a\n\ndata: b\n\n", [Frame(b"a"), Frame(b"b")]),
    ("carriage returns end lines", b"data: a\r\rdata: b\r\r", [Frame(b"a"), Frame(b"b")]),
    ("so do pairs", b"data: a\r\n\r\ndata: b\r\n\r\n", [Frame(b"a"), Frame(b"b")]),
    ("and all three mixed", b"data: a\r\ndata: b\n\rdata: c\r\n\n", [Frame(b"a\nb"), Frame(b"c")]),
    ("data lines are joined", b"data: a\ndata:b\ndata\n\n", [Frame(b"a\nb\n")]),
    ("only the first space goes", b"data:  a \n\n", [Frame(b" a ")]),
    ("no space after the colon", b"data:a\n\n", [Frame(b"a")]),
    ("an event's name", b"event: error\ndata: a\n\n", [Frame(b"a", b"error")]),
    ("a name behind its data", b"data: a\nevent:x\n\n", [Frame(b"a", b"x")]),
    ("a name without data is nothing", b"event: ping\n\ndata: a\n\n", [Frame(b"a")]),
    (
        "comments, ids and unknown fields are nothing",
        b": hi\n\nid: 1\nretry: 2\nfoo: 3\nfoo\ndata: a\n\n",
        [Frame(b"a")],
    ),
    ("a byte order mark", b"\xef\xbb\xbfdata: a\n\n", [Frame(b"a")]),
    ("a second mark is part of a field's name", b"\xef\xbb\xbf\xef\xbb\xbfdata: a\n\ndata: b\n\n", [Frame(b"b")]),
    ("blank lines", b"\n\n\ndata: a\n\n\n\n\ndata: b\n\n\n", [Frame(b"a"), Frame(b"b")]),
    ("empty data", b"data:\n\ndata\n\n", [Frame(b""), Frame(b"")]),
    (
        "what Unicode calls line ends",
        "data: \u2028\u2029\u0085\f\v\x1c\n\n".encode(),
        [Frame("\u2028\u2029\u0085\f\v\x1c".encode())],
    ),
    ("text of several bytes", "data: ü😀\n\n".encode(), [Frame("ü😀".encode())]),
    ("what stands unfinished at the end", b"data: a\n\ndata: b", [Frame(b"a"), Frame(b"b")]),
    ("with one line end", b"data: a\r\ndata: b\r\n", [Frame(b"a\nb")]),
    ("half a byte order mark", b"\xef\xbb", []),
    ("nothing", b"", []),
]


@pytest.mark.parametrize(("data", "frames"), [pytest.param(data, frames, id=says) for says, data, frames in ROWS])
def test_frames(data: bytes, frames: list[Frame]) -> None:
    """Each row gives its frames, however it is cut."""
    assert same_for_every_cut(lambda pieces: all_of(SseDecoder(), pieces), data) == frames


@given(
    st.lists(
        st.sampled_from(
            [b"data: ", b"data:", b"\n", b"\r", b"\r\n", b"\n\n", b"a", b":", b"event: x", b"\xef\xbb\xbf"]
        ),
        max_size=30,
    )
)
def test_frames_do_not_depend_on_the_cut(pieces: list[bytes]) -> None:
    """Whatever is made of the pieces of the format, the cut does not matter."""
    same_for_every_cut(lambda cut: all_of(SseDecoder(), cut), b"".join(pieces))


@given(st.lists(st.text(), max_size=5))
def test_what_a_server_writes_comes_out(texts: list[str]) -> None:
    """JSON written as events is read back."""
    data = b"".join(
        b"data: " + json.dumps(text, ensure_ascii=False).encode("utf-8", "replace") + b"\r\n\r\n" for text in texts
    )
    frames = same_for_every_cut(lambda cut: all_of(SseDecoder(), cut), data)
    assert [json.loads(frame.data) for frame in frames] == [text.encode("utf-8", "replace").decode() for text in texts]


@pytest.mark.parametrize("size", [99, 100, 101, 5_000])
def test_an_event_over_the_limit_is_a_fault(size: int) -> None:
    """An event of more bytes than the limit ends the stream, whether its end came or not; the events before it stand."""
    for end in (b"\n\n", b"\n", b""):
        big = b"data: a\n\n\n" + b"data: " + b"x" * (size - 6) + end + (b"data: b\n\n" if end == b"\n\n" else b"")

        def run(pieces: list[bytes]) -> tuple[list[Frame], bool]:
            decoder = SseDecoder(max_event_bytes=100)
            frames = all_of(decoder, pieces)
            return frames, decoder.fault is not None

        frames, is_fault = same_for_every_cut(run, big)
        assert is_fault == (size > 100)
        assert frames[0] == Frame(b"a")
        assert (len(frames) == 1) == is_fault
