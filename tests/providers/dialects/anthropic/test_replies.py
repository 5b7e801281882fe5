"""Anthropic's own replies as parts, streamed and whole."""

from __future__ import annotations

import json
from typing import Any

import pytest

from providers.dialects.anthropic.dialect import ANTHROPIC
from providers.dialects.seams import Decoder, Head
from providers.messages.parts import (
    Citation,
    Fault,
    Part,
    Redacted,
    Signature,
    Stop,
    Text,
    Thinking,
    ToolEnd,
    ToolInput,
    ToolStart,
    Usage,
    Whole,
)
from providers.translate import translated
from tests.fakes.anthropic_upstream import Reply, event
from tests.fakes.cuts import same_at_every_cut
from tests.fakes.upstream import Call
from tests.providers.dialects.anthropic.asks import BASE, ask_of

ASK = ask_of(BASE)
SAID = Reply("hello", calls=(Call("f", {"a": 1}), Call("g", {}, "call_2")), thinking="hmm", fragment=100)
STREAM = b"".join(event(value) for value in SAID.events("up"))
WHOLE = json.dumps(SAID.message("up")).encode()


def decoder(headers: dict[str, str] | None = None) -> Decoder:
    return ANTHROPIC.decoder(ASK, ANTHROPIC.encode(ASK), Head(200, headers or {}))


def parts_of(data: bytes) -> list[Part]:
    return same_at_every_cut(decoder, data)


def test_a_stream_gives_its_parts() -> None:
    """Block by block, with usage where it was said, and the stop last."""
    assert parts_of(STREAM) == [
        Usage(input=20, output=1, cache_read=5, cache_write=0),
        Thinking("hmm"),
        Signature("c2lnbmVk"),
        Text("hello"),
        ToolStart(0, "call_1", "f"),
        ToolInput(0, '{"a": 1}'),
        ToolEnd(0),
        ToolStart(1, "call_2", "g"),
        ToolInput(1, "{}"),
        ToolEnd(1),
        Usage(output=7),
        Stop("tool_use"),
    ]


def test_a_whole_message_gives_its_parts() -> None:
    """The same, in one go."""
    parts = [part for part in parts_of(WHOLE) if not isinstance(part, Usage | ToolInput)]
    streamed = [part for part in parts_of(STREAM) if not isinstance(part, Usage | ToolInput)]
    assert parts == streamed


def as_message(data: bytes, stream: bool) -> Any:
    reply = translated(decoder(), stream=stream, model="claude-x", message_id="msg_1", new_id=lambda: "1")
    out = reply.feed(data) + reply.finish()
    assert reply.fault is None
    return (
        json.loads(out)
        if not stream
        else [json.loads(line[6:]) for line in out.splitlines() if line.startswith(b"data: ")]
    )


def test_the_other_form_says_the_same() -> None:
    """A stream folded and a message streamed hold what the upstream said."""
    folded = as_message(STREAM, stream=False)
    assert folded["content"] == SAID.message("up")["content"]
    assert (folded["stop_reason"], folded["model"]) == ("tool_use", "claude-x")
    kinds = [one["type"] for one in as_message(WHOLE, stream=True)]
    assert (kinds[0], kinds[-1], kinds.count("content_block_start")) == ("message_start", "message_stop", 4)


BLOCKS: list[tuple[dict[str, Any], list[Part]]] = [
    ({"type": "redacted_thinking", "data": "ZGF0"}, [Redacted("ZGF0")]),
    ({"type": "text", "text": "a", "citations": [{"type": "x"}]}, [Text("a"), Citation({"type": "x"})]),
    ({"type": "text", "text": ""}, []),
    ({"type": "thinking", "thinking": "", "signature": "s"}, [Signature("s")]),
    ({"type": "future_block", "x": 1}, [Whole({"type": "future_block", "x": 1})]),
    (
        {"type": "web_search_tool_result", "tool_use_id": "s", "content": []},
        [Whole({"type": "web_search_tool_result", "tool_use_id": "s", "content": []})],
    ),
]


@pytest.mark.parametrize(
    ("block", "parts"), BLOCKS, ids=[f"{block['type']}-{number}" for number, (block, _) in enumerate(BLOCKS)]
)
def test_blocks_of_every_kind(block: dict[str, Any], parts: list[Part]) -> None:
    """In a message and in the start of a stream's block; an unknown block arrives whole."""
    message = {"type": "message", "content": [block], "stop_reason": "pause_turn", "stop_sequence": None}
    assert parts_of(json.dumps(message).encode()) == [*parts, Stop("pause_turn")]
    events: list[dict[str, Any]] = [
        {"type": "content_block_start", "index": 0, "content_block": block},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "stop_sequence", "stop_sequence": "X"}},
        {"type": "message_stop"},
    ]
    assert parts_of(b"".join(event(one) for one in events)) == [*parts, Stop("stop_sequence", "X")]


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"<html>", "garbage"),
        (b"[1]", "garbage"),
        (b'{"type":"error","error":{"type":"api_error","message":"x"}}', "server"),
        (b"nothing of the sort", "empty"),
        (event({"type": "ping"}), "cut"),
        (event({"type": "error", "error": {"type": "overloaded_error", "message": "x"}}), "overloaded"),
        (STREAM[:500], "cut"),
        (WHOLE[:-5], "garbage"),
    ],
)
def test_what_is_no_reply_is_a_fault(data: bytes, kind: str) -> None:
    """Pages, errors in disguise, cuts."""
    last = parts_of(data)[-1]
    assert isinstance(last, Fault)
    assert last.error.kind.name == kind


def test_nothing_at_all_is_a_fault() -> None:
    """Also where the head promised JSON."""
    for headers in ({}, {"content-type": "application/json"}):
        (fault,) = decoder(headers).finish()
        assert isinstance(fault, Fault)
        assert fault.error.kind.name == "empty"


@pytest.mark.parametrize("index", [[], {}, None, 1.5])
def test_an_index_that_is_no_number_is_no_exception(index: object) -> None:
    """Such blocks share one place: the reply is read to its end."""
    value: dict[str, Any] = {"type": "tool_use", "id": "a", "name": "f", "input": {}}
    events: list[dict[str, Any]] = [
        {"type": "content_block_start", "index": index, "content_block": value},
        {"type": "content_block_stop", "index": index},
        {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {}},
    ]
    parts = parts_of(b"".join(event(one) for one in events))
    assert parts == [ToolStart(0, "a", "f"), ToolEnd(0), Stop("tool_use")]


def test_text_that_is_no_utf8_is_no_exception() -> None:
    """An event with such a member is read without it."""
    start = (
        b'event: message_start\ndata: {"type":"message_start","message":{"usage":{"input_tokens":20},"id":"\xff"}}\n\n'
    )
    assert parts_of(start + STREAM.partition(b"\n\n")[2]) == parts_of(STREAM)[1:]


@pytest.mark.parametrize("block", [{}, {"ype": "text", "text": "x"}, {"type": None}, {"type": {}}])
def test_a_block_without_a_type_is_left_out(block: dict[str, Any]) -> None:
    """The rest of the message is read."""
    message = {"content": [block, {"type": "text", "text": "a"}], "stop_reason": "end_turn"}
    assert parts_of(json.dumps(message).encode()) == [Text("a"), Stop("end_turn")]


@pytest.mark.parametrize("reason", ["", None, 1])
def test_a_stop_that_says_nothing_is_worked_out(reason: object) -> None:
    """From whether there are calls, as where it is missing."""
    message = {"content": [{"type": "text", "text": "a"}], "stop_reason": reason}
    assert parts_of(json.dumps(message).encode()) == [Text("a"), Stop("end_turn")]
