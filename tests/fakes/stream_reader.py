"""Reads Anthropic event streams strictly, sharing no code with the router: the judge of what it sends."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

_DELTAS = {
    "text": {"text_delta", "citations_delta"},
    "thinking": {"thinking_delta", "signature_delta"},
    "tool_use": {"input_json_delta"},
    "server_tool_use": {"input_json_delta"},
}


def events_in(data: bytes) -> Iterator[dict[str, Any]]:
    """The events of a whole stream. Raises `AssertionError` on a frame that clients ignore or cannot read."""
    assert data.endswith(b"\n\n"), f"the stream ends inside an event: {data[-80:]!r}"
    for frame in data.removesuffix(b"\n\n").split(b"\n\n"):
        if frame.startswith(b":"):
            continue
        lines = frame.split(b"\n")
        assert len(lines) == 2, f"not one `event` and one `data` line: {frame!r}"
        assert lines[0].startswith(b"event: "), frame
        assert lines[1].startswith(b"data: "), frame
        value = json.loads(lines[1][6:])
        assert value["type"] == lines[0][7:].decode(), f"the event is named for another type: {frame!r}"
        yield value


def check_grammar(events: Iterable[dict[str, Any]]) -> str:
    """`stop` for a complete stream, `error` for one that ends with an error event. Raises `AssertionError` on anything else."""
    state, open_index, block, following = "before", None, "", 0
    for event in events:
        kind = event["type"]
        assert state not in ("stop", "error"), f"`{kind}` after the end"
        if kind == "ping":
            assert state != "before", "a ping before message_start"
        elif kind == "error":
            assert event["error"]["type"], event
            assert isinstance(event["error"]["message"], str), event
            state = "error"
        elif kind == "message_start":
            assert state == "before", "a second message_start"
            state = "blocks"
        elif kind == "content_block_start":
            assert (state, open_index) == ("blocks", None), f"a block starts while {state}, open: {open_index}"
            assert event["index"] == following, f"index {event['index']} after {following - 1}"
            open_index, block, following = following, event["content_block"]["type"], following + 1
        elif kind == "content_block_delta":
            assert event["index"] == open_index, f"a delta for {event['index']}, open: {open_index}"
            assert event["delta"]["type"] in _DELTAS[block], f"{event['delta']['type']} in a {block} block"
        elif kind == "content_block_stop":
            assert event["index"] == open_index, f"a stop for {event['index']}, open: {open_index}"
            open_index = None
        elif kind == "message_delta":
            assert (state, open_index) == ("blocks", None), f"message_delta while {state}, open: {open_index}"
            state = "delta"
        elif kind == "message_stop":
            assert state == "delta", f"message_stop while {state}"
            state = "stop"
        else:
            raise AssertionError(f"unknown event `{kind}`")
    assert state in ("stop", "error"), f"the stream just ends, while {state}"
    return state


def content_of(events: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The content blocks of a complete stream, put together."""
    blocks: list[dict[str, Any]] = []
    inputs: dict[int, str] = {}
    for event in events:
        match event["type"]:
            case "content_block_start":
                blocks.append(dict(event["content_block"]))
            case "content_block_delta":
                block, delta = blocks[event["index"]], event["delta"]
                match delta["type"]:
                    case "text_delta":
                        block["text"] += delta["text"]
                    case "thinking_delta":
                        block["thinking"] += delta["thinking"]
                    case "signature_delta":
                        block["signature"] = delta["signature"]
                    case "input_json_delta":
                        inputs[event["index"]] = inputs.get(event["index"], "") + delta["partial_json"]
    for index, text in inputs.items():
        blocks[index]["input"] = json.loads(text or "{}")
    return blocks
