"""The upstream behind the dialect `static`: plays the script it is sent as a Chat Completions stream, in this process."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import msgspec

from providers.dialects.seams import Head
from providers.dialects.static import Script
from providers.spec import Timeouts
from providers.upstream import Tap, UpstreamRequest, UpstreamResponse

Sleep = Callable[[float], Awaitable[None]]
"""Waits that many seconds; `asyncio.sleep` outside of tests."""


class StaticTransport:
    """A transport that goes nowhere."""

    def __init__(self, sleep: Sleep) -> None:
        self._sleep = sleep

    async def send(self, request: UpstreamRequest, timeouts: Timeouts) -> UpstreamResponse:  # noqa: ARG002 - the seam
        """The answer to a `Script`."""
        return _Played(msgspec.json.decode(request.body, type=Script), self._sleep)

    async def aclose(self) -> None:
        """Nothing to close."""


class _Played:
    is_whole = False

    def __init__(self, script: Script, sleep: Sleep) -> None:
        self.head = Head(200, {"content-type": "text/event-stream"})
        self.waited_s = 0.0
        self._script = script
        self._sleep = sleep
        self._closed = False

    async def chunks(self) -> AsyncIterator[bytes]:
        for event in events_of(self._script):
            if self._closed:
                return
            if self._script.delay_ms > 0:
                await self._sleep(self._script.delay_ms / 1000)
            yield event

    def tap(self, tap: Tap) -> None:
        """Its events come from no network: they always wake their reader."""

    async def aclose(self, *, ended: bool = False) -> None:  # noqa: ARG002 - the seam
        self._closed = True


def events_of(script: Script) -> Iterator[bytes]:
    """The script as server-sent events of the Chat Completions API, the usage chunk and the end mark included."""
    yield _chunk(script, {"role": "assistant", "content": ""})
    for piece in script.pieces:
        yield _chunk(script, {"content": piece})
    if script.tool_name is not None:
        arguments = msgspec.json.encode(script.tool_input).decode()
        function = {"name": script.tool_name, "arguments": arguments}
        call = {"index": 0, "id": script.tool_id, "type": "function", "function": function}
        yield _chunk(script, {"tool_calls": [call]})
    yield _chunk(script, {}, "stop" if script.tool_name is None else "tool_calls")
    usage = {
        "prompt_tokens": script.input_tokens,
        "completion_tokens": script.output_tokens,
        "total_tokens": script.input_tokens + script.output_tokens,
    }
    yield _event({**_HEAD, "model": script.model, "choices": [], "usage": usage})
    yield b"data: [DONE]\n\n"


_HEAD = {"id": "chatcmpl-static", "object": "chat.completion.chunk", "created": 0}


def _chunk(script: Script, delta: dict[str, Any], finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return _event({**_HEAD, "model": script.model, "choices": [choice]})


def _event(value: dict[str, Any]) -> bytes:
    return b"data: " + msgspec.json.encode(value) + b"\n\n"
