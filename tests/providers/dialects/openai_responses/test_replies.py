"""What becomes of responses, streamed and whole; the rows are in `tests/tables/responses_replies/`.

A row (see `reply_rows`) has the answer as `stream` (events; `e` is the type without `response.`, `raw` text sent as it is), `body`
(JSON) or `bytes`.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.dialects.openai_responses.replies import ReplyDecoder
from providers.dialects.seams import Decoder, Encoded, Head
from tests.fakes.cuts import same_at_every_cut
from tests.fakes.replies import ask_of, streamed, whole
from tests.providers.dialects.reply_rows import Row, check_streamed, check_whole, rows_in

ROWS = rows_in("responses_replies")


def _frame(one: Any) -> str:
    if isinstance(one, dict) and "raw" in one:
        return str(one["raw"])
    if isinstance(one, dict) and "e" in one:
        one = {"type": f"response.{one['e']}", **{key: value for key, value in one.items() if key != "e"}}
    name = one.get("type") if isinstance(one, dict) else None
    line = f"event: {name}\n" if isinstance(name, str) and name.isprintable() else ""
    return f"{line}data: {json.dumps(one)}\n\n"


def _body(row: Row) -> bytes:
    if "bytes" in row:
        return str(row["bytes"]).encode()
    if "body" in row:
        return json.dumps(row["body"]).encode()
    return "".join(map(_frame, row["stream"])).encode()


def _decoder(row: Row) -> Decoder:
    ask = ask_of(row.get("tools", ()), row.get("stop_sequences", ()), row.get("server_tools", ()))
    head = Head(200, {"content-type": row.get("content_type", "text/event-stream; charset=utf-8")})
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


TOKENS = st.sampled_from(
    [b"data: ", b"\n\n", b"\r\n", b"[DONE]", b"{", b"}", b"[", b"]", b",", b'"', b"\\ud83d", b"<html>", b"\xff\xfe", b"\xef\xbb\xbf", b"null",
     b"event: error\n", b"event: response.completed\n", b'"error":', b'{"output":[', b'{"type":"message","content":[{"type":"output_text","text":"a"}]}',
     b'data: {"type":"response.output_text.delta","delta":"a","output_index":0}\n\n', b'data: {"type":"response.completed","response":{}}\n\n',
     b'data: {"type":"response.output_item.added","output_index":1,"item":{"type":"function_call","name":"f"}}\n\n',
     b'data: {"type":"response.function_call_arguments.delta","output_index":1,"delta":"{"}\n\n']
)  # fmt: skip


@given(
    st.lists(TOKENS | st.binary(max_size=6), max_size=12),
    st.sampled_from(["text/event-stream", "application/json", ""]),
)
def test_no_bytes_break_the_decoder(tokens: list[bytes], content_type: str) -> None:
    """Any bytes give parts with one end, at every cut, and a reply that keeps its promises."""
    row, body = {"content_type": content_type}, b"".join(tokens)
    same_at_every_cut(lambda: _decoder(row), body, seeds=1)
    streamed(lambda: _decoder(row), body)
    whole(lambda: _decoder(row), body)


MEMBERS = [
    "type", "delta", "output_index", "item_id", "summary_index", "item", "response", "arguments", "annotation", "error", "status", "output",
    "usage", "input_tokens", "output_tokens", "incomplete_details", "reason", "id", "call_id", "name", "content", "text", "refusal", "summary",
    "encrypted_content", "action", "query", "queries", "sources", "url", "title", "annotations", "code", "message",
]  # fmt: skip
TYPES = [
    "output_item.added", "output_item.done", "output_text.delta", "output_text.annotation.added", "refusal.delta",
    "function_call_arguments.delta", "function_call_arguments.done", "reasoning_summary_part.added", "reasoning_summary_text.delta",
    "reasoning_text.delta", "completed", "incomplete", "failed", "created",
]  # fmt: skip
WORDS = [
    "",
    "a",
    "message",
    "function_call",
    "reasoning",
    "web_search_call",
    "output_text",
    "summary_text",
    "url_citation",
    "search",
    "completed",
]
SCALARS = st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(WORDS)
ODD = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(MEMBERS), inner, max_size=5),
    max_leaves=14,
)


@given(st.lists(st.tuples(st.sampled_from(TYPES), ODD), max_size=6))
def test_no_event_breaks_the_decoder(events: list[tuple[str, Any]]) -> None:
    """Members of any type anywhere in an event give parts with one end."""
    values = [{"e": kind, **(value if isinstance(value, dict) else {"item": value})} for kind, value in events]
    body = "".join(map(_frame, values)).encode()
    same_at_every_cut(lambda: _decoder({}), body, seeds=1)
    streamed(lambda: _decoder({}), body)
    whole(lambda: _decoder({}), json.dumps(values[0] if values else None).encode())
