"""HTTP/1.1 framing: any cut of the same bytes means the same."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.wire.http1 import AnswerParser, Garbage, head_bytes

HEAD = b"HTTP/1.1 200 OK\r\n"
CASES: dict[str, tuple[bytes, object]] = {
    # name: (bytes, (status, body, complete, keep-alive, whole at the end)), or `garbage`
    "length": (HEAD + b"content-length: 5\r\n\r\nhello", (200, b"hello", True, True, True)),
    "empty": (HEAD + b"content-length: 0\r\n\r\n", (200, b"", True, True, True)),
    "chunked": (HEAD + b"transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", (200, b"hello", True, True, True)),
    "trailers": (
        HEAD + b"transfer-encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nlate: 1\r\n\r\n",
        (200, b"x", True, True, True),
    ),
    "until-close": (HEAD + b"\r\nhello", (200, b"hello", False, False, True)),
    "short": (HEAD + b"content-length: 9\r\n\r\nhello", (200, b"hello", False, False, False)),
    "no-last-chunk": (HEAD + b"transfer-encoding: chunked\r\n\r\n1\r\nx\r\n", (200, b"x", False, False, False)),
    "half-head": (HEAD + b"content-le", (None, b"", False, False, False)),
    "nothing": (b"", (None, b"", False, False, False)),
    "close": (HEAD + b"connection: close\r\ncontent-length: 1\r\n\r\nx", (200, b"x", True, False, True)),
    "interim": (
        b"HTTP/1.1 103 Early\r\nlink: x\r\n\r\n" + HEAD + b"content-length: 1\r\n\r\nx",
        (200, b"x", True, True, True),
    ),
    "no-content": (b"HTTP/1.1 204 None\r\n\r\n", (204, b"", True, True, True)),
    "junk-after": (HEAD + b"content-length: 1\r\n\r\nxjunk", (200, b"x", True, False, True)),
    "second-answer": (HEAD + b"content-length: 1\r\n\r\nx" + HEAD + b"x-b: 2\r\n\r\n", (200, b"x", True, False, True)),
    "http-1.0": (b"HTTP/1.0 200 OK\r\ncontent-length: 1\r\n\r\nx", (200, b"x", True, False, True)),
    "two-lengths": (HEAD + b"content-length: 1\r\ncontent-length: 2\r\n\r\nx", "garbage"),
    "length-and-chunked": (HEAD + b"content-length: 1\r\ntransfer-encoding: chunked\r\n\r\n", "garbage"),
    "negative-length": (HEAD + b"content-length: -1\r\n\r\n", "garbage"),
    "bare-newlines": (b"HTTP/1.1 200 OK\ncontent-length: 0\n\n", "garbage"),
    "another-protocol": (b"SSH-2.0-x\r\n", "garbage"),
    "upgrade": (b"HTTP/1.1 101 X\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n", "garbage"),
}


def meaning(pieces: list[bytes], method: str = "POST") -> object:
    parser, body = AnswerParser(method), b""
    try:
        for piece in pieces:
            body += b"".join(parser.feed(piece))
    except Garbage:
        return "garbage"
    status = parser.head.status if parser.head else None
    return status, body, parser.complete, parser.keep_alive, parser.end()


@pytest.mark.parametrize(("data", "means"), CASES.values(), ids=CASES)
def test_answer_means_the_same_however_it_is_cut(data: bytes, means: object) -> None:
    """Whole and byte by byte give the same status, body and end."""
    assert meaning([data]) == means
    assert meaning([data[index : index + 1] for index in range(len(data))]) == means


@given(st.sampled_from(sorted(CASES)), st.lists(st.integers(0, 120), max_size=6))
def test_answer_means_the_same_for_any_cut(name: str, cuts: list[int]) -> None:
    """Random cuts change nothing."""
    data, means = CASES[name]
    places = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]

    assert meaning([data[a:b] for a, b in pairwise(places)]) == means


@given(st.binary(max_size=300), st.booleans())
def test_any_bytes_are_an_answer_or_garbage(data: bytes, headed: bool) -> None:
    """Hostile bytes raise nothing but `Garbage`."""
    meaning([HEAD + data if headed else data])


def test_head_of_a_head_request_ends_the_answer() -> None:
    """An answer to HEAD has no body whatever its length says, and its connection is not used again."""
    assert meaning([HEAD + b"content-length: 5\r\n\r\n"], "HEAD") == (200, b"", True, False, True)


def test_fields_are_joined_and_trailers_left_out() -> None:
    """Names are lower-case, repeated ones joined by a comma; trailers change nothing."""
    parser = AnswerParser("POST")
    parser.feed(HEAD + b"X-A: 1\r\nx-a: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\nx-a: 3\r\nx-b: 4\r\n\r\n")

    assert parser.head is not None
    assert dict(parser.head.headers) == {"x-a": "1, 2", "transfer-encoding": "chunked"}


@pytest.mark.parametrize("flood", [HEAD + b"x: " + b"a" * 70_000, HEAD + b"a: b\r\n" * 12_000])
def test_head_has_a_limit(flood: bytes) -> None:
    """A head that does not end is garbage at 64 KiB, in one piece or in many."""
    assert meaning([flood]) == "garbage"
    assert meaning([flood[at : at + 1000] for at in range(0, len(flood), 1000)]) == "garbage"


def test_framing_without_content_has_a_limit() -> None:
    """Endless chunk extensions do not pass as an answer in progress."""
    start = HEAD + b"transfer-encoding: chunked\r\n\r\n1;"

    assert meaning([start] + [b"x" * 1000] * 100) == "garbage"


@pytest.mark.parametrize("bad", ["a\r\nb: c", "a\nb", "a\rb", "a\0b"])
def test_header_cannot_end_its_line(bad: str) -> None:
    """A line break in a name or value is refused."""
    with pytest.raises(ValueError):
        head_bytes("POST", "/", "a.test", [("x", bad)], 0)
    with pytest.raises(ValueError):
        head_bytes("POST", "/", "a.test", [(bad, "x")], 0)
