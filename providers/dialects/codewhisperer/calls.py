"""Calls put together from `toolUseEvent`s.

As the service sends one: id and name; then fragments of the input's JSON text; then `stop`. As others have seen it: all
in one event, no name after the first, several calls mixed, no `stop`, a `stop` twice, the whole input again at the end,
an object instead of text.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from msgspec import Struct, field

from providers.dialects.codewhisperer.text import Pieces
from providers.messages.fold import is_object
from providers.messages.parts import Part, ToolEnd, ToolInput, ToolStart

MAX_HELD_CHARS = 32 * 1024 * 1024
"""Input of unfinished calls that is held at a time."""

MAX_CALLS = 1_000

_REPEAT_CHECKS = 16
"""How often in one call a fragment is compared with all that came before."""


class ToolUse(msgspec.Struct, frozen=True, rename="camel"):
    """The payload of a `toolUseEvent`."""

    tool_use_id: str | None = None
    name: str | None = None
    input: str | dict[str, object] | None = None
    stop: bool | None = None


class _Call(Struct):
    place: int
    id: str | None
    name: str | None
    number: int = -1
    started: bool = False
    ended: bool = False
    stopped: bool = False
    held: list[str] = field(default_factory=list)
    pieces: Pieces = field(default_factory=Pieces)
    checks: int = 0


class BadCall(Exception):  # noqa: N818 - says what the model did
    """A call whose input cannot be used; the text names it."""


class Calls:
    """The calls of one reply, by id and in order of first appearance.

    A call begins (`ToolStart`) with its first piece of input or its `stop`, so that a name alone can still be dropped;
    it ends (`ToolEnd`) only when its input is whole. What is neither is `unfinished`, and nobody completes it; `broken`
    names a call that said `stop` without being whole: only `MAX_TOKENS` explains it.
    """

    __slots__ = ("_begun", "_by_id", "_calls", "_held_chars", "_nameless", "_names", "any_ended", "broken", "chars")

    def __init__(self, names: Mapping[str, str]) -> None:
        self._names = names
        self._calls: list[_Call] = []
        self._by_id: dict[str, _Call] = {}
        self._nameless: _Call | None = None
        self._held_chars = 0
        self._begun = 0
        self.chars = 0
        self.any_ended = False
        self.broken: str | None = None

    def unfinished(self) -> str | None:
        """The name of a call that has begun and is not whole, or None."""
        return next((self._shown(call) for call in self._calls if call.started and not call.ended), None)

    def add(self, event: ToolUse) -> list[Part]:
        """The parts of one event. Raises `BadCall` for input that is no object or too much."""
        call = self._call_of(event)
        if call.stopped:
            return []
        call.name = call.name or event.name
        parts: list[Part] = []
        if event.input:
            self._take(call, event.input, parts)
        if event.stop:
            call.stopped = True
            self._close(call, parts)
        return parts

    def end(self) -> list[Part]:
        """At the end of the reply: ends the calls whose input is whole although no `stop` came."""
        parts: list[Part] = []
        for call in self._calls:
            if call.started and not call.ended:
                self._close(call, parts)
        return parts

    def _call_of(self, event: ToolUse) -> _Call:
        """The call an event belongs to. Events without an id belong to one call until it stops or another name comes."""
        if event.tool_use_id:
            call = self._by_id.get(event.tool_use_id)
            if call is None:
                call = self._by_id[event.tool_use_id] = self._new(event)
            return call
        call = self._nameless
        if call is None or (event.name and (call.stopped or event.name != call.name)):
            call = self._nameless = self._new(event)
        return call

    def _new(self, event: ToolUse) -> _Call:
        if len(self._calls) >= MAX_CALLS:
            raise BadCall(f"the reply makes more than {MAX_CALLS} calls")
        call = _Call(len(self._calls), event.tool_use_id or None, event.name)
        self._calls.append(call)
        return call

    def _take(self, call: _Call, given: str | dict[str, object], parts: list[Part]) -> None:
        if isinstance(given, dict):
            if call.held:
                if _object("".join(call.held)) != given:
                    raise BadCall(f"the call of `{self._shown(call)}` came with two different inputs")
                return
            text = msgspec.json.encode(given).decode()
        elif self._repeats(call, given):
            return
        else:
            text = call.pieces.add(given)
        self._emit(call, text, parts)

    def _repeats(self, call: _Call, fragment: str) -> bool:
        """Whether the fragment is the whole input over again instead of its next piece."""
        if not call.held or call.checks >= _REPEAT_CHECKS or not fragment.lstrip().startswith("{"):
            return False
        call.checks += 1
        again = _object(fragment)
        return again is not None and again == _object("".join(call.held))

    def _emit(self, call: _Call, text: str, parts: list[Part]) -> None:
        if not text:
            return
        self._start(call, parts)
        call.held.append(text)
        self.chars += len(text)
        self._held_chars += len(text)
        if self._held_chars > MAX_HELD_CHARS:
            raise BadCall(f"the input of `{self._shown(call)}` is longer than {MAX_HELD_CHARS} characters")
        parts.append(ToolInput(call.number, text))

    def _start(self, call: _Call, parts: list[Part]) -> None:
        """Begins the call and, so that order is kept, those before it."""
        if call.started:
            return
        for earlier in self._calls[: call.place + 1]:
            if not earlier.started and earlier.name:
                earlier.started = True
                earlier.number = self._begun
                self._begun += 1
                parts.append(ToolStart(earlier.number, earlier.id, self._names.get(earlier.name, earlier.name)))
        if not call.started:
            raise BadCall("a call came without a name")

    def _close(self, call: _Call, parts: list[Part]) -> None:
        """Ends the call if its input is whole; leaves it open, for `broken`, if it is cut."""
        self._start(call, parts)
        self._emit(call, call.pieces.rest(), parts)
        if not call.held:
            self._emit(call, "{}", parts)
        whole = "".join(call.held)
        try:
            fits = isinstance(msgspec.json.decode(whole), (dict, str))
        except (msgspec.DecodeError, RecursionError):
            fits = is_object(whole)  # with half a character or a huge number in it, which are JSON too
            if not fits:
                if call.stopped:
                    self.broken = self.broken or self._shown(call)
                return
        if not fits:
            raise BadCall(f"the input of `{self._shown(call)}` is no object")
        call.ended = self.any_ended = True
        self._held_chars -= len(whole)
        call.held = []
        parts.append(ToolEnd(call.number))

    def _shown(self, call: _Call) -> str:
        name = call.name or ""
        return self._names.get(name, name)


def _object(text: str) -> dict[str, object] | None:
    try:
        value = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
