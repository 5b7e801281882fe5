"""A scripted upstream that speaks Anthropic's own format, for pass-through tests; scripted like `Upstream`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.fakes.loopback import LoopbackServer
from tests.fakes.upstream import UPSTREAM_KEY, Call, pieces_of
from tests.fakes.wire import Answer, Received, Responder, Script, chunked, json_answer

USAGE = {"input_tokens": 20, "output_tokens": 7, "cache_read_input_tokens": 5, "cache_creation_input_tokens": 0}


@dataclass(frozen=True, slots=True)
class Reply:
    """A message, streamed or whole as the request asks: a responder. Thinking comes with a signature."""

    text: str | None = None
    calls: tuple[Call, ...] = ()
    thinking: str | None = None
    stop_reason: str | None = None
    usage: Mapping[str, Any] = field(default_factory=lambda: dict(USAGE))
    fragment: int = 8
    headers: Mapping[str, str] = field(default_factory=lambda: {"request-id": "req_upstream"})

    def __call__(self, request: Received) -> Answer:
        body = request.json
        if not body.get("stream"):
            return json_answer(200, self.message(body["model"]), self.headers)
        return chunked([event(value) for value in self.events(body["model"])], headers=self.headers)

    def blocks(self) -> list[dict[str, Any]]:
        """The content."""
        blocks: list[dict[str, Any]] = []
        if self.thinking is not None:
            blocks.append({"type": "thinking", "thinking": self.thinking, "signature": "c2lnbmVk"})
        if self.text is not None:
            blocks.append({"type": "text", "text": self.text})
        blocks += [
            {"type": "tool_use", "id": call.id, "name": call.name, "input": json.loads(call.text)}
            for call in self.calls
        ]
        return blocks

    def message(self, model: str) -> dict[str, Any]:
        """The reply as one object."""
        return {
            "id": "msg_upstream",
            "type": "message",
            "role": "assistant",
            "model": model,
            "content": self.blocks(),
            "stop_reason": self.stop_reason or ("tool_use" if self.calls else "end_turn"),
            "stop_sequence": None,
            "usage": dict(self.usage),
        }

    def events(self, model: str) -> list[dict[str, Any]]:
        """The reply as stream events."""
        message = self.message(model)
        opening = {**message, "content": [], "stop_reason": None, "usage": {**self.usage, "output_tokens": 1}}
        events: list[dict[str, Any]] = [{"type": "message_start", "message": opening}, {"type": "ping"}]
        for index, block in enumerate(message["content"]):
            start, deltas = _opened(block, self.fragment)
            events.append({"type": "content_block_start", "index": index, "content_block": start})
            events += [{"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas]
            events.append({"type": "content_block_stop", "index": index})
        delta = {"stop_reason": message["stop_reason"], "stop_sequence": None}
        events.append(
            {"type": "message_delta", "delta": delta, "usage": {"output_tokens": self.usage["output_tokens"]}}
        )
        return [*events, {"type": "message_stop"}]


def event(value: Mapping[str, Any]) -> bytes:
    """A named server-sent event."""
    return b"event: %s\ndata: %s\n\n" % (value["type"].encode(), json.dumps(value, ensure_ascii=False).encode())


def _opened(block: Mapping[str, Any], size: int) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    match block["type"]:
        case "text":
            return {"type": "text", "text": ""}, [
                {"type": "text_delta", "text": piece} for piece in pieces_of(block["text"], size)
            ]
        case "thinking":
            deltas = [{"type": "thinking_delta", "thinking": piece} for piece in pieces_of(block["thinking"], size)]
            return {**block, "thinking": "", "signature": ""}, [
                *deltas,
                {"type": "signature_delta", "signature": block["signature"]},
            ]
        case _:
            text = json.dumps(block["input"], ensure_ascii=False)
            return {**block, "input": {}}, [
                {"type": "input_json_delta", "partial_json": piece} for piece in pieces_of(text, size)
            ]


def failing(status: int, kind: str, message: str, headers: Mapping[str, str] | None = None) -> Responder:
    """An error reply in Anthropic's form."""
    body = {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_upstream"}
    return lambda request: json_answer(status, body, {"request-id": "req_upstream", **(headers or {})})


class AnthropicUpstream(LoopbackServer):
    """Answers `/v1/messages` from a queue, then with what `always` was told; the key may come in either header."""

    def __init__(self, port: int = 0, key: str | None = UPSTREAM_KEY) -> None:
        super().__init__(self._respond, port)
        self._key = key
        self.script = Script(Reply("ok"))
        self.then, self.always = self.script.then, self.script.always

    @property
    def messages(self) -> Sequence[Received]:
        """The message requests that arrived."""
        return [request for request in list(self.received) if request.path == "/v1/messages"]

    def _respond(self, request: Received) -> Answer:
        given = {request.headers.get("x-api-key"), request.headers.get("authorization", "").removeprefix("Bearer ")}
        if self._key is not None and self._key not in given:
            return failing(401, "authentication_error", "invalid x-api-key")(request)
        if request.path == "/v1/messages/count_tokens":
            return json_answer(200, {"input_tokens": 1234}, {"request-id": "req_upstream"})
        if request.path != "/v1/messages" or request.method != "POST":
            return failing(404, "not_found_error", f"no such path: {request.path}")(request)
        return self.script(request)
