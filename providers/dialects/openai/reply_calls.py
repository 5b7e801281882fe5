"""Tool calls put together from deltas that name them in every way servers do: by index, by id, by both, by neither."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from providers.dialects.openai.reply_chunks import CallDelta, Function, signature_of
from providers.messages.fold import is_object
from providers.messages.parts import Part, Signature, ToolInput, ToolStart
from providers.messages.signatures import marked

MAX_INPUT_CHARS = 64 * 1024 * 1024
"""How much input all calls of one reply may have together: it is kept to tell where one call ends and the next begins."""

_NO_FUNCTION = Function()


class _Call(msgspec.Struct):
    """A call as it grows. It is told (`started`) once its name is known and either its id or some input is.

    Calls are told in the order in which they began: clients run them in that order.

    `signature` is the upstream's own; it is told in front of the call, for that is where it comes back from.
    """

    number: int
    id: str | None = None
    name: str | None = None
    signature: str | None = None
    started: bool = False
    early: list[ToolInput] = msgspec.field(default_factory=list)
    pieces: list[str] = msgspec.field(default_factory=list)


class Calls:
    """The calls of one reply. `tool_names` maps names as sent to the client's; `issuer` is whose mark signatures get."""

    __slots__ = ("_by_key", "_calls", "_chars", "_issuer", "_last", "_told", "_tool_names")

    def __init__(self, tool_names: Mapping[str, str], issuer: str) -> None:
        self._tool_names = tool_names
        self._issuer = issuer
        self._calls: list[_Call] = []
        self._told = 0  # so many calls at the beginning of `_calls` are started
        self._by_key: dict[int | str, _Call] = {}
        self._last: _Call | None = None
        self._chars = 0

    @property
    def any(self) -> bool:
        """Whether there is a call at all."""
        return bool(self._calls)

    def take(self, delta: CallDelta, out: list[Part]) -> None:
        """Adds a piece of a call; what it makes certain goes to `out`."""
        function = delta.function or _NO_FUNCTION
        call = self._call_of(delta, function)
        self._last = call
        if delta.id and not call.id:
            call.id = delta.id
        if function.name and not call.name:
            call.name = function.name
        if delta.extra_content is not None and not call.started:
            call.signature = signature_of(delta)
        if function.arguments:
            call.pieces.append(function.arguments)
            self._chars += len(function.arguments)
            (out if call.started else call.early).append(ToolInput(call.number, function.arguments))
        if not call.started:
            self._start_in_order(out)

    def take_legacy(self, function: Function, out: list[Part]) -> None:
        """Adds a piece of a `function_call`, the one call a reply could hold before `tool_calls`."""
        self.take(CallDelta(index=-1, function=function), out)

    def flush(self, out: list[Part]) -> None:
        """Tells the calls that still waited for an id: other content follows, or the end."""
        for call in self._calls:
            if not call.started and call.name:
                self._start(call, out)

    @property
    def is_too_much(self) -> bool:
        """Whether the calls have more input than a reply may have."""
        return self._chars > MAX_INPUT_CHARS

    @property
    def is_nameless(self) -> bool:
        """Whether there is a call that nobody can make, because its name never came; one without input either is no call."""
        return any(not call.name and call.pieces for call in self._calls)

    def _start_in_order(self, out: list[Part]) -> None:
        while self._told < len(self._calls):
            call = self._calls[self._told]
            if not call.started:
                if not (call.name and (call.id or call.early)):
                    return
                self._start(call, out)
            self._told += 1

    def _start(self, call: _Call, out: list[Part]) -> None:
        assert call.name is not None
        call.started = True
        if call.signature is not None:
            out.append(Signature(marked(self._issuer, call.signature)))
        out.append(ToolStart(call.number, call.id, self._tool_names.get(call.name, call.name)))
        out += call.early
        call.early.clear()

    def _call_of(self, delta: CallDelta, function: Function) -> _Call:
        known = self._known(delta)
        if known is None or self._is_another(known, delta, function):
            known = _Call(len(self._calls))
            self._calls.append(known)
        if delta.index is not None:
            self._by_key[delta.index] = known
        if delta.id:
            self._by_key[delta.id] = known
        return known

    def _known(self, delta: CallDelta) -> _Call | None:
        """The call a piece may belong to: by its index, unless another call is known by its id; without either the last one."""
        by_id = self._by_key.get(delta.id) if delta.id else None
        if delta.index is None:
            return by_id if delta.id else self._last
        by_index = self._by_key.get(delta.index)
        if by_index is not None and by_id is not None and by_index.id != delta.id:
            return by_id
        return by_index

    def _is_another(self, call: _Call, delta: CallDelta, function: Function) -> bool:
        """Whether the delta begins a new call although its index is taken: some servers number every call 0.

        Other servers repeat name or id with every piece, so what is repeated begins nothing, and a name or id alone
        begins a new call only if it is another one, or if the call before has its whole input.
        """
        if delta.id and call.id:
            return delta.id != call.id and (bool(function.name) or _is_whole(call))
        if not function.name or not call.name:
            return False
        return function.name != call.name or _is_whole(call)


def _is_whole(call: _Call) -> bool:
    return bool(call.pieces) and call.pieces[-1].rstrip().endswith("}") and is_object("".join(call.pieces))
