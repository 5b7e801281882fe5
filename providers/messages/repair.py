"""What is mended between decoder and writer, each time under a name: see `FIXES`. Nothing else is guessed.

Text passes at once; a call's input streams through while it is an object. A call is told complete as soon as its object is and
another block begins, so that parallel calls stream one after the other.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping

from providers.errors import KINDS, ProviderError
from providers.messages.call_names import offered_name
from providers.messages.fold import CUT_REASONS, is_object
from providers.messages.json_scan import JsonScan, Verdict
from providers.messages.open_call import FORMS, Form, OpenCall
from providers.messages.parts import Fault, Part, Stop, Text, ToolEnd, ToolInput, ToolStart, Usage
from providers.messages.printed_calls import PrintedCall, PrintedCalls

FIXES: dict[str, str] = {
    "parsed_string_input_to_object": "the input was a JSON string that holds an object: the object is sent",
    "set_empty_input_object": "the input was absent or null: `{}` is sent",
    "generated_tool_id": "the call had no id: one was made",
    "renewed_tool_id": "another call of the conversation has the same id: one was made",
    "cleaned_tool_name": "the model's own format was left on the name of a tool: it was taken off",
    "reconciled_stop_reason": "the stop reason contradicted the calls: `tool_use` exactly when there are calls",
    "extracted_tool_<name>": "a call printed as text was made a real one (only if the provider asks for it)",
}
"""Name of a fix -> what it does. The names appear in the log line and in the counters."""

MAX_HELD_CHARS = 8 * 1024 * 1024
_SPACE = " \t\n\r"


class Repair:
    """Passes parts on, mended. `fixes` are the names of what was done, `tool_calls` the names of the calls passed on.

    `printed` turns printed calls into real ones; None leaves text alone. `used_ids` gives the ids of the conversation's calls so far,
    `offered` maps names that the upstream may use to the client's.
    """

    __slots__ = (
        "_calls", "_done", "_ids", "_new_id", "_next_call", "_offered", "_open", "_out", "_printed", "_used_ids", "fixes",
        "lost", "tool_calls",
    )  # fmt: skip

    def __init__(
        self,
        new_id: Callable[[], str],
        printed: PrintedCalls | None = None,
        used_ids: Callable[[], Iterable[object]] = tuple,
        offered: Callable[[], Mapping[str, str]] = dict,
    ) -> None:
        self.fixes: list[str] = []
        self.lost: list[str] = []
        self.tool_calls: list[str] = []
        self._new_id = new_id
        self._printed = printed
        self._used_ids = used_ids
        self._offered = offered
        self._ids: set[object] | None = None
        self._calls: dict[int, OpenCall] = {}
        self._open: list[OpenCall] = []
        self._out: list[Part] = []
        self._done = False

    def feed(self, parts: Iterable[Part]) -> list[Part]:
        """The parts to write. After `Stop` only `Usage` and `Fault` pass, after `Fault` nothing."""
        out = self._out = []
        for part in parts:
            if type(part) is Text and not self._open and self._printed is None and not self._done:
                out.append(part)
            else:
                self._take(part)
        return out

    def _take(self, part: Part) -> None:
        if self._done:
            if type(part) is Usage or type(part) is Fault:
                self._out.append(part)
            return
        match part:  # the most frequent first: a class that does not fit costs more than one that does
            case ToolInput():
                self._input(part)
            case Usage():
                self._out.append(part)
            case Stop():
                self._stop(part)
            case ToolStart():
                self._start(part)
            case ToolEnd():
                if (call := self._calls.get(part.call)) is not None and not call.ended:
                    self._settle(call)
            case Fault():
                self._release_text()
                self._out.append(part)
                self._done = True
            case Text() if self._printed is not None:
                if text := self._printed.feed(part.text):
                    self._pass_content(Text(text))
            case _:
                self._release_text()
                self._pass_content(part)

    def _pass_content(self, part: Part) -> None:
        self._another_block_begins()
        self._out.append(part)

    def _another_block_begins(self) -> None:
        """Ends the calls that are complete, and begins those that were held back for their first input."""
        for call in list(self._open):
            self._begin(call)
            if call.is_complete:
                self._end(call)

    def _release_text(self) -> None:
        if self._printed is not None and (text := self._printed.release()):
            self._pass_content(Text(text))

    def _start(self, part: ToolStart) -> None:
        if part.call in self._calls:
            self._fail("a tool call began twice")
            return
        if not part.name:
            self._fail("a tool call has no name")
            return
        self._release_text()
        self._printed = None
        self._another_block_begins()
        part = self._with_own_id(self._with_offered_name(part))
        call = self._calls[part.call] = OpenCall(part)
        self._open.append(call)

    def _with_offered_name(self, part: ToolStart) -> ToolStart:
        name = offered_name(part.name, self._offered())
        if name is None:
            return part
        self.fixes.append("cleaned_tool_name")
        return ToolStart(part.call, part.id, name)

    def _with_own_id(self, part: ToolStart) -> ToolStart:
        """The start with an id that no other call of the conversation has: clients find the result of a call by it alone."""
        if self._ids is None:
            self._ids = set(self._used_ids())
        if not part.id or part.id in self._ids:
            self.fixes.append("renewed_tool_id" if part.id else "generated_tool_id")
            part = ToolStart(part.call, f"toolu_{self._new_id()}", part.name)
        self._ids.add(part.id or "")
        return part

    def _begin(self, call: OpenCall) -> None:
        if not call.begun:
            call.begun = True
            self.tool_calls.append(call.start.name)
            self._out.append(call.start)

    def _input(self, part: ToolInput) -> None:
        call = self._calls.get(part.call)
        if call is None:
            self._fail("input came for a tool call that never began")
        elif call.ended:
            if part.json.strip(_SPACE):
                self._fail(f"the call of `{call.start.name}` went on after its input was complete")
        elif part.json:
            self._grow(call, part)

    def _grow(self, call: OpenCall, part: ToolInput) -> None:
        if call.form is Form.NOTHING:
            text = part.json.lstrip(_SPACE)
            if not text:
                return
            call.form = FORMS.get(text[0], Form.STREAMED)
            if not call.begun:
                # The start was held back so that a call without any input can still be left out when the reply is cut.
                self._begin_in_turn(call)
        if call.form is Form.STREAMED:
            self._scan(call, part.json)
            self._out.append(part)
            return
        call.held.append(part.json)
        call.held_chars += len(part.json)
        self._scan(call, part.json)
        broken = call.scan.verdict is Verdict.BROKEN or call.spoiled
        if broken or call.held_chars > MAX_HELD_CHARS:
            self._send_as_received(call)
        elif call.form is Form.STRING and call.scan.verdict is Verdict.COMPLETE:
            self._send_string(call)

    def _begin_in_turn(self, call: OpenCall) -> None:
        for other in self._open:
            self._begin(other)
            if other is call:
                return

    def _scan(self, call: OpenCall, text: str) -> None:
        before = call.scan.consumed
        call.scan.feed(text)
        if call.scan.verdict is not Verdict.OPEN and text[call.scan.consumed - before :].strip(_SPACE):
            call.spoiled = True

    def _send_string(self, call: OpenCall) -> None:
        """Replaces a string that holds an object by the object; another string is sent as received."""
        try:
            inner = json.loads("".join(call.held))
        except (ValueError, RecursionError):
            inner = None
        if not (isinstance(inner, str) and is_object(inner)):
            return
        call.held.clear()
        call.form, call.scan = Form.STREAMED, JsonScan()
        call.scan.feed(inner)
        self._out.append(ToolInput(call.start.call, inner.strip(_SPACE)))
        self.fixes.append("parsed_string_input_to_object")

    def _send_as_received(self, call: OpenCall) -> None:
        call.form = Form.STREAMED
        if call.held:
            self._out.append(ToolInput(call.start.call, "".join(call.held)))
        call.held.clear()

    def _settle(self, call: OpenCall) -> None:
        """The input is complete: what is held goes out, and what is absent or null becomes an object."""
        self._begin(call)
        if call.form is Form.NOTHING or "".join(call.held).strip(_SPACE) == "null":
            call.held.clear()
            self._out.append(ToolInput(call.start.call, "{}"))
            self.fixes.append("set_empty_input_object")
        elif call.form is not Form.STREAMED:
            self._send_as_received(call)
        self._end(call)

    def _end(self, call: OpenCall) -> None:
        call.ended = True
        self._open.remove(call)
        self._out.append(ToolEnd(call.start.call))

    def _stop(self, part: Stop) -> None:
        if part.unknown is not None:
            self.lost.append(f"the stop reason `{part.unknown}`: unknown here, told as `{part.reason}`")
        if self._printed is not None:
            text, calls = self._printed.end() if part.reason == "end_turn" else (self._printed.release(), ())
            if text:
                self._pass_content(Text(text))
            for printed in calls:
                self._extract(printed)
        for call in list(self._open):
            is_cut = part.reason in CUT_REASONS and call is self._open[-1] and call.form is Form.NOTHING
            if is_cut and not call.begun:
                self.lost.append(f"the call of `{call.start.name}`: it is cut before its input ({part.reason})")
                self._open.remove(call)
            elif is_cut:
                self._end(call)
            else:
                self._settle(call)
        self._done = True
        self._out.append(self._reconciled(part))

    def _extract(self, printed: PrintedCall) -> None:
        number = len(self._calls)
        self._start(ToolStart(number, f"toolu_{self._new_id()}", printed.name))
        self._input(ToolInput(number, printed.json))
        self.fixes.append(f"extracted_tool_{printed.name}")

    def _reconciled(self, part: Stop) -> Stop:
        if part.reason == "end_turn" and self.tool_calls:
            self.fixes.append("reconciled_stop_reason")
            return Stop("tool_use")
        if part.reason == "tool_use" and not self.tool_calls:
            self.fixes.append("reconciled_stop_reason")
            return Stop("end_turn")
        return part

    def _fail(self, what: str) -> None:
        message = f"the upstream's reply cannot be put in order: {what}"
        self._out.append(Fault(ProviderError(KINDS["bad_reply"], message)))
        self._done = True
