"""Gemini's replies as parts: event streams, whole replies, and everything else that comes with a 200.

The stop is told at the end of the body: older models repeat `finishReason` in every piece, so nothing before is certain.
"""

from __future__ import annotations

from msgspec import UNSET

from providers.dialects.gemini.chunks import Call, Candidate, Chunk, Part, chunks_of
from providers.dialects.gemini.contents import OF_THOUGHT
from providers.dialects.gemini.errors import error_in_reply
from providers.dialects.gemini.grounding import Found, found_in
from providers.dialects.gemini.stops import BREAKS, STOPS
from providers.dialects.gemini.usage import usage_of
from providers.dialects.json_replies import JsonReplyDecoder
from providers.dialects.refusal_text import redacted
from providers.dialects.reply_form import Form
from providers.dialects.seams import Ask, Encoded, Head
from providers.dialects.stops import stop_from
from providers.dialects.web_sources import search_of
from providers.messages import parts
from providers.messages.parts import Signature, Stop, Text, Thinking, ToolEnd, ToolInput, ToolStart, Usage
from providers.messages.signatures import issuer_of, marked
from providers.messages.usage import merged
from providers.wire.json_text import is_cut
from providers.wire.sse import Frame

MAX_CALLS = 1_000


class ReplyDecoder(JsonReplyDecoder):
    """A `Decoder` for one answer."""

    __slots__ = (
        "_calls", "_found", "_issuer", "_names", "_refused", "_said", "_search_asked", "_spoke", "_stop", "_usage",
    )  # fmt: skip

    def __init__(self, ask: Ask, encoded: Encoded, head: Head) -> None:
        super().__init__(ask, head)
        self._names = encoded.tool_names
        self._issuer = issuer_of("gemini", ask.provider.name)
        self._calls = 0
        self._said = self._spoke = False
        self._stop: Stop | None = None
        self._refused = False
        self._usage = Usage()
        self._found = Found()
        self._search_asked = any((tool.type or "").startswith("web_search") for tool in ask.request.tools or ())

    def _frame(self, frame: Frame, out: list[parts.Part], at_end: bool = False) -> None:
        self._read(frame.data, out, at_end)

    def _whole(self, body: bytes, out: list[parts.Part]) -> None:
        self._read(body, out, at_end=True)
        if not body.strip() and not self._done:
            self._break(self._unusable.error("empty", "nothing"), out)

    def _read(self, data: bytes, out: list[parts.Part], at_end: bool) -> None:
        if not data.strip():
            return
        try:
            chunks = chunks_of(data)
        except ValueError:
            self._break(
                self._unusable.cut(said=self._said) if at_end and is_cut(data) else self._unusable.no_reply(data), out
            )
            return
        for chunk in chunks:
            if not self._done:
                self._chunk(chunk, data, out)

    def _chunk(self, chunk: Chunk, data: bytes, out: list[parts.Part]) -> None:
        if chunk.error:
            self._break(error_in_reply(self._ask, self._head, chunk.error), out)
            return
        if chunk.candidates is None and chunk.prompt_feedback is None and chunk.usage_metadata is None:
            if self._gathered.form is not Form.STREAM:
                self._break(self._unusable.no_reply(data), out)
            return
        if chunk.usage_metadata is not None:
            total = merged(self._usage, usage_of(chunk.usage_metadata))
            if total != self._usage:
                self._usage = total
                out.append(total)
        if chunk.prompt_feedback is not None and chunk.prompt_feedback.block_reason:
            self._refused = True
        candidate = next((one for one in chunk.candidates or () if not one.index), None)
        if candidate is not None:
            self._candidate(candidate, out)

    def _candidate(self, candidate: Candidate, out: list[parts.Part]) -> None:
        for part in (candidate.content.parts if candidate.content is not None else None) or ():
            self._part(part, out)
            if self._done:
                return
        if candidate.grounding_metadata is not None:
            found = found_in(candidate.grounding_metadata)
            self._found = Found(found.queries or self._found.queries, found.sources or self._found.sources)
        reason = candidate.finish_reason
        if not reason:
            return
        if kind := BREAKS.get(reason):
            why = f" ({redacted(candidate.finish_message, self._ask)[:300]})" if candidate.finish_message else ""
            self._break(self._unusable.error(kind, f"a reply that broke off: `{reason}`{why}"), out)
        elif self._stop is None or self._stop.reason == "end_turn":
            self._stop = stop_from(reason, STOPS)

    def _part(self, part: Part, out: list[parts.Part]) -> None:
        signature = part.thought_signature
        if part.thought:
            if part.text:
                self._said = True
                out.append(Thinking(part.text))
            if signature:
                out.append(Signature(marked(self._issuer, OF_THOUGHT + signature)))
        elif part.function_call is not None:
            self._call(part.function_call, signature, out)
        elif part.text or signature:
            # A signature behind text is optional for the vendor, and a block of its own there would end the message.
            if signature and not self._spoke:
                out.append(Signature(marked(self._issuer, signature)))
            if part.text:
                self._said = self._spoke = True
                out.append(Text(part.text))

    def _call(self, call: Call, signature: str | None, out: list[parts.Part]) -> None:
        if not call.name:
            self._break(self._unusable.error("bad_reply", "a tool call that has no name"), out)
            return
        if call.partial_args is not None or self._calls >= MAX_CALLS:
            what = "a tool call in pieces" if self._calls < MAX_CALLS else f"more than {MAX_CALLS} tool calls"
            self._break(self._unusable.error("bad_reply", what), out)
            return
        if signature:
            out.append(Signature(marked(self._issuer, signature)))
        number = self._calls
        self._calls += 1
        self._said = self._spoke = True
        given = "null" if call.args is UNSET else bytes(call.args).decode("utf-8", "replace")
        out.append(ToolStart(number, call.id, self._names.get(call.name, call.name)))
        out.append(ToolInput(number, "{}" if given == "null" else given))
        out.append(ToolEnd(number))

    def _ended(self, out: list[parts.Part]) -> None:
        stop = self._stop
        if stop is None and self._refused:
            stop = Stop("refusal")
        if stop is None:
            self._break(self._unusable.cut(said=self._said), out)
            return
        if self._search_asked and (self._found.queries or self._found.sources):
            use_id = f"srvtoolu_{self._ask.new_id()}"
            out += search_of(self._found.sources, use_id, "; ".join(self._found.queries))
            out.append(Usage(web_searches=max(len(self._found.queries), 1)))
        out.append(Stop("tool_use", unknown=stop.unknown) if self._calls and stop.reason == "end_turn" else stop)
        self._done = True
