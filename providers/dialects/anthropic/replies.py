"""A reply in Anthropic's form as parts: for answers whose form is not what the client asked for, and for other wires that carry it.

A stream and a whole message give the same parts. What cannot be said in parts (`container`, `context_management`) is
left out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from providers.dialects.anthropic.errors import error_in_reply
from providers.dialects.anthropic.watch import Event, event_of, plain, usage_of
from providers.dialects.seams import Ask, Head
from providers.errors import KINDS, ProviderError
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
from providers.translate import MAX_WHOLE_BYTES
from providers.wire.sse import SseDecoder

_OPENS_JSON = (b"{", b"[")


class ReplyDecoder:
    """Decides at the first bytes whether the answer is a stream of events or one message."""

    __slots__ = ("_ask", "_body", "_done", "_events", "_size", "_sse", "_whole")

    def __init__(self, ask: Ask, head: Head) -> None:
        self._ask = ask
        self._sse = SseDecoder()
        self._events = Events(lambda value: error_in_reply(ask, value))
        self._whole: bool | None = True if "json" in head.headers.get("content-type", "") else None
        self._body: list[bytes] = []
        self._size = 0
        self._done = False

    @property
    def open_ended(self) -> bool:
        """False: both forms have an end of their own."""
        return False

    def feed(self, data: bytes) -> Sequence[Part]:
        """The parts that became certain with `data`."""
        if self._done or not data:
            return ()
        if self._whole is None:
            self._body.append(data)
            start = b"".join(self._body).lstrip(b" \t\r\n\xef\xbb\xbf")
            if not start:
                return ()
            self._whole = start.startswith((*_OPENS_JSON, b"<"))
            data = b"".join(self._body)
            self._body.clear()
        if self._whole:
            return self._held(data)
        parts = [part for frame in self._sse.feed(data) for part in self._of(frame.data)]
        if self._sse.fault is not None and not self._done:
            parts.append(Fault(self._sse.fault))
        return self._until_end(parts)

    def finish(self) -> Sequence[Part]:
        """What the end of the body makes certain."""
        if self._done:
            return ()
        if self._whole:
            return self._until_end(self._message(b"".join(self._body)))
        parts = [part for frame in self._sse.finish() for part in self._of(frame.data)]
        return self._until_end([*parts, *self._events.finish()])

    def _held(self, data: bytes) -> Sequence[Part]:
        self._size += len(data)
        if self._size > MAX_WHOLE_BYTES:
            message = f"the upstream's reply is larger than {MAX_WHOLE_BYTES} bytes"
            return self._until_end([Fault(ProviderError(KINDS["bad_reply"], message))])
        self._body.append(data)
        return ()

    def _of(self, data: bytes) -> Sequence[Part]:
        event = event_of(data)
        return () if event is None else self._events.parts_of(event)

    def _message(self, body: bytes) -> Sequence[Part]:
        try:
            value = msgspec.json.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            value = None
        if isinstance(value, dict) and isinstance(value.get("content"), list) and "error" not in value:
            return message_parts(value)
        if isinstance(value, dict) and "error" in value:
            return (Fault(error_in_reply(self._ask, value)),)
        if not body.strip():
            return (Fault(ProviderError(KINDS["empty"], "the upstream answered with nothing")),)
        message = f"`{self._ask.provider.name}` answered 200 with something that is no message"
        return (Fault(ProviderError(KINDS["garbage"], message)),)

    def _until_end(self, parts: Sequence[Part]) -> Sequence[Part]:
        """The parts up to the first that ends the reply."""
        for at, part in enumerate(parts):
            if isinstance(part, Stop | Fault):
                self._done = True
                return parts[: at + 1]
        return parts


class Events:
    """Anthropic's stream events, in order, to parts; `fault_of` reads an `error` event."""

    __slots__ = ("_blocks", "_calls", "_fault_of", "_seen", "_stop")

    def __init__(self, fault_of: Callable[[object], ProviderError]) -> None:
        self._fault_of = fault_of
        self._blocks: dict[int | str | None, int | None] = {}
        self._calls = 0
        self._seen = False
        self._stop: Stop | None = None

    def parts_of(self, event: Event) -> Sequence[Part]:
        """The parts of one event; an unknown one has none. `message_stop` gives the `Stop`."""
        self._seen = True
        match event.type:
            case "message_start":
                message = plain(event.message)
                return _usage(message.get("usage")) if isinstance(message, dict) else ()
            case "content_block_start":
                return self._start(event.index, plain(event.content_block))
            case "content_block_delta":
                return self._delta(event.index, plain(event.delta))
            case "content_block_stop":
                call = self._blocks.pop(_key_of(event.index), None)
                return () if call is None else (ToolEnd(call),)
            case "message_delta":
                self._stop = _stop_of(plain(event.delta)) or self._stop
                return _usage(plain(event.usage))
            case "message_stop":
                return self.finish()
            case "error":
                return (Fault(self._fault_of({"error": plain(event.error)})),)
            case _:
                return ()

    def finish(self) -> Sequence[Part]:
        """The stop that was announced, or a fault where none was."""
        if self._stop is not None:
            return (self._stop,)
        if not self._seen:
            return (Fault(ProviderError(KINDS["empty"], "the upstream answered with no event of a message")),)
        return (Fault(ProviderError(KINDS["cut"], "the upstream's stream ended before the message did")),)

    def _start(self, index: object, block: object) -> Sequence[Part]:
        if not isinstance(block, dict):
            return ()
        key = _key_of(index)
        self._blocks[key] = None
        if block.get("type") != "tool_use":
            return _whole_block(block)
        call = self._calls
        self._calls += 1
        self._blocks[key] = call
        return _call_parts(call, block)

    def _delta(self, index: object, delta: object) -> Sequence[Part]:
        if not isinstance(delta, dict):
            return ()
        text = {name: value for name, value in delta.items() if isinstance(value, str) and value}
        match delta.get("type"):
            case "text_delta" if "text" in text:
                return (Text(text["text"]),)
            case "thinking_delta" if "thinking" in text:
                return (Thinking(text["thinking"]),)
            case "signature_delta" if "signature" in text:
                return (Signature(text["signature"]),)
            case "citations_delta" if isinstance(delta.get("citation"), dict):
                return (Citation(delta["citation"]),)
            case "input_json_delta" if "partial_json" in text:
                call = self._blocks.get(_key_of(index))
                return () if call is None else (ToolInput(call, text["partial_json"]),)
            case _:
                return ()


def _key_of(index: object) -> int | str | None:
    """What a block goes by; all those without a usable index share one place."""
    return index if isinstance(index, int | str) else None


def message_parts(message: dict[str, Any]) -> Sequence[Part]:
    """The parts of a whole message."""
    parts: list[Part] = []
    calls = 0
    for block in message["content"]:
        if not isinstance(block, dict):
            continue
        if block.get("type") == "tool_use":
            parts += (*_call_parts(calls, block), ToolEnd(calls))
            calls += 1
        else:
            parts += _whole_block(block)
    return [*parts, *_usage(message.get("usage")), _stop_of(message) or Stop("tool_use" if calls else "end_turn")]


def _whole_block(block: dict[str, Any]) -> list[Part]:
    """What a block other than a call says in its start, or as a whole."""
    match block.get("type"):
        case "text":
            parts: list[Part] = [Text(block["text"])] if isinstance(block.get("text"), str) and block["text"] else []
            cited = block.get("citations")
            return parts + [
                Citation(one) for one in (cited if isinstance(cited, list) else ()) if isinstance(one, dict)
            ]
        case "thinking":
            thought, signature = block.get("thinking"), block.get("signature")
            parts = [Thinking(thought)] if isinstance(thought, str) and thought else []
            return parts + ([Signature(signature)] if isinstance(signature, str) and signature else [])
        case "redacted_thinking":
            return [Redacted(block["data"])] if isinstance(block.get("data"), str) else []
        case str():
            return [Whole(block)]
        case _:
            return []  # no client could tell what it is


def _call_parts(call: int, block: dict[str, Any]) -> list[Part]:
    given, name, value = block.get("id"), block.get("name"), block.get("input")
    start = ToolStart(call, given if isinstance(given, str) and given else None, name if isinstance(name, str) else "")
    return [start, ToolInput(call, msgspec.json.encode(value).decode())] if value else [start]


def _usage(value: object) -> list[Part]:
    usage = usage_of(value)
    return [] if usage == Usage() else [usage]


def _stop_of(value: object) -> Stop | None:
    reason = value.get("stop_reason") if isinstance(value, dict) else None
    if not isinstance(value, dict) or not isinstance(reason, str) or not reason:
        return None
    sequence = value.get("stop_sequence")
    return Stop(reason, sequence if isinstance(sequence, str) else None)
