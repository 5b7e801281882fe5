"""Chat Completions replies to parts: streams, whole completions, and everything else that comes with a 200."""

from __future__ import annotations

from providers.dialects.json_replies import JsonReplyDecoder
from providers.dialects.openai.options import Options, options_of
from providers.dialects.openai.reply_calls import MAX_INPUT_CHARS, Calls
from providers.dialects.openai.reply_chunks import Choice, Chunk, Delta, Said, chunk_of, fault_in, unsaid
from providers.dialects.openai.reply_reasoning import Reasoning
from providers.dialects.openai.reply_stops import better, break_of, stop_of
from providers.dialects.openai.reply_tags import TaggedThinking
from providers.dialects.openai.reply_usage import usage_of
from providers.dialects.refusals import error_in_reply
from providers.dialects.seams import Ask, Decoder, Encoded, Head
from providers.dialects.web_sources import Source, citation_of, search_of, sources_in
from providers.messages.parts import Part, Stop, Text, Thinking, Usage
from providers.messages.signatures import issuer_of
from providers.messages.usage import merged
from providers.wire.json_text import is_cut, value_of
from providers.wire.sse import Frame


def decoder_of(ask: Ask, encoded: Encoded, head: Head) -> Decoder:
    """A decoder for one 2xx answer to `encoded`."""
    return ReplyDecoder(ask, encoded, head)


class ReplyDecoder(JsonReplyDecoder):
    """Takes an answer in the form it comes in: an event stream, a JSON body, a page.

    The stop is told once nothing more can come: at `[DONE]`, at the usage chunk after the finish, or at the end of the body.
    A body that ends without a finish is cut, unless it said `[DONE]`.
    """

    __slots__ = (
        "_calls", "_halves", "_last_is_text", "_pending_sources", "_reasoning", "_refused", "_search_asked", "_sources", "_stop",
        "_tags", "_texts", "_thoughts", "_usage",
    )  # fmt: skip

    def __init__(self, ask: Ask, encoded: Encoded, head: Head) -> None:
        super().__init__(ask, head)
        options = ask.options if isinstance(ask.options, Options) else options_of(ask.provider)
        issuer = issuer_of("openai", ask.provider.name)
        self._calls = Calls(encoded.tool_names, issuer)
        self._reasoning = Reasoning(issuer, kept=options.thinking_history == "reasoning_details")
        self._tags = TaggedThinking(options.thinking_tag) if options.thinking_tag else None
        self._stop: Stop | None = None
        self._usage = Usage()
        self._texts = self._thoughts = self._refused = self._last_is_text = False
        self._search_asked = any((tool.type or "").startswith("web_search") for tool in ask.request.tools or ())
        self._sources: list[Source] = []
        self._pending_sources: list[Source] = []
        self._halves: dict[type, str] = {}

    def _frame(self, frame: Frame, out: list[Part], at_end: bool = False) -> None:
        data = frame.data
        if data[:1] != b"{" and data.lstrip()[:6] == b"[DONE]":
            if self._stop is None and not self._has_content:
                self._break(self._unusable.error("empty", "nothing"), out)
            else:
                self._end(out)
            return
        try:
            chunk = chunk_of(data)
            error = value_of(data) if frame.event == b"error" and (chunk is None or not chunk.error) else None
        except ValueError:
            if data.strip():
                self._break(
                    self._unusable.cut(said=self._has_content) if at_end else self._unusable.no_reply(data), out
                )
            return
        if error is not None:
            self._break(error_in_reply(self._ask, self._head, error), out)
        elif chunk is not None:
            self._chunk(chunk, out)

    def _ended(self, out: list[Part]) -> None:
        if self._stop is not None:
            self._end(out)
        else:
            self._break(self._unusable.cut(said=self._has_content), out)

    def _whole(self, body: bytes, out: list[Part]) -> None:
        if not body.strip():
            self._break(self._unusable.error("empty", "nothing"), out)
            return
        try:
            chunk = chunk_of(body)
        except ValueError:
            self._break(
                self._unusable.cut(said=self._has_content) if is_cut(body) else self._unusable.no_reply(body), out
            )
            return
        if chunk is None or not (chunk.choices or chunk.error or chunk.base_resp):
            self._break(self._unusable.no_reply(body), out)
            return
        self._chunk(chunk, out)
        if not self._done:
            self._end(out)

    def _chunk(self, chunk: Chunk, out: list[Part]) -> None:
        if chunk.error or chunk.x_groq or chunk.base_resp:
            groq = chunk.x_groq if isinstance(chunk.x_groq, dict) else {}
            if error := fault_in(chunk.error) or groq.get("error"):
                self._break(error_in_reply(self._ask, self._head, {"error": error}), out)
                return
            if (said := chunk.base_resp) and isinstance(said, dict) and said.get("status_code"):
                self._break(error_in_reply(self._ask, self._head, {"base_resp": said}), out)
                return
            self._count(groq.get("usage"), out)
        if chunk.usage is not None:
            self._count(chunk.usage, out)
        for choice in chunk.choices or ():
            if not choice.index:
                self._choice(choice, out)
                return
        if self._stop is not None and chunk.usage is not None:
            self._end(out)

    def _choice(self, choice: Choice, out: list[Part]) -> None:
        if choice.error and (error := fault_in(choice.error)):
            self._break(error_in_reply(self._ask, self._head, {"error": error}), out)
            return
        if choice.usage is not None:
            self._count(choice.usage, out)
        if choice.delta is not None:
            self._delta(choice.delta, out)
        if choice.message is not None and not self._done:
            said = Said(self._texts, self._thoughts, self._refused, self._calls.any)
            self._delta(unsaid(choice.message, said), out)
        reason = choice.finish_reason
        if not reason or self._done:
            return
        if kind := break_of(reason):
            self._break(self._unusable.error(kind, f"a reply that broke off (`{reason}`)"), out)
        else:
            self._stop = better(self._stop, stop_of(choice, reason, self._ask.request.stop_sequences))

    def _delta(self, delta: Delta, out: list[Part]) -> None:
        if delta.reasoning_content or delta.reasoning or delta.reasoning_details:
            for part in self._reasoning.take(delta):
                self._say(part, out)
        if delta.content:
            self._settle(out)
            for part in self._tags.feed(delta.content) if self._tags is not None else (Text(delta.content),):
                self._say(part, out)
        if delta.refusal:
            self._refused = True
            self._flush(out)
            self._say(Text(delta.refusal), out)
        if delta.tool_calls or delta.function_call is not None:
            self._call(delta, out)
            if self._calls.is_too_much:
                self._break(
                    self._unusable.error("bad_reply", f"tool calls of more than {MAX_INPUT_CHARS} characters"), out
                )
                return
        if delta.annotations:
            sources = sources_in(delta.annotations)
            (self._sources if self._search_asked else self._pending_sources).extend(sources)
        if self._pending_sources and self._last_is_text:
            out += [citation_of(source) for source in self._pending_sources]
            self._pending_sources.clear()

    def _flush(self, out: list[Part]) -> None:
        """Something that is no text follows, or the end: tells what was held back."""
        for part in self._tags.flush() if self._tags is not None else ():
            self._say(part, out)
        self._settle(out)

    def _settle(self, out: list[Part]) -> None:
        """Thinking is over: tells what belongs to it."""
        if (beside := self._reasoning.settled()) is not None:
            self._say(beside, out)

    def _call(self, delta: Delta, out: list[Part]) -> None:
        self._flush(out)
        calls = delta.tool_calls or []
        for place, call in enumerate(calls):
            if call.index is None and len(calls) > 1:
                call.index = place
            self._calls.take(call, out)
            self._last_is_text = False
        if delta.function_call is not None and not calls:
            self._calls.take_legacy(delta.function_call, out)
            self._last_is_text = False

    def _say(self, part: Part, out: list[Part]) -> None:
        """Adds a part of content that is no call."""
        if self._calls.any:
            self._calls.flush(out)
        is_text = type(part) is Text
        if type(part) is Text or type(part) is Thinking:
            if self._halves or "\ud800" <= part.text[-1] <= "\udbff":
                part = self._rejoined(part)
            self._texts = self._texts or is_text
            self._thoughts = self._thoughts or not is_text
            if not part.text:
                return
        self._last_is_text = is_text
        out.append(part)

    def _rejoined(self, part: Text | Thinking) -> Text | Thinking:
        """`part` with the first half of a character that the piece before ended in; its own last half waits.

        Servers that escape all non-ASCII text cut it between the two escapes of one character.
        """
        kind = type(part)
        text = self._halves.pop(kind, "") + part.text
        if "\ud800" <= text[-1] <= "\udbff":
            self._halves[kind] = text[-1]
            text = text[:-1]
        return kind(text.encode("utf-16", "surrogatepass").decode("utf-16", "replace"))

    def _count(self, value: object, out: list[Part]) -> None:
        usage = usage_of(value)
        if usage is not None and (total := merged(self._usage, usage)) != self._usage:
            self._usage = total
            out.append(total)

    @property
    def _has_content(self) -> bool:
        return self._texts or self._thoughts or self._calls.any

    def _end(self, out: list[Part]) -> None:
        """The reply is complete."""
        self._flush(out)
        self._calls.flush(out)
        if self._calls.is_nameless:
            self._break(self._unusable.error("bad_reply", "a tool call that has no name"), out)
            return
        out += [kind("\ufffd") for kind in self._halves]
        out += [citation_of(source) for source in self._pending_sources]
        if self._sources:
            out += search_of(self._sources, f"srvtoolu_{self._ask.new_id()}")
            if self._usage.web_searches is None:
                # How many searches it took is not said; there was one at least.
                out.append(Usage(web_searches=1))
        stop = self._stop or Stop("tool_use" if self._calls.any else "end_turn")
        out.append(Stop("refusal", unknown=stop.unknown) if self._refused and stop.reason == "end_turn" else stop)
        self._done = True
