"""Checks an event stream against `providers/messages/grammar.py`: every step, every index, every delta in its block."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from providers.messages.grammar import DELTA_MEMBER, DELTAS, NEXT, State

Event = dict[str, Any]


def events_of(data: bytes) -> list[Event]:
    """The events of a stream as the router writes them: one `event:` and one `data:` line each. Raises AssertionError else."""
    if not data:
        return []
    assert data.endswith(b"\n\n"), f"cut within an event: {data[-80:]!r}"
    events = []
    for block in data[:-2].split(b"\n\n"):
        name, _, rest = block.partition(b"\n")
        assert name.startswith(b"event: "), block
        assert rest.startswith(b"data: "), block
        assert b"\n" not in rest, block
        event = json.loads(rest[6:])
        assert event["type"] == name[7:].decode(), block
        events.append(event)
    return events


def checked(events: Iterable[Event]) -> State:
    """Where the stream is after `events`. Raises AssertionError at the first breach."""
    state, index, block_type = State.BEFORE, -1, ""
    for event in events:
        kind = event["type"]
        assert kind in NEXT[state], f"`{kind}` {state}"
        state = NEXT[state][kind]
        match kind:
            case "message_start":
                _check_message(event["message"])
            case "content_block_start":
                index += 1
                block_type = event["content_block"]["type"]
                assert event["index"] == index, f"index {event['index']} where {index} is due"
                _check_start(event["content_block"])
            case "content_block_delta":
                assert event["index"] == index, f"delta for {event['index']} in block {index}"
                delta = event["delta"]
                assert delta["type"] in DELTAS[block_type], f"`{delta['type']}` in `{block_type}`"
                assert set(delta) == {"type", DELTA_MEMBER[delta["type"]]}, delta
            case "content_block_stop":
                assert event["index"] == index, f"stop for {event['index']} in block {index}"
            case "message_delta":
                assert event["delta"]["stop_reason"], event
                assert isinstance(event["usage"]["output_tokens"], int), event
            case "error":
                assert isinstance(event["error"]["message"], str), event
    return state


def _check_message(message: Event) -> None:
    assert message["content"] == [], message
    assert message["stop_reason"] is None, message
    counts = ("input_tokens", "output_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
    assert all(isinstance(message["usage"][count], int) for count in counts), message


def _check_start(block: Event) -> None:
    match block["type"]:
        case "text":
            assert block["text"] == "", block
        case "thinking":
            assert (block["thinking"], block["signature"]) == ("", ""), block
        case "tool_use" | "server_tool_use":
            assert block["input"] == {}, block
