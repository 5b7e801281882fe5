"""Parts to Anthropic's event stream: the only place that knows how one is written.

One block is open at a time. What belongs to a later block while a call is still open waits, up to a limit, and follows
when the call ends. The order of steps is `grammar.NEXT`; a step it does not allow raises `KeyError`, which is our bug.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import assert_never

import msgspec

from providers.errors import KINDS, ProviderError, error_object
from providers.messages.encode import json_of
from providers.messages.grammar import DELTA_MEMBER, NEXT, State
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
from providers.messages.usage import delta_usage, merged, start_usage

# INVARIANT: allowed anywhere from `message_start` to the last event (`grammar.NEXT`), between two whole events.
PING = b'event: ping\ndata: {"type":"ping"}\n\n'
"""The event that keeps a silent stream alive."""

_IN_BLOCK = State.IN_BLOCK  # asked with each event: before Python 3.12 to look up an Enum's member is a call

MAX_WAITING_BYTES = 8 * 1024 * 1024


def error_event(error: ProviderError) -> bytes:
    """The event that ends a broken stream."""
    return _event("error", json_of(error_object(error.kind.error_type, error.message)))


class _Block(msgspec.Struct):
    """A block that is open or waits for its turn; `waiting` are its deltas, all but their index. A call is open until it is `ended`."""

    type: str
    start: bytes
    call: int | None = None
    ended: bool = True
    sealed: bool = False
    waiting: list[tuple[str, bytes]] = msgspec.field(default_factory=list)


class Writer:
    """Writes one message. `feed` may be given anything in any order: what follows is always a stream that obeys the grammar.

    Parts that contradict each other (input for a call that never began or has ended) end the stream with an error event.
    `ended` is whether the last event was written.
    """

    __slots__ = (
        "_calls", "_index", "_input_estimate", "_limit", "_message_id", "_model", "_open", "_out", "_prefix", "_queue",
        "_state", "_stop", "_text_is_open", "_waiting_bytes", "ended", "fault", "lost", "usage",
    )  # fmt: skip

    def __init__(
        self,
        model: str,
        message_id: str,
        input_estimate: int | None = None,
        max_waiting_bytes: int = MAX_WAITING_BYTES,
    ) -> None:
        self.fault: ProviderError | None = None
        self.usage = Usage()
        self.lost: list[str] = []
        self.ended = False
        self._model = model
        self._message_id = message_id
        self._input_estimate = input_estimate
        self._limit = max_waiting_bytes
        self._state = State.BEFORE
        self._out: list[bytes] = []
        self._open: _Block | None = None
        self._index = -1
        self._queue: list[_Block] = []
        self._waiting_bytes = 0
        self._calls: dict[int, _Block] = {}
        self._stop: Stop | None = None
        self._prefix: dict[str, bytes] = {}
        self._text_is_open = False

    def feed(self, parts: Iterable[Part]) -> bytes:
        """The events that `parts` make certain. The first part that is not `Usage` begins the message."""
        for part in parts:
            if type(part) is Text and self._text_is_open and part.text:
                self._write_delta("text_delta", json_of(part.text))
            elif not self.ended:
                if self._state is State.BEFORE and type(part) is not Usage:
                    self._start_message()
                self._take(part)
        return self._taken()

    @property
    def stopped(self) -> bool:
        """Whether `Stop` was given."""
        return self._stop is not None

    def finish(self) -> bytes:
        """The end of the message after `Stop`, if it still waited for usage. Without a `Stop` the stream ends in an error event."""
        if not self.ended:
            if self._stop is not None:
                self._end_message()
            else:
                self._fail(ProviderError(KINDS["cut"], "the upstream's reply ended before it was complete"))
        return self._taken()

    def _take(self, part: Part) -> None:
        if self._stop is not None and type(part) is not Usage and type(part) is not Fault:
            return
        match part:  # the most frequent first: a class that does not fit costs more than one that does
            case Text():
                if part.text:
                    self._append("text", "text_delta", part.text)
            case ToolInput():
                self._add_input(part)
            case Thinking():
                if part.text:
                    self._append("thinking", "thinking_delta", part.text)
            case Usage():
                self.usage = merged(self.usage, part)
                if self._stop is not None and self.usage.output is not None:
                    self._end_message()
            case Stop():
                self._stop = part
                self._end_blocks()
                if self.usage.output is not None and not self.ended:
                    self._end_message()
            case Fault():
                self._fail(part.error)
            case Signature():
                if part.signature:
                    self._append("thinking", "signature_delta", part.signature).sealed = True
            case Citation():
                self._cite(part)
            case Redacted():
                self._enter(_Block("redacted_thinking", json_of({"type": "redacted_thinking", "data": part.data})))
            case Whole():
                self._enter_whole(part.block)
            case ToolStart():
                self._start_call(part)
            case ToolEnd():
                self._end_call(part.call)
            case _:
                assert_never(part)

    def _last(self) -> _Block | None:
        return self._queue[-1] if self._queue else self._open

    def _append(self, block_type: str, delta: str, value: object) -> _Block:
        """Adds to the last block if it is of that type and can still grow, else to a new one."""
        block = self._last()
        if block is None or block.type != block_type or block.sealed:
            block = _Block(block_type, _STARTS[block_type])
            self._enter(block)
        self._add(block, delta, json_of(value))
        return block

    def _cite(self, part: Citation) -> None:
        block = self._last()
        if block is None or block.type != "text":
            self.lost.append("a citation without its text")
        else:
            self._add(block, "citations_delta", json_of(part.citation))

    def _enter_whole(self, content: dict[str, object]) -> None:
        block_type = str(content.get("type", ""))
        if block_type in ("server_tool_use", "tool_use") and content.get("input"):
            block = _Block(block_type, json_of(content | {"input": {}}), sealed=True)
            self._enter(block)
            self._add(block, "input_json_delta", json_of(json_of(content["input"]).decode()))
        else:
            self._enter(_Block(block_type, json_of(content), sealed=True))

    def _start_call(self, part: ToolStart) -> None:
        if part.call in self._calls:
            self._fail(_out_of_order("a tool call began twice"))
            return
        start = json_of({"type": "tool_use", "id": part.id or "", "name": part.name, "input": {}})
        block = _Block("tool_use", start, call=part.call, ended=False)
        self._calls[part.call] = block
        self._enter(block)

    def _add_input(self, part: ToolInput) -> None:
        block = self._calls.get(part.call)
        if block is None or block.ended:
            self._fail(_out_of_order("input came for a tool call that was not open"))
        elif part.json:
            self._add(block, "input_json_delta", json_of(part.json))

    def _end_call(self, call: int) -> None:
        block = self._calls.get(call)
        if block is None or block.ended:
            return
        block.ended = True
        if block is self._open:
            self._close()
            self._advance()

    def _enter(self, block: _Block) -> None:
        """Opens `block`, or queues it behind an open call."""
        if self._open is not None and not (self._open.ended and not self._queue):
            self._queue.append(block)
            self._count_waiting(len(block.start))
            return
        if self._open is not None:
            self._close()
        self._begin(block)

    def _add(self, block: _Block, delta: str, payload: bytes) -> None:
        if block is self._open:
            self._write_delta(delta, payload)
        else:
            block.waiting.append((delta, payload))
            self._count_waiting(len(payload))

    def _count_waiting(self, size: int) -> None:
        self._waiting_bytes += size
        if self._waiting_bytes > self._limit:
            self._fail(_out_of_order(f"more than {self._limit} bytes came before an earlier tool call was complete"))

    def _advance(self) -> None:
        """Opens what waits: each block that is complete is also closed, the first that is not stays open."""
        while self._open is None and self._queue:
            block = self._queue.pop(0)
            self._begin(block)
            self._waiting_bytes -= len(block.start)
            for delta, payload in block.waiting:
                self._write_delta(delta, payload)
                self._waiting_bytes -= len(payload)
            block.waiting.clear()
            if block.ended and (self._queue or block.call is not None):
                self._close()

    def _end_blocks(self) -> None:
        for block in self._calls.values():
            block.ended = True
        while self._open is not None:
            self._close()
            self._advance()

    def _start_message(self) -> None:
        message: dict[str, object] = {
            "id": self._message_id,
            "type": "message",
            "role": "assistant",
            "model": self._model,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": start_usage(self.usage, self._input_estimate),
        }
        self._write("message_start", b'"message":' + json_of(message))

    def _end_message(self) -> None:
        assert self._stop is not None
        delta = {"stop_reason": self._stop.reason, "stop_sequence": self._stop.sequence}
        self._write("message_delta", b'"delta":%b,"usage":%b' % (json_of(delta), json_of(delta_usage(self.usage))))
        self._write("message_stop", b"")

    def _fail(self, error: ProviderError) -> None:
        if self.ended:
            return
        self.fault = error
        self._state = NEXT[self._state]["error"]
        self.ended = True
        self._out.append(error_event(error))
        self._queue.clear()

    def _begin(self, block: _Block) -> None:
        self._index += 1
        self._open = block
        self._text_is_open = block.type == "text" and not block.sealed
        self._write("content_block_start", b'"index":%d,"content_block":%b' % (self._index, block.start))
        self._prefix = {}

    def _close(self) -> None:
        self._write("content_block_stop", b'"index":%d' % self._index)
        self._open = None
        self._text_is_open = False

    def _write_delta(self, delta: str, payload: bytes) -> None:
        """The hot path: everything before the payload is made once for each block."""
        prefix = self._prefix.get(delta)
        if prefix is None:
            prefix = self._prefix[delta] = (
                b'event: content_block_delta\ndata: {"type":"content_block_delta","index":%d,"delta":{"type":"%b","%b":'
                % (self._index, delta.encode(), DELTA_MEMBER[delta].encode())
            )
        if self._state is _IN_BLOCK:
            self._out.append(prefix + payload + b"}}\n\n")

    def _write(self, event: str, members: bytes) -> None:
        if self.fault is not None:
            return
        self._state = NEXT[self._state][event]
        self.ended = self._state is State.ENDED
        name = event.encode()
        self._out.append(_event(event, b'{"type":"%b"%b%b}' % (name, b"," if members else b"", members)))

    def _taken(self) -> bytes:
        out = b"".join(self._out)
        self._out.clear()
        return out


_STARTS = {
    "text": json_of({"type": "text", "text": ""}),
    "thinking": json_of({"type": "thinking", "thinking": "", "signature": ""}),
}


def _event(name: str, data: bytes) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (name.encode(), data)


def _out_of_order(what: str) -> ProviderError:
    return ProviderError(KINDS["bad_reply"], f"the upstream's reply cannot be put in order: {what}")
