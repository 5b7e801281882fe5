"""A dialect's parts on their way to the client: decoder, repair, then writer (streamed) or fold (whole).

upstream bytes -> Decoder -> parts -> Repair -> parts -> Writer -> event stream
                                                      -> Fold   -> one message

Writer and fold are those of the form the client reads: Anthropic's, or that of Chat Completions. A reply without content
whose turn just ends is a fault here, `silent`; `silence` makes the reply of it that the client gets when nobody says more.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from providers.client_form import ClientForm, PartFold, PartWriter
from providers.dialects.seams import Decoder
from providers.errors import KINDS, ProviderError
from providers.messages.form import MESSAGES_FORM
from providers.messages.parts import Fault, Part, Stop, Text, Thinking, Usage
from providers.messages.printed_calls import PrintedCalls
from providers.messages.repair import Repair
from providers.messages.usage import merged
from providers.reply import Reply, Summary

MAX_WHOLE_BYTES = 64 * 1024 * 1024
"""How much of an upstream reply is taken in before a message that is not streamed becomes a fault."""

EVENT_STREAM = "text/event-stream; charset=utf-8"
JSON = "application/json"

_TURN_ENDS = frozenset({"end_turn", "tool_use"})
"""Stop reasons that say nothing by themselves: without content there is no answer (and `tool_use` without a call is none)."""


def translated(
    decoder: Decoder,
    *,
    stream: bool,
    model: str,
    message_id: str,
    new_id: Callable[[], str],
    declared_tools: Collection[str] = (),
    used_ids: Callable[[], Iterable[object]] = tuple,
    tool_names: Mapping[str, str] | None = None,
    extract_printed_calls: bool = False,
    input_estimate: int | None = None,
    form: ClientForm = MESSAGES_FORM,
) -> Reply:
    """The reply that `decoder`'s parts make.

    `model` is the name the client asked for, `message_id` the `msg_...` of this reply, `new_id` makes the unique end of ids that the
    upstream left out. `declared_tools` are the request's tools as the client names them and `tool_names` maps names as sent to
    those (only where they differ): printed calls and those of an odd name are told by them. `used_ids` gives the ids of the calls that the client has had. `input_estimate` stands in `message_start` until the
    upstream has counted; it never reaches the summary. `form` is the one the client reads.
    """

    def offered() -> Mapping[str, str]:
        sent = (tool_names or {}).items()
        return {name: name for name in declared_tools} | {name: mine for name, mine in sent if mine in declared_tools}

    printed = PrintedCalls(offered()) if extract_printed_calls and declared_tools else None
    repair = Repair(new_id, printed, used_ids, offered)
    if stream:
        return _Streamed(decoder, repair, form.writer(model, message_id, input_estimate))
    return _Whole(decoder, repair, form.fold(model, message_id))


def silence(form: ClientForm, *, stream: bool, model: str, message_id: str, usage: Usage) -> tuple[str, bytes]:
    """The content type and the bytes of a reply without content, in the form the client asked for."""
    parts = (usage, Stop("end_turn"))
    if stream:
        writer = form.writer(model, message_id, None)
        return EVENT_STREAM, writer.feed(parts) + writer.finish()
    fold = form.fold(model, message_id)
    fold.feed(parts)
    return JSON, fold.finish()


class _Streamed:
    """A reply that the client reads while it comes."""

    content_type = EVENT_STREAM

    __slots__ = ("_decoder", "_early_fault", "_held", "_repair", "_started", "_stop_reason", "_writer")

    def __init__(self, decoder: Decoder, repair: Repair, writer: PartWriter) -> None:
        self._decoder = decoder
        self._repair = repair
        self._writer = writer
        self._held: list[Part] = []
        self._started = False
        self._stop_reason: str | None = None
        self._early_fault: ProviderError | None = None

    @property
    def started(self) -> bool:
        """Whether content was decoded, or a stop that says something: usage alone does not commit."""
        return self._started

    @property
    def fault(self) -> ProviderError | None:
        """Why the reply broke, if it did."""
        return self._early_fault or self._writer.fault

    @property
    def stopped(self) -> bool:
        """Whether the last event was written."""
        return self._writer.ended or self._early_fault is not None

    def feed(self, data: bytes) -> bytes:
        """The events that `data` makes certain."""
        if self._writer.ended or self._early_fault is not None:
            return b""
        return self._events(self._decoder.feed(data))

    def finish(self) -> bytes:
        """The remaining events."""
        if self.stopped:
            return b""
        events = self._events(self._decoder.finish())
        if self._started:
            return events + self._writer.finish()
        if self._early_fault is None:
            self._early_fault = _empty()
        return b""

    def fail(self, error: ProviderError) -> bytes:
        """The end of the stream: polite where the upstream had said its stop before it broke off, else an error event."""
        if self.stopped:
            return b""
        rest = _rest_before_break(self._decoder, self._writer.stopped)
        if rest is not None:
            events = self._events(rest)
            return events + self._writer.finish() if self._started else b""
        if self._started:
            return self._events([Fault(error)])
        self._early_fault = error
        return b""

    def summary(self) -> Summary:
        """What came, so far."""
        usage = self._writer.usage
        for part in self._held:
            if isinstance(part, Usage):
                usage = merged(usage, part)
        return Summary(
            usage=usage,
            stop_reason=self._stop_reason,
            tool_calls=tuple(self._repair.tool_calls),
            fixes=tuple(self._repair.fixes),
            lost=tuple(self._repair.lost + self._writer.lost),
        )

    def _events(self, parts: Sequence[Part]) -> bytes:
        if not parts:
            return b""
        if not self._started:
            if not _commits(parts):
                self._held += [part for part in parts if isinstance(part, Usage)]
                self._early_fault = _fault_before_content(parts)
                return b""
            self._started = True
            parts = [*self._held, *parts]
            self._held.clear()
        mended = self._repair.feed(parts)
        for part in mended:
            if type(part) is Stop:
                self._stop_reason = part.reason
        return self._writer.feed(mended)


class _Whole:
    """A reply that the client gets in one piece, at its end: until then another try is still possible."""

    content_type = JSON

    __slots__ = ("_bytes", "_decoder", "_fold", "_message", "_repair", "_said")

    def __init__(self, decoder: Decoder, repair: Repair, fold: PartFold) -> None:
        self._decoder = decoder
        self._repair = repair
        self._fold = fold
        self._bytes = 0
        self._message: bytes | None = None
        self._said = False

    @property
    def started(self) -> bool:
        """Whether the message is made. Not before: nothing has reached the client, so a broken reply can still fail over."""
        return bool(self._message)

    @property
    def fault(self) -> ProviderError | None:
        """Why the reply broke, if it did."""
        return self._fold.fault

    @property
    def stopped(self) -> bool:
        """Whether the message is complete, or can never be."""
        complete = self._fold.stop is not None and self._fold.usage.output is not None
        return complete or self._fold.fault is not None

    def feed(self, data: bytes) -> bytes:
        """Nothing."""
        self._bytes += len(data)
        if self._bytes > MAX_WHOLE_BYTES and self._fold.fault is None:
            message = f"the upstream's reply is larger than {MAX_WHOLE_BYTES} bytes"
            self._fold.feed([Fault(ProviderError(KINDS["bad_reply"], message))])
        elif not self.stopped:
            self._take(self._decoder.feed(data))
        return b""

    def finish(self) -> bytes:
        """The message, or b"" where it broke."""
        if self._message is None:
            if not self.stopped:
                self._take(self._decoder.finish())
            self._message = self._fold.finish()
        return self._message

    def fail(self, error: ProviderError) -> bytes:
        """The message where the upstream had said its stop before it broke off, else nothing."""
        if not self.stopped and self._message is None:
            rest = _rest_before_break(self._decoder, self._fold.stop is not None)
            self._take([Fault(error)] if rest is None else rest)
        return self.finish()

    def summary(self) -> Summary:
        """What came, so far."""
        return Summary(
            usage=self._fold.usage,
            stop_reason=self._fold.stop.reason if self._fold.stop else None,
            tool_calls=tuple(self._repair.tool_calls),
            fixes=tuple(self._repair.fixes),
            lost=tuple(self._repair.lost + self._fold.lost),
        )

    def _take(self, parts: Sequence[Part]) -> None:
        if not self._said:
            self._said = _commits(parts)
            fault = None if self._said else _fault_before_content(parts)
            parts = parts if fault is None else [*(part for part in parts if isinstance(part, Usage)), Fault(fault)]
        self._fold.feed(self._repair.feed(parts))


def _commits(parts: Sequence[Part]) -> bool:
    """Whether one of `parts` is content or a stop that says something, before any fault."""
    for part in parts:
        if type(part) is Text or type(part) is Thinking:
            if part.text:
                return True
        elif type(part) is Stop:
            return part.reason not in _TURN_ENDS
        elif type(part) is not Usage:
            return type(part) is not Fault
    return False


def _fault_before_content(parts: Sequence[Part]) -> ProviderError | None:
    """Why the reply ends with these `parts`, which do not commit; None where it goes on."""
    for part in parts:
        if type(part) is Fault:
            return part.error
        if type(part) is Stop:
            return ProviderError(KINDS["silent"], "the upstream answered with a reply without any content")
    return None


def _rest_before_break(decoder: Decoder, stop_was_given: bool) -> Sequence[Part] | None:
    """The parts that complete a reply whose upstream broke off, None where it is not complete without what is missing."""
    if decoder.open_ended:
        return None
    rest = decoder.finish()
    if any(isinstance(part, Fault) for part in rest):
        return None
    return rest if stop_was_given or any(isinstance(part, Stop) for part in rest) else None


def _empty() -> ProviderError:
    return ProviderError(KINDS["empty"], "the upstream answered with nothing")
