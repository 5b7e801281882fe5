"""What becomes of Gemini's replies, streamed and whole; the rows are in `tests/tables/gemini_replies/`.

A row (see `reply_rows`) has the answer as `stream` (chunks; `p` the parts of a candidate, `f` its finish reason), `body` (JSON) or `bytes`.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from google.genai import types
from hypothesis import given
from hypothesis import strategies as st

from providers.dialects.gemini.replies import ReplyDecoder
from providers.dialects.seams import Decoder, Encoded, Head
from tests.fakes.cuts import same_at_every_cut
from tests.fakes.replies import ask_of, sse, streamed, whole
from tests.providers.dialects.reply_rows import Row, check_streamed, check_whole, rows_in

ROWS = rows_in("gemini_replies")


def _chunk(one: Row) -> Any:
    if "p" not in one:
        return one
    candidate = {"content": {"role": "model", "parts": one["p"]}, "index": 0}
    if "f" in one:
        candidate["finishReason"] = one["f"]
    return {"candidates": [candidate], **{key: value for key, value in one.items() if key not in ("p", "f")}}


def _body(row: Row) -> bytes:
    if "bytes" in row:
        return str(row["bytes"]).encode()
    if "body" in row:
        return json.dumps(row["body"]).encode()
    return sse([_chunk(one) for one in row["stream"]], done=False)


def _decoder(row: Row) -> Decoder:
    ask = ask_of(row.get("tools", ()), row.get("stop_sequences", ()), row.get("server_tools", ()))
    head = Head(200, {"content-type": row.get("content_type", "application/json; charset=UTF-8")})
    return ReplyDecoder(ask, Encoded("/", b"", {}, tool_names=row.get("tool_names") or {}), head)


@pytest.mark.parametrize("row", ROWS)
def test_a_streamed_reply_is_what_its_row_says(row: Row) -> None:
    """Streamed, every row gives its content, stop, usage and fixes (as the official SDK reads them), or its fault."""
    check_streamed(lambda: _decoder(row), _body(row), row)


@pytest.mark.parametrize("row", ROWS)
def test_a_whole_reply_is_what_its_row_says(row: Row) -> None:
    """The same rows, not streamed, give the same content, stop and usage, or the same fault."""
    check_whole(lambda: _decoder(row), _body(row), row)


@pytest.mark.parametrize("row", ROWS)
def test_parts_do_not_depend_on_the_cut(row: Row) -> None:
    """The decoder alone gives the same parts for every cut, and exactly one end."""
    same_at_every_cut(lambda: _decoder(row), _body(row))


IMPOSSIBLE = ("negative", "nobody knows", "no object", "error", "overload")


@pytest.mark.parametrize("row", [row for row in ROWS if "stream" in row.values[0]])
def test_the_rows_are_replies_that_the_official_package_reads(row: Row) -> None:
    """What the tables hold is of the vendor's own form, apart from what it could not send."""
    if not any(words in row["says"] for words in IMPOSSIBLE):
        for one in row["stream"]:
            types.GenerateContentResponse.model_validate(_chunk(one))


TOKENS = st.sampled_from(
    [b"data: ", b"\n\n", b"\r\n", b"{", b"}", b"[", b"]", b",", b'"', b"\\ud83d", b"<html>", b"\xff\xfe", b"\xef\xbb\xbf", b"null", b": c\n\n",
     b'{"candidates":[', b']}', b'{"content":{"parts":[{"text":"a"}]}}', b'"finishReason":"STOP"', b'{"error":{"code":503}}', b'"usageMetadata":{}',
     b'data: {"candidates":[{"content":{"parts":[{"text":"a"}]}}]}\n\n', b'data: {"candidates":[{"finishReason":"STOP"}]}\n\n',
     b'data: {"candidates":[{"content":{"parts":[{"functionCall":{"name":"f","args":{"a":1}},"thoughtSignature":"S"}]}}]}\n\n']
)  # fmt: skip


@given(
    st.lists(TOKENS | st.binary(max_size=6), max_size=12),
    st.sampled_from(["text/event-stream", "application/json", ""]),
)
def test_no_bytes_break_the_decoder(tokens: list[bytes], content_type: str) -> None:
    """Any bytes give parts with one end, at every cut, and a reply that keeps its promises."""
    row, body = {"content_type": content_type, "server_tools": ["web_search_1"]}, b"".join(tokens)
    same_at_every_cut(lambda: _decoder(row), body, seeds=1)
    streamed(lambda: _decoder(row), body)
    whole(lambda: _decoder(row), body)


MEMBERS = [
    "candidates", "index", "content", "parts", "text", "thought", "thoughtSignature", "functionCall", "id", "name", "args", "partialArgs",
    "finishReason", "finishMessage", "groundingMetadata", "webSearchQueries", "groundingChunks", "web", "uri", "title", "promptFeedback",
    "blockReason", "usageMetadata", "promptTokenCount", "cachedContentTokenCount", "candidatesTokenCount", "totalTokenCount", "error",
]  # fmt: skip
SCALARS = st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["", "a", "STOP", "OTHER", "SAFETY", "0"])
ODD = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(MEMBERS), inner, max_size=4),
    max_leaves=12,
)


@given(st.lists(ODD, max_size=5), st.booleans())
def test_no_chunk_breaks_the_decoder(values: list[Any], as_part: bool) -> None:
    """Members of any type anywhere in a chunk give parts with one end."""
    if as_part:
        values = [
            {"candidates": [{"content": {"parts": [value]}, "groundingMetadata": value, "finishReason": "STOP"}]}
            for value in values
        ]
    row = {"server_tools": ["web_search_1"]}
    body = sse(values, done=False)
    same_at_every_cut(lambda: _decoder(row), body, seeds=1)
    streamed(lambda: _decoder(row), body)
    whole(lambda: _decoder(row), json.dumps(values).encode())
