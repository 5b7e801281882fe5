"""The event stream of `GenerateAssistantResponse` as parts.

Source: the generated clients of Amazon Q Developer (events), captures of live streams (order, `stopReason`). Older
streams have no terminal event: the end of the body ends the turn, so bytes left over and calls left open are the only
signs of a cut.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import msgspec

from providers.dialects.codewhisperer.calls import BadCall, Calls, ToolUse
from providers.dialects.codewhisperer.errors import Said, error_from, said_in
from providers.dialects.codewhisperer.requests import BYTES_PER_TOKEN, Sent
from providers.dialects.codewhisperer.text import Pieces, ThinkingTags
from providers.dialects.seams import Head
from providers.dialects.stops import stop_from
from providers.errors import KINDS, ProviderError
from providers.messages.parts import Fault, Part, Redacted, Signature, Stop, Text, Thinking, Usage
from providers.messages.signatures import marked
from providers.wire.aws_names import bare_name
from providers.wire.eventstream import Frame, FrameReader

EVENT_STREAM = "application/vnd.amazon.eventstream"
MAX_PLAIN_BYTES = 64 * 1024
"""How much of a body that is no event stream is read for its error text."""

STOP_REASONS: dict[str, str] = {
    "END_TURN": "end_turn",
    "TOOL_USE": "end_turn",
    "STOP_SEQUENCE": "stop_sequence",
    "MAX_TOKENS": "max_tokens",
    "MODEL_CONTEXT_WINDOW_EXCEEDED": "model_context_window_exceeded",
    "CONTENT_FILTERED": "refusal",
    "GUARDRAIL_INTERVENED": "refusal",
    "MALFORMED_TOOL_USE": "end_turn",
    "MALFORMED_MODEL_OUTPUT": "end_turn",
}
"""The service's reasons -> Anthropic's, where no call was made; a call makes it `tool_use`, except after `MAX_TOKENS`."""

_T = TypeVar("_T")


class _Answer(msgspec.Struct, frozen=True):
    content: str | None = None


class _Reasoning(msgspec.Struct, frozen=True, rename="camel"):
    text: str | None = None
    signature: str | None = None
    redacted_content: str | None = None


class _Tokens(msgspec.Struct, frozen=True, rename="camel"):
    uncached_input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    cache_write_input_tokens: int | None = None
    context_usage_percentage: float | None = None


class _Metadata(msgspec.Struct, frozen=True, rename="camel"):
    token_usage: _Tokens | None = None
    stop_reason: str | None = None
    context_usage_percentage: float | None = None


class _ContextUsage(msgspec.Struct, frozen=True, rename="camel"):
    context_usage_percentage: float | None = None


class ReplyDecoder:
    """A `Decoder` for one answer. Content streams through; usage and the stop reason are said at the end."""

    def __init__(self, sent: Sent, names: Mapping[str, str], head: Head) -> None:
        self._sent = sent
        self._reader = FrameReader()
        self._plain = None if _is_stream(head) else bytearray()
        self._calls = Calls(names)
        self._text = Pieces()
        self._thought = Pieces()
        self._tags = ThinkingTags() if sent.thinking == "simulated" else None
        self._parts: list[Part] = []
        self._done = False
        self._has_content = self._is_heard = False
        self._output_chars = 0
        self._reason: str | None = None
        self._usage: Usage | None = None
        self._percentage: float | None = None
        self._unmendable: str | None = None

    @property
    def open_ended(self) -> bool:
        """Until a stop reason came: streams without one end with their body."""
        return self._reason is None

    def feed(self, data: bytes) -> Sequence[Part]:
        if self._done:
            return ()
        if self._plain is not None:
            self._plain += data[: MAX_PLAIN_BYTES - len(self._plain)]
            return ()
        for frame in self._reader.feed(data):
            self._read(frame)
        if self._reader.broken is not None:
            self._cut(ProviderError(KINDS["garbage"], f"the upstream's stream is damaged: {self._reader.broken}"))
        return self._given()

    def finish(self) -> Sequence[Part]:
        if self._done:
            return ()
        if self._plain is not None:
            self._fault(_plain_answer(bytes(self._plain)))
        elif self._reader.leftover:
            self._cut(ProviderError(KINDS["cut"], "the upstream's stream ended in the middle of a frame"))
        else:
            self._end()
        return self._given()

    def _given(self) -> list[Part]:
        parts, self._parts = self._parts, []
        return parts

    def _read(self, frame: Frame) -> None:
        if self._done:
            return
        self._is_heard = True
        match frame.text(":message-type"):
            case "exception":
                self._exception(frame.text(":exception-type"), frame.payload)
            case "error":
                self._fault(error_from(Said(bare_name(frame.text(":error-code")), frame.text(":error-message"), "")))
            case _:
                handler = _HANDLERS.get(frame.text(":event-type"))
                if handler is not None:
                    handler(self, frame.payload)
                    self._unmendable = self._calls.broken

    def _answer(self, payload: bytes) -> None:
        answer = self._decoded(payload, _Answer)
        if answer is not None and answer.content:
            self._add_text(self._text.add(answer.content))

    def _reasoning(self, payload: bytes) -> None:
        """Thinking reaches only a client that asked for it, as with Anthropic."""
        reasoning = self._decoded(payload, _Reasoning)
        if reasoning is None or self._sent.thinking == "off":
            return
        if reasoning.text and (text := self._thought.add(reasoning.text)):
            self._output_chars += len(text)
            self._content(Thinking(text))
        if reasoning.signature:
            self._content(Signature(marked(self._sent.issuer, reasoning.signature)))
        if reasoning.redacted_content:
            self._content(Redacted(marked(self._sent.issuer, reasoning.redacted_content)))

    def _tool_use(self, payload: bytes) -> None:
        event = self._decoded(payload, ToolUse)
        if event is None:
            return
        self._flush_text()
        try:
            parts = self._calls.add(event)
        except BadCall as bad:
            self._fault(ProviderError(KINDS["bad_reply"], str(bad)))
            return
        for part in parts:
            self._content(part)

    def _metadata(self, payload: bytes) -> None:
        metadata = self._decoded(payload, _Metadata)
        if metadata is None:
            return
        self._reason = metadata.stop_reason or self._reason
        tokens = metadata.token_usage
        if tokens is not None:
            self._usage = Usage(
                input=tokens.uncached_input_tokens,
                output=tokens.output_tokens,
                cache_read=tokens.cache_read_input_tokens,
                cache_write=tokens.cache_write_input_tokens,
            )
        inner = tokens.context_usage_percentage if tokens is not None else None
        self._percentage = metadata.context_usage_percentage or inner or self._percentage

    def _context_usage(self, payload: bytes) -> None:
        usage = self._decoded(payload, _ContextUsage)
        if usage is not None:
            self._percentage = usage.context_usage_percentage or self._percentage

    def _exception(self, name: str, payload: bytes) -> None:
        said = said_in(payload)
        name = bare_name(name) or said.name
        if name == "ContentLengthExceededException" and self._has_content:
            self._reason = "MAX_TOKENS"
            self._end()
            return
        self._fault(error_from(Said(name, said.text, said.reason), model=self._sent.model_id))

    def _error_event(self, payload: bytes) -> None:
        self._exception("error", payload)

    def _invalid_state(self, payload: bytes) -> None:
        said = said_in(payload)
        self._fault(ProviderError(KINDS["bad_reply"], f"the service's state is invalid: {said.text or said.reason}"))

    def _decoded(self, payload: bytes, form: type[_T]) -> _T | None:
        """The payload; its checksum was right, so one that cannot be read is the service's mistake and text would be missing."""
        try:
            return msgspec.json.decode(payload, type=form)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            pass
        try:
            return msgspec.convert(json.loads(payload), type=form)
        except (msgspec.ValidationError, ValueError, RecursionError):
            self._fault(ProviderError(KINDS["garbage"], "an event of the upstream's stream cannot be read"))
            return None

    def _add_text(self, text: str) -> None:
        thinking = ""
        if self._tags is not None:
            thinking, text = self._tags.add(text)
        self._add_told_apart(thinking, text)

    def _add_told_apart(self, thinking: str, text: str) -> None:
        self._output_chars += len(thinking) + len(text)
        if thinking:
            self._content(Thinking(thinking))
        if text:
            self._content(Text(text))

    def _flush_text(self) -> None:
        """Gives what is held back of the text, before something else than text or at the end."""
        if self._done:
            return
        if rest := self._text.rest():
            self._add_text(rest)
        if self._tags is not None:
            self._add_told_apart(*self._tags.rest())

    def _content(self, part: Part) -> None:
        """Gives a part on, after the estimate of the input, which belongs in front of the first one."""
        if self._done:
            return
        if self._unmendable is not None:
            self._fault(_unusable(self._unmendable))
            return
        if not self._has_content:
            self._has_content = True
            self._parts.append(Usage(input=self._sent.input_tokens) if self._usage is None else self._usage)
        self._parts.append(part)

    def _end(self) -> None:
        """The turn is over: what is whole is ended, what is cut is an error unless the service says why."""
        self._unmendable = None
        self._flush_text()
        if rest := self._thought.rest():
            self._content(Thinking(rest))
        try:
            for part in self._calls.end():
                self._content(part)
        except BadCall as bad:
            self._fault(ProviderError(KINDS["bad_reply"], str(bad)))
        unfinished = self._calls.unfinished()
        if unfinished is not None and self._reason != "MAX_TOKENS":
            self._fault(_unusable(unfinished))
        stop = self._stop()
        if self._reason == "MALFORMED_TOOL_USE" and not self._calls.any_ended:
            self._fault(ProviderError(KINDS["bad_reply"], "the model made a call that the service could not read"))
        elif not self._is_heard:
            self._fault(ProviderError(KINDS["empty"], "the upstream answered with nothing"))
        if self._done:
            return
        self._parts.append(self._final_usage())
        self._parts.append(stop)
        self._done = True

    def _stop(self) -> Stop:
        stop = stop_from(self._reason, STOP_REASONS) if self._reason else Stop("end_turn")
        if self._tags is not None and self._tags.unclosed and stop.reason == "end_turn":
            return Stop("max_tokens", unknown=stop.unknown)
        if self._calls.any_ended and self._reason != "MAX_TOKENS":
            return Stop("tool_use", unknown=stop.unknown)
        return stop

    def _final_usage(self) -> Usage:
        """The service's counts, or estimates; the percentage counts input and output together."""
        if self._usage is not None:
            return self._usage
        output = max(1, (self._output_chars + self._calls.chars) // BYTES_PER_TOKEN) if self._has_content else 0
        if self._sent.window_tokens is None or not self._percentage:
            return Usage(input=self._sent.input_tokens, output=output)
        total = round(self._percentage * self._sent.window_tokens / 100)
        return Usage(input=max(0, total - output), output=output)

    def _cut(self, error: ProviderError) -> None:
        """A damaged or cut stream is an error, but for what comes after the service said that the model had stopped."""
        if self._done:
            return
        if self._reason is not None and self._calls.unfinished() is None:
            self._end()
        else:
            self._fault(error)

    def _fault(self, error: ProviderError) -> None:
        if not self._done:
            self._parts.append(Fault(error))
            self._done = True


_HANDLERS: Mapping[str, Callable[[ReplyDecoder, bytes], None]] = {
    "assistantResponseEvent": ReplyDecoder._answer,
    "reasoningContentEvent": ReplyDecoder._reasoning,
    "toolUseEvent": ReplyDecoder._tool_use,
    "metadataEvent": ReplyDecoder._metadata,
    "contextUsageEvent": ReplyDecoder._context_usage,
    "invalidStateEvent": ReplyDecoder._invalid_state,
    "error": ReplyDecoder._error_event,
}
"""Events that are read; of any other not even the payload is looked at."""


def _is_stream(head: Head) -> bool:
    """Whether the body may be an event stream: said so, or said nothing that denies it."""
    content_type = head.headers.get("content-type", EVENT_STREAM).partition(";")[0].strip().lower()
    return not (content_type.startswith(("text/", "application/json", "application/x-amz-json")))


def _plain_answer(body: bytes) -> ProviderError:
    """A 200 that is no stream: the error it names, or garbage."""
    said = said_in(body)
    if said.name:
        return error_from(said)
    shown = said.text[:200]
    return ProviderError(KINDS["garbage"], f"the upstream answered 200 without an event stream: {shown or 'no text'}")


def _unusable(name: str) -> ProviderError:
    return ProviderError(KINDS["bad_reply"], f"the input of the call of `{name}` was cut: it is no whole JSON")
