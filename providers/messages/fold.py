"""Parts to one Anthropic message: what the same parts make when they are not streamed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import assert_never

import msgspec

from providers.errors import KINDS, ProviderError
from providers.messages.encode import json_of
from providers.messages.json_scan import JsonScan
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
from providers.messages.usage import merged, start_usage

CUT_REASONS = frozenset({"max_tokens", "model_context_window_exceeded"})
"""Stop reasons that say the reply ends where the room ended: its last call may be cut."""

_SPACE = " \t\n\r"


class _Block(msgspec.Struct):
    """A block as it grows: `members` without what is still in `pieces` (text, thinking or the JSON text of an input)."""

    type: str
    members: dict[str, object]
    pieces: list[str] = msgspec.field(default_factory=list)
    sealed: bool = False


class Fold:
    """Collects one message. `fault` is set by a `Fault` part, by contradicting parts, and by a call that cannot be read."""

    __slots__ = ("_blocks", "_calls", "_ended_calls", "_message_id", "_model", "fault", "lost", "stop", "usage")

    def __init__(self, model: str, message_id: str) -> None:
        self.fault: ProviderError | None = None
        self.usage = Usage()
        self.stop: Stop | None = None
        self.lost: list[str] = []
        self._model = model
        self._message_id = message_id
        self._blocks: list[_Block] = []
        self._calls: dict[int, _Block] = {}
        self._ended_calls: set[int] = set()

    def feed(self, parts: Iterable[Part]) -> None:
        """Adds `parts`."""
        for part in parts:
            if self.fault is None:
                self._take(part)

    def finish(self) -> bytes:
        """The message as JSON, or b"" with `fault` set."""
        if self.fault is None and self.stop is None:
            self.fault = ProviderError(KINDS["cut"], "the upstream's reply ended before it was complete")
        if self.fault is not None or self.stop is None:
            return b""
        content = [content for block in self._blocks if (content := self._content_of(block, self.stop)) is not None]
        return self._message(content, self.stop)

    def _message(self, content: list[dict[str, object]], stop: Stop) -> bytes:
        if self.fault is not None:
            return b""
        message: dict[str, object] = {
            "id": self._message_id,
            "type": "message",
            "role": "assistant",
            "model": self._model,
            "content": content,
            "stop_reason": stop.reason,
            "stop_sequence": stop.sequence,
            "usage": start_usage(self.usage, None),
        }
        return json_of(message)

    def _take(self, part: Part) -> None:
        if self.stop is not None and type(part) is not Usage and type(part) is not Fault:
            return
        match part:  # the most frequent first: a class that does not fit costs more than one that does
            case Text():
                if part.text:
                    self._growing("text").pieces.append(part.text)
            case Usage():
                self.usage = merged(self.usage, part)
            case Stop():
                self.stop = part
            case Fault():
                self.fault = part.error
            case Thinking():
                if part.text:
                    self._growing("thinking").pieces.append(part.text)
            case Signature():
                if part.signature:
                    block = self._growing("thinking")
                    block.members["signature"] = part.signature
                    block.sealed = True
            case Citation():
                self._cite(part)
            case Redacted():
                self._blocks.append(_Block("redacted_thinking", {"type": "redacted_thinking", "data": part.data}))
            case Whole():
                self._blocks.append(_Block(str(part.block.get("type", "")), dict(part.block), sealed=True))
            case ToolStart():
                self._start_call(part)
            case ToolInput():
                if part.call not in self._calls or part.call in self._ended_calls:
                    self._contradict("input came for a tool call that was not open")
                else:
                    self._calls[part.call].pieces.append(part.json)
            case ToolEnd():
                self._ended_calls.add(part.call)
            case _:
                assert_never(part)

    def _growing(self, block_type: str) -> _Block:
        """The last block if it is of that type and can still grow, else a new one."""
        if self._blocks and self._blocks[-1].type == block_type and not self._blocks[-1].sealed:
            return self._blocks[-1]
        self._blocks.append(_Block(block_type, {"type": block_type}))
        return self._blocks[-1]

    def _cite(self, part: Citation) -> None:
        if not self._blocks or self._blocks[-1].type != "text":
            self.lost.append("a citation without its text")
            return
        members = self._blocks[-1].members
        citations = members.setdefault("citations", [])
        if isinstance(citations, list):
            citations.append(part.citation)

    def _start_call(self, part: ToolStart) -> None:
        if part.call in self._calls:
            self._contradict("a tool call began twice")
            return
        block = _Block("tool_use", {"type": "tool_use", "id": part.id or "", "name": part.name}, sealed=True)
        self._calls[part.call] = block
        self._blocks.append(block)

    def _contradict(self, what: str) -> None:
        self.fault = ProviderError(KINDS["bad_reply"], f"the upstream's reply cannot be put in order: {what}")

    def _content_of(self, block: _Block, stop: Stop) -> dict[str, object] | None:
        """The block as Anthropic writes it; None for a call that is cut, which is listed as lost."""
        text = "".join(block.pieces)
        match block.type:
            case "text" if not block.sealed:
                return {"type": "text", "text": text} | block.members
            case "thinking" if "thinking" not in block.members:
                return {"type": "thinking", "thinking": text, "signature": ""} | block.members
            case "tool_use" if "input" not in block.members:
                return self._call_content(block, text, stop)
            case _:
                return block.members

    def _call_content(self, block: _Block, text: str, stop: Stop) -> dict[str, object] | None:
        if is_object(text):
            return block.members | {"input": msgspec.Raw(text.encode("utf-8", "replace"))}
        name = block.members["name"]
        if stop.reason in CUT_REASONS:
            self.lost.append(f"the call of `{name}`: its input is cut ({stop.reason})")
        else:
            self.fault = ProviderError(
                KINDS["bad_reply"], f"the upstream called the tool `{name}` with an input that is no JSON object"
            )
        return None


def is_object(text: str) -> bool:
    """Whether `text` is one complete JSON object and nothing else."""
    scan = JsonScan()
    scan.feed(text)
    return scan.is_object and not text[scan.consumed :].strip(_SPACE)
