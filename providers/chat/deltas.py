"""Parts as the deltas of a Chat Completions reply: what both the writer and the fold of this form are made of.

| part | delta |
|---|---|
| text, thinking | `content`, `reasoning_content` |
| a call's start, its input | `tool_calls[i]` with id and name, with more `arguments`; calls keep their own index and may interleave |
| a citation with an address | `annotations` of kind `url_citation`, over the text since the one before |
| signature, encrypted thinking, a vendor's own search | nothing: listed as lost |

Source: `ChatCompletionChunk` of the OpenAI API; `reasoning_content` is what most compatible upstreams and clients use.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias, assert_never

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
from providers.messages.usage import merged

Delta: TypeAlias = dict[str, Any]

FINISH_REASONS: Mapping[str, str] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "pause_turn": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}
"""Stop reason -> `finish_reason`. A stop reason that is not listed is an ordinary end: `stop`."""


class Deltas:
    """Turns the parts of one reply into deltas, one after the other, and keeps what is said besides.

    `as_functions`: the client asked with `functions`, so that a call is its `function_call`, and a second one has no place.
    """

    __slots__ = ("_as_functions", "_calls", "_chars", "_cited_to", "_ended_calls", "fault", "lost", "stop", "usage")

    def __init__(self, *, as_functions: bool = False) -> None:
        self.fault: ProviderError | None = None
        self.stop: Stop | None = None
        self.usage = Usage()
        self.lost: list[str] = []
        self._as_functions = as_functions
        self._calls: dict[int, int] = {}
        self._ended_calls: set[int] = set()
        self._chars = 0
        self._cited_to = 0

    @property
    def finish_reason(self) -> str:
        """Why the reply ended; only after the stop."""
        assert self.stop is not None
        reason = FINISH_REASONS.get(self.stop.reason, "stop")
        return "function_call" if reason == "tool_calls" and self._as_functions else reason

    def of(self, part: Part) -> Delta | None:
        """The delta that `part` makes, None where it makes none. After a fault or the stop only usage counts."""
        if isinstance(part, Usage):
            self.usage = merged(self.usage, part)
            return None
        if self.fault is not None:
            return None
        match part:
            case Fault():
                self.fault = part.error
                return None
            case _ if self.stop is not None:
                return None
            case Text():
                self._chars += len(part.text)
                return {"content": part.text} if part.text else None
            case Thinking():
                return {"reasoning_content": part.text} if part.text else None
            case Signature():
                return self._lose("the signature of the thinking")
            case Redacted():
                return self._lose("encrypted thinking")
            case Whole():
                return self._lose(f"a block of type `{part.block.get('type', '')}`")
            case Citation():
                return self._citation(part)
            case ToolStart():
                return self._start(part)
            case ToolInput():
                return self._input(part)
            case ToolEnd():
                self._ended_calls.add(part.call)
                return None
            case Stop():
                self.stop = part
                return None
            case _:
                assert_never(part)

    def _lose(self, what: str) -> Delta | None:
        if what not in self.lost:
            self.lost.append(what)
        return None

    def _citation(self, part: Citation) -> Delta | None:
        address, title = part.citation.get("url"), part.citation.get("title")
        if not isinstance(address, str):
            return self._lose("a citation without an address")
        cited = {
            "url": address,
            "title": title if isinstance(title, str) else "",
            "start_index": self._cited_to,
            "end_index": self._chars,
        }
        self._cited_to = self._chars
        return {"annotations": [{"type": "url_citation", "url_citation": cited}]}

    def _start(self, part: ToolStart) -> Delta | None:
        if part.call in self._calls:
            return self._contradict("a tool call began twice")
        index = self._calls[part.call] = len(self._calls)
        function = {"name": part.name, "arguments": ""}
        if not self._as_functions:
            return {"tool_calls": [{"index": index, "id": part.id or "", "type": "function", "function": function}]}
        return {"function_call": function} if index == 0 else self._lose("a second call: `functions` has one at a time")

    def _input(self, part: ToolInput) -> Delta | None:
        index = self._calls.get(part.call)
        if index is None or part.call in self._ended_calls:
            return self._contradict("input came for a tool call that was not open")
        if not part.json:
            return None
        function = {"arguments": part.json}
        if not self._as_functions:
            return {"tool_calls": [{"index": index, "function": function}]}
        return {"function_call": function} if index == 0 else None

    def _contradict(self, what: str) -> Delta | None:
        self.fault = ProviderError(KINDS["bad_reply"], f"the upstream's reply cannot be put in order: {what}")
        return None


def usage_object(usage: Usage) -> dict[str, Any]:
    """`usage` as this API counts: `prompt_tokens` has what the cache served and took, 0 where nothing was said."""
    read, write = usage.cache_read or 0, usage.cache_write or 0
    prompt, completion = (usage.input or 0) + read + write, usage.output or 0
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": read, "cache_write_tokens": write},
        "completion_tokens_details": {"reasoning_tokens": usage.thinking or 0},
    }


def completion_id(message_id: str) -> str:
    """This API's id for the reply."""
    return "chatcmpl-" + message_id.removeprefix("msg_")
