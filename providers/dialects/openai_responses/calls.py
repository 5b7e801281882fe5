"""Function calls put together from items and deltas: known by their place in the output, or by their item's id."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import msgspec

from providers.dialects.openai_responses.events import Event, Item
from providers.messages.parts import Part, ToolEnd, ToolInput, ToolStart

MAX_CALLS = 1_000

Key = int | str


class _Call(msgspec.Struct):
    """A call as it grows; it is told (`started`) once its name is known. What came before waits in `early`."""

    number: int
    started: bool = False
    ended: bool = False
    has_input: bool = False
    early: list[str] = msgspec.field(default_factory=list)


class Calls:
    """The calls of one reply. `tool_names` maps names as sent to the client's."""

    __slots__ = ("_by_key", "_calls", "_tool_names")

    def __init__(self, tool_names: Mapping[str, str]) -> None:
        self._tool_names = tool_names
        self._calls: list[_Call] = []
        self._by_key: dict[Key, _Call] = {}

    @property
    def any(self) -> bool:
        """Whether there is a call at all."""
        return bool(self._calls)

    @property
    def too_many(self) -> bool:
        """Whether there are more calls than a reply may have."""
        return len(self._calls) > MAX_CALLS

    @property
    def unnamed(self) -> bool:
        """Whether there is a call that nobody can make, because its name never came."""
        return not all(call.started for call in self._calls)

    def added(self, event: Event, item: Item, out: list[Part]) -> None:
        """A call's item begins."""
        call = self._call_of(event, item)
        self._start(call, item, out)
        self._grow(call, text_of(item.arguments), out)

    def delta(self, event: Event, out: list[Part]) -> None:
        """A piece of a call's input."""
        if isinstance(event.delta, str):
            self._grow(self._call_of(event, None), event.delta, out)

    def arguments(self, event: Event, out: list[Part]) -> None:
        """The whole input: only what no delta has brought."""
        call = self._call_of(event, None)
        if not call.has_input:
            self._grow(call, text_of(event.arguments), out)

    def done(self, event: Event, item: Item, out: list[Part]) -> None:
        """A call's item is complete."""
        call = self._call_of(event, item)
        if call.ended:
            return
        self._start(call, item, out)
        if not call.has_input:
            self._grow(call, text_of(item.arguments), out)
        if call.started:
            call.ended = True
            out.append(ToolEnd(call.number))

    def _call_of(self, event: Event, item: Item | None) -> _Call:
        keys: list[Key] = [
            key for key in (event.output_index, event.item_id, item.id if item is not None else None) if key is not None
        ]
        call = next((self._by_key[key] for key in keys if key in self._by_key), None)
        if call is None:
            call = _Call(len(self._calls))
            self._calls.append(call)
        for key in keys:
            self._by_key.setdefault(key, call)
        return call

    def _start(self, call: _Call, item: Item, out: list[Part]) -> None:
        if call.started or not item.name:
            return
        call.started = True
        out.append(ToolStart(call.number, item.call_id or None, self._tool_names.get(item.name, item.name)))
        out += [ToolInput(call.number, text) for text in call.early]
        call.early.clear()

    def _grow(self, call: _Call, text: str, out: list[Part]) -> None:
        if not text or call.ended:
            return
        call.has_input = True
        if call.started:
            out.append(ToolInput(call.number, text))
        else:
            call.early.append(text)


def text_of(arguments: Any) -> str:
    """A call's arguments as JSON text; some servers give the object itself."""
    if arguments is None or isinstance(arguments, str):
        return arguments or ""
    return json.dumps(arguments, ensure_ascii=False, separators=(",", ":"))
