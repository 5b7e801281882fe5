"""Every stream of the vectors, as parts and as what the client reads, however its bytes are cut."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import pytest

from providers.dialects.codewhisperer.replies import ReplyDecoder
from providers.dialects.codewhisperer.requests import Sent
from providers.dialects.seams import Head
from providers.errors import ProviderError
from providers.messages.parts import (
    Part,
)
from providers.reply import Reply
from providers.translate import translated
from tests.vectors.codewhisperer import cwvectors

CASES = cwvectors.load("streams.json")["cases"]
CHUNKINGS: list[Any] = ["whole", "bytes", {"size": 13}, {"seed": 1}, {"seed": 2}]
STREAM = Head(200, {"content-type": "application/vnd.amazon.eventstream"})
MODEL = "claude-sonnet-4-20250514"
RETRIES = {"same": "same", "other_credential": "other", "never": "never"}


def decoder(
    *, thinking: str = "off", names: dict[str, str] | None = None, head: Head = STREAM, **sent: Any
) -> ReplyDecoder:
    known = {"model_id": "m", "body_bytes": 1000, "input_tokens": 250, "window_tokens": None} | sent
    return ReplyDecoder(Sent(thinking=thinking, **known), names or {}, head)


def parts_of(data: bytes, plan: Any = "whole", **how: Any) -> list[Part]:
    """All parts of a body."""
    one = decoder(**how)
    return [part for chunk in cwvectors.chunks(data, plan) for part in one.feed(chunk)] + list(one.finish())


def events(*frames: tuple[str, Any]) -> bytes:
    """A body of events."""
    return b"".join(cwvectors.encode_frames([{"event": name, "payload": payload} for name, payload in frames]))


def said(text: str) -> tuple[str, Any]:
    return ("assistantResponseEvent", {"content": text})


def called(call_id: str | None, **more: Any) -> tuple[str, Any]:
    return ("toolUseEvent", ({"toolUseId": call_id} if call_id else {}) | more)


def read(case: dict[str, Any], plan: Any, *, stream: bool) -> tuple[Reply, bytes]:
    """A case's reply and all bytes the client gets."""
    ids = iter(range(1000))
    reply = translated(
        decoder(thinking=case["request"]["thinking"]),
        stream=stream,
        model=case["request"]["model"],
        message_id="msg_1",
        new_id=lambda: f"{next(ids):024}",
        declared_tools=case["request"]["tools"],
        extract_printed_calls=True,
    )
    out = b"".join(reply.feed(chunk) for chunk in cwvectors.chunks(cwvectors.encode_case(case), plan))
    return reply, out + reply.finish()


def accepted(case: dict[str, Any], *outcomes: str) -> list[dict[str, Any]]:
    return [wanted for wanted in case.get("expect_any") or [case["expect"]] if wanted["outcome"] in outcomes]


def error_fits(wanted: dict[str, Any], error: ProviderError | None) -> list[str]:
    if error is None:
        return ["no error"]
    found = {"type": error.kind.error_type, "message": error.message}
    differences = cwvectors.differences(wanted["error"], found) + cwvectors.differences(
        wanted["http_status"], error.kind.status
    )
    return differences + ([] if error.kind.retry == RETRIES[wanted["retryable"]] else [f"retry {error.kind.retry}"])


def message_fits(wanted: dict[str, Any], message: dict[str, Any]) -> list[str]:
    found = {key: message[key] for key in ("content", "stop_reason", "usage")}
    return cwvectors.differences({key: wanted[key] for key in found}, found)


def assembled(data: bytes) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """The message that a client makes of a stream, and the error. What a break left open counts if it is text.

    A call that the token limit cut is streamed as received; a client cannot use it, so it is left out here.
    """
    message: dict[str, Any] = {}
    content: list[dict[str, Any]] = []
    pieces: list[str] = []
    error, open_block = None, None
    for name, event in sse_events(data):
        match name:
            case "message_start":
                assert not message
                message = event["message"]
            case "content_block_start":
                assert open_block is None
                assert event["index"] == len(pieces)
                open_block = event["content_block"]
                pieces.append("")
            case "content_block_delta":
                assert event["index"] == len(pieces) - 1
                pieces[-1] += added(open_block, event["delta"])
            case "content_block_stop":
                if open_block["type"] == "tool_use":
                    open_block["input"] = parsed(pieces[-1])
                content.append(open_block)
                open_block = None
            case "message_delta":
                message |= event["delta"]
                message["usage"] = message["usage"] | event["usage"]
            case "error":
                error = event["error"]
            case "message_stop":
                message["stopped"] = True
    if open_block and open_block["type"] == "text":
        content.append(open_block)
    cut = [block for block in content if block["type"] == "tool_use" and block["input"] is None]
    assert not cut or (message["stop_reason"] == "max_tokens" and cut == content[-1:])
    return message | {"content": [block for block in content if block not in cut]}, error


def parsed(text: str) -> dict[str, Any] | None:
    try:
        return json.loads(text)
    except ValueError:
        return None


def added(block: dict[str, Any] | None, delta: dict[str, Any]) -> str:
    """Adds a delta to its block; the piece of a call's input that it is."""
    assert block is not None
    match delta["type"]:
        case "text_delta":
            block["text"] += delta["text"]
        case "thinking_delta":
            block["thinking"] += delta["thinking"]
        case "signature_delta":
            block["signature"] = delta["signature"]
        case "input_json_delta":
            return delta["partial_json"]
    return ""


def sse_events(data: bytes) -> Iterable[tuple[str, dict[str, Any]]]:
    for block in data.decode().split("\n\n"):
        lines = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line)
        if lines:
            yield lines["event"], json.loads(lines["data"])


@pytest.mark.parametrize("plan", CHUNKINGS, ids=str)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_every_stream_vector_gives_its_message(case: dict[str, Any], plan: Any) -> None:
    """Not streamed: the message that the vectors accept, or the error with its status and retry."""
    reply, data = read(case, plan, stream=False)
    if reply.fault is not None:
        wanted = accepted(case, "error", "partial")
        assert [] in [error_fits(one, reply.fault) for one in wanted], (reply.fault, wanted)
        assert data == b""
        return
    message = json.loads(data)
    wanted = accepted(case, "message")
    assert [] in [message_fits(one, message) for one in wanted], (message, wanted)
    assert message["id"].startswith("msg_")
    assert (message["type"], message["role"], message["model"]) == ("message", "assistant", case["request"]["model"])
    assert message["stop_sequence"] is None


@pytest.mark.parametrize("plan", CHUNKINGS, ids=str)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_every_stream_vector_gives_its_events(case: dict[str, Any], plan: Any) -> None:
    """Streamed: blocks in order, one open at a time, and the same message; or the blocks so far and one error event."""
    reply, data = read(case, plan, stream=True)
    message, error = assembled(data)
    if not reply.started:
        wanted = accepted(case, "error", "partial")
        assert [] in [error_fits(one, reply.fault) for one in wanted], (reply.fault, wanted)
        assert data == b""
    elif reply.fault is not None:
        wanted = accepted(case, "partial", "error")
        assert error is not None
        assert [] in [
            error_fits(one, reply.fault) + cwvectors.differences(one.get("partial_content", []), message["content"])
            for one in wanted
        ], (reply.fault, message, wanted)
        assert "stopped" not in message
    else:
        wanted = accepted(case, "message")
        assert [] in [message_fits(one, message) for one in wanted], (message, wanted)
        assert message["stopped"]
