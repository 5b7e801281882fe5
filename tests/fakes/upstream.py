"""A scripted OpenAI-compatible upstream on loopback.

>>> with Upstream() as upstream:
...     upstream.then(failing(429, retry_after="1"), Say("hello"))   # the next two requests
...     upstream.always(Say("ok"))                                   # and all others

As a process of its own: `python -m tests.fakes.upstream --port 0 --say hello` prints `listening on URL`.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from tests.fakes.loopback import LoopbackServer
from tests.fakes.wire import Answer, Received, Responder, Script, chunked, json_answer, whole

UPSTREAM_KEY = "dummy-upstream-key"
"""The key that a fake upstream accepts."""

CHAT_PATHS = ("/v1/chat/completions", "/chat/completions")

USAGE = {"prompt_tokens": 25, "completion_tokens": 7, "total_tokens": 32, "prompt_tokens_details": {"cached_tokens": 5}}


@dataclass(frozen=True, slots=True)
class Call:
    """A tool call; `arguments` is a value, or a string sent as it is. `id` None leaves it out."""

    name: str
    arguments: Any
    id: str | None = "call_1"

    @property
    def text(self) -> str:
        """The arguments as the wire carries them."""
        return self.arguments if isinstance(self.arguments, str) else json.dumps(self.arguments, ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class Say:
    """A chat completion, streamed or whole as the request asks: a responder.

    `fragment` is how many characters go into one chunk; `finish` None is chosen by whether there are calls;
    `interleaved` sends the fragments of parallel calls in turn. Usage comes as a chunk of its own where asked for.
    """

    text: str | None = None
    calls: tuple[Call, ...] = ()
    reasoning: str | None = None
    finish: str | None = None
    usage: Mapping[str, Any] | None = field(default_factory=lambda: dict(USAGE))
    fragment: int = 8
    interleaved: bool = False
    pause_s: float = 0.0
    annotations: tuple[Mapping[str, Any], ...] = ()
    done: bool = True

    def __call__(self, request: Received) -> Answer:
        body = request.json
        if not body.get("stream"):
            return json_answer(200, self.completion(body["model"]))
        asked = bool((body.get("stream_options") or {}).get("include_usage"))
        return chunked(
            [sse(chunk) for chunk in self.chunks(body["model"], asked)] + [b"data: [DONE]\n\n"] * self.done,
            pause_s=self.pause_s,
        )

    @property
    def finish_reason(self) -> str:
        """The reason given at the end."""
        return self.finish or ("tool_calls" if self.calls else "stop")

    def completion(self, model: str) -> dict[str, Any]:
        """The reply as one `chat.completion` object."""
        message: dict[str, Any] = {"role": "assistant", "content": self.text}
        if self.reasoning is not None:
            message["reasoning_content"] = self.reasoning
        if self.annotations:
            message["annotations"] = list(self.annotations)
        if self.calls:
            message["tool_calls"] = [
                {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.text}}
                for call in self.calls
            ]
        reply = {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 1700000000,
            "model": model,
            "choices": [{"index": 0, "message": message, "finish_reason": self.finish_reason}],
        }
        return reply if self.usage is None else {**reply, "usage": dict(self.usage)}

    def chunks(self, model: str, with_usage: bool) -> list[dict[str, Any]]:
        """The reply as `chat.completion.chunk` objects."""
        deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}]
        deltas += [{"reasoning_content": piece} for piece in pieces_of(self.reasoning, self.fragment)]
        deltas += [{"content": piece} for piece in pieces_of(self.text, self.fragment)]
        deltas += _call_deltas(self.calls, self.fragment, self.interleaved)
        if self.annotations:
            deltas.append({"annotations": list(self.annotations)})
        frames = [chunk_of(model, delta) for delta in deltas]
        frames.append(chunk_of(model, {}, self.finish_reason))
        if with_usage and self.usage is not None:
            frames.append({**chunk_of(model, {}), "choices": [], "usage": dict(self.usage)})
        return frames


def pieces_of(text: str | None, size: int) -> list[str]:
    """The text in pieces of `size` characters."""
    return [text[start : start + size] for start in range(0, len(text), size)] if text else []


def chunk_of(model: str, delta: Mapping[str, Any], finish: str | None = None) -> dict[str, Any]:
    """One `chat.completion.chunk`."""
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1700000000,
        "model": model,
        "choices": [{"index": 0, "delta": dict(delta), "finish_reason": finish}],
    }


def sse(value: Any) -> bytes:
    """One data-only server-sent event."""
    return b"data: " + json.dumps(value, ensure_ascii=False).encode() + b"\n\n"


def _call_deltas(calls: Sequence[Call], size: int, interleaved: bool) -> list[dict[str, Any]]:
    by_call: list[list[dict[str, Any]]] = []
    for index, call in enumerate(calls):
        opening: dict[str, Any] = {"index": index, "type": "function", "function": {"name": call.name, "arguments": ""}}
        if call.id is not None:
            opening["id"] = call.id
        rest = [{"index": index, "function": {"arguments": piece}} for piece in pieces_of(call.text, size)]
        by_call.append([opening, *rest])
    if interleaved:
        longest = max(map(len, by_call), default=0)
        turns = [deltas[turn] for turn in range(longest) for deltas in by_call if turn < len(deltas)]
    else:
        turns = [delta for deltas in by_call for delta in deltas]
    return [{"tool_calls": [delta]} for delta in turns]


def failing(
    status: int,
    message: str = "it failed",
    *,
    kind: str = "server_error",
    retry_after: str | None = None,
    code: str | None = None,
) -> Responder:
    """An error reply in OpenAI's form."""
    headers = {} if retry_after is None else {"retry-after": retry_after}
    body = {"error": {"message": message, "type": kind, "code": code}}
    return lambda request: json_answer(status, body, headers)


def html(status: int) -> Responder:
    """A page from some proxy in between."""
    page = b"<!DOCTYPE html><html><body><h1>Bad Gateway</h1></body></html>"
    return lambda request: whole(status, page, {"content-type": "text/html"})


def raw_stream(*frames: bytes, **how: Any) -> Responder:
    """A 200 stream of exactly these bytes, each its own chunk; `how` goes to `wire.chunked`."""
    return lambda request: chunked(frames, **how)


def broken_off(say: Say, frames: int, *ending: bytes) -> Responder:
    """The first chunks of a streamed reply, then other frames and the end of the stream."""

    def respond(request: Received) -> Answer:
        first = [sse(chunk) for chunk in say.chunks(request.json["model"], False)[:frames]]
        return chunked([*first, *ending])

    return respond


OVERLOAD = sse({"error": {"message": "the model is overloaded", "type": "overloaded_error", "code": 529}})


class Upstream(LoopbackServer):
    """Answers chat completions from a queue, then with what `always` was told; a wrong key is a 401."""

    def __init__(self, port: int = 0, key: str | None = UPSTREAM_KEY, models: Sequence[str] = ("fake-model",)) -> None:
        super().__init__(self._respond, port)
        self._key = key
        self._models = models
        self.script = Script(Say("ok"))
        self.then, self.always = self.script.then, self.script.always

    def forget(self) -> None:
        """Empties queue and record, and answers `ok` again."""
        self.script.forget()
        self.received.clear()

    @property
    def chats(self) -> list[Received]:
        """The chat requests that arrived."""
        return [request for request in list(self.received) if request.path in CHAT_PATHS]

    def _respond(self, request: Received) -> Answer:
        if self._key is not None and request.headers.get("authorization") != f"Bearer {self._key}":
            return failing(401, "incorrect API key provided", kind="invalid_request_error", code="invalid_api_key")(
                request
            )
        if request.path.endswith("/models"):
            return json_answer(
                200, {"object": "list", "data": [{"id": name, "object": "model"} for name in self._models]}
            )
        if request.path not in CHAT_PATHS or request.method != "POST":
            return failing(404, f"no such path: {request.path}", kind="invalid_request_error")(request)
        return self.script(request)


def main(arguments: Sequence[str]) -> None:
    """Runs an upstream until SIGTERM."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--say", default="ok")
    parser.add_argument("--call", help="a tool call after the text: NAME=JSON")
    parser.add_argument("--no-usage", action="store_true")
    parser.add_argument("--pause-s", type=float, default=0.0)
    given = parser.parse_args(arguments)
    say = Say(given.say, pause_s=given.pause_s)
    if given.no_usage:
        say = replace(say, usage=None)
    if given.call:
        name, _, text = given.call.partition("=")
        say = replace(say, calls=(Call(name, text),))
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    with Upstream(given.port) as upstream:
        upstream.always(say)
        print(f"listening on {upstream.url}", flush=True)
        signal.sigwait({signal.SIGTERM, signal.SIGINT})


if __name__ == "__main__":
    main(sys.argv[1:])
