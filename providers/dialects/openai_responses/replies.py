"""Responses as parts: event streams, whole responses, and everything else that comes with a 200.

A stream ends with one of the events in `_ENDS`, which repeats the whole response; items that no event has told are
taken from there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from providers.dialects.json_replies import JsonReplyDecoder
from providers.dialects.openai.reply_usage import usage_of
from providers.dialects.openai_responses.calls import MAX_CALLS, Calls
from providers.dialects.openai_responses.events import Event, Item, Response, event_of, response_of, texts_in
from providers.dialects.openai_responses.items import signature_of
from providers.dialects.openai_responses.searches import Searches
from providers.dialects.refusals import error_in_reply
from providers.dialects.seams import Ask, Encoded, Head
from providers.dialects.stops import stop_from
from providers.dialects.web_sources import citation_of, sources_in
from providers.messages.parts import Part, Signature, Stop, Text, Thinking, Usage
from providers.messages.signatures import issuer_of, marked
from providers.messages.usage import merged
from providers.wire.json_text import is_cut, value_of
from providers.wire.sse import Frame

_ENDS = frozenset(("response.completed", "response.incomplete", "response.failed", "response.cancelled"))
Keys = tuple[int | str, ...]

INCOMPLETE: Mapping[str, str] = {
    "max_output_tokens": "max_tokens",
    "max_tokens": "max_tokens",
    "content_filter": "refusal",
}
"""`incomplete_details.reason` -> stop reason; another one is `max_tokens` too, since the reply is not whole."""


class ReplyDecoder(JsonReplyDecoder):
    """A `Decoder` for one answer."""

    __slots__ = (
        "_calls", "_is_keyless", "_issuer", "_last_is_text", "_refused", "_said", "_searches", "_seen", "_told",
    )  # fmt: skip

    def __init__(self, ask: Ask, encoded: Encoded, head: Head) -> None:
        super().__init__(ask, head)
        self._issuer = issuer_of("openai-responses", ask.provider.name)
        self._calls = Calls(encoded.tool_names)
        self._searches = Searches(ask.new_id)
        self._told: set[tuple[int | str, str]] = set()
        self._seen: set[int | str] = set()
        self._is_keyless = self._said = self._refused = self._last_is_text = False

    def _frame(self, frame: Frame, out: list[Part], at_end: bool = False) -> None:
        data = frame.data
        if not data.strip() or data.lstrip()[:6] == b"[DONE]":
            return
        try:
            event = event_of(data)
        except ValueError:
            self._break(
                self._unusable.cut(said=self._said) if at_end and is_cut(data) else self._unusable.no_reply(data), out
            )
            return
        kind = event.type or frame.event.decode("utf-8", "replace")
        handler = _HANDLERS.get(kind)
        if handler is not None:
            handler(self, event, out)
        elif kind in _ENDS:
            self._end(event.response or Response(status=kind.rpartition(".")[2]), out)
        elif kind == "error" or event.error:
            self._break(error_in_reply(self._ask, self._head, self._error_in(data)), out)
        if self._calls.too_many and not self._done:
            self._break(self._unusable.error("bad_reply", f"more than {MAX_CALLS} tool calls"), out)

    def _error_in(self, data: bytes) -> Any:
        try:
            return value_of(data)
        except ValueError:
            return None

    def _ended(self, out: list[Part]) -> None:
        self._break(self._unusable.cut(said=self._said), out)

    def _whole(self, body: bytes, out: list[Part]) -> None:
        if not body.strip():
            self._break(self._unusable.error("empty", "nothing"), out)
            return
        try:
            response = response_of(body)
        except ValueError:
            self._break(self._unusable.cut(said=self._said) if is_cut(body) else self._unusable.no_reply(body), out)
            return
        if response.output is None and not response.error:
            self._break(self._unusable.no_reply(body), out)
            return
        self._end(response, out)

    def _added(self, event: Event, out: list[Part]) -> None:
        item = event.item
        if item is not None and item.type == "function_call":
            self._said, self._last_is_text = True, False
            self._calls.added(event, item, out)

    def _item_done(self, event: Event, out: list[Part]) -> None:
        if event.item is not None:
            self._item(event, event.item, out)

    def _item(self, event: Event, item: Item, out: list[Part]) -> None:
        """An item that is complete: what no event before has told of it."""
        keys = _keys(event, item)
        if self._seen.intersection(keys):
            return
        self._seen.update(keys)
        self._is_keyless = self._is_keyless or not keys
        match item.type:
            case "function_call":
                self._said, self._last_is_text = True, False
                self._calls.done(event, item, out)
            case "reasoning":
                self._reasoning(keys, item, out)
            case "message":
                self._message(keys, item, out)
            case "web_search_call":
                self._last_is_text = False
                out += self._searches.done(item)
            case _:
                pass

    def _reasoning(self, keys: Keys, item: Item, out: list[Part]) -> None:
        self._last_is_text = False
        if not self._is_told(keys, "thinking"):
            texts = texts_in(item.summary, "summary_text") or texts_in(item.content, "reasoning_text")
            if texts:
                self._said = True
                out.append(Thinking("\n\n".join(texts)))
        if item.encrypted_content and item.id:
            out.append(Signature(marked(self._issuer, signature_of(item.id, item.encrypted_content))))

    def _message(self, keys: Keys, item: Item, out: list[Part]) -> None:
        parts = item.content if isinstance(item.content, list) else []
        for part in parts:
            kind = part.get("type") if isinstance(part, dict) else None
            if self._is_told(keys, str(kind)):
                continue
            for text in texts_in([part], "output_text"):
                self._say(text, out)
                self._cite(part.get("annotations"), out)
            for text in texts_in([part], "refusal", "refusal"):
                self._refused = True
                self._say(text, out)

    def _text(self, event: Event, out: list[Part]) -> None:
        self._tell(event, "output_text")
        if isinstance(event.delta, str):
            self._say(event.delta, out)

    def _refusal(self, event: Event, out: list[Part]) -> None:
        self._tell(event, "refusal")
        self._refused = True
        if isinstance(event.delta, str):
            self._say(event.delta, out)

    def _thought(self, event: Event, out: list[Part]) -> None:
        self._tell(event, "thinking")
        self._last_is_text = False
        if isinstance(event.delta, str) and event.delta:
            self._said = True
            out.append(Thinking(event.delta))

    def _next_summary(self, event: Event, out: list[Part]) -> None:
        if event.summary_index and self._is_told(_keys(event, None), "thinking"):
            out.append(Thinking("\n\n"))

    def _tell(self, event: Event, kind: str) -> None:
        """Notes that the item of an event has told its text of that kind by itself."""
        keys = _keys(event, None)
        self._told.update((key, kind) for key in keys)
        self._is_keyless = self._is_keyless or not keys

    def _is_told(self, keys: Keys, kind: str) -> bool:
        return any((key, kind) in self._told for key in keys)

    def _input(self, event: Event, out: list[Part]) -> None:
        self._calls.delta(event, out)

    def _inputs(self, event: Event, out: list[Part]) -> None:
        self._calls.arguments(event, out)

    def _annotation(self, event: Event, out: list[Part]) -> None:
        self._cite([event.annotation], out)

    def _say(self, text: str, out: list[Part]) -> None:
        if text:
            self._said = self._last_is_text = True
            out.append(Text(text))

    def _cite(self, annotations: Any, out: list[Part]) -> None:
        sources = sources_in(annotations if isinstance(annotations, list) else [])
        self._searches.cited(sources)
        if self._last_is_text:
            out += [citation_of(source) for source in sources]

    def _end(self, response: Response, out: list[Part]) -> None:
        """The response is over: what is still untold, the counts, the stop."""
        if response.error or response.status in ("failed", "cancelled"):
            error = response.error or {"message": f"the response is {response.status}", "code": "server_error"}
            self._break(error_in_reply(self._ask, self._head, {"error": error}), out)
            return
        if not self._is_keyless:
            for place, item in enumerate(response.output or ()):
                self._item(Event(output_index=place), item, out)
        if self._calls.unnamed or self._calls.too_many:
            self._break(self._unusable.error("bad_reply", "a tool call that cannot be made"), out)
            return
        out += self._searches.rest()
        usage = usage_of(response.usage) or Usage()
        if self._searches.count:
            usage = merged(usage, Usage(web_searches=self._searches.count))
        if usage != Usage():
            out.append(usage)
        out.append(self._stop(response))
        self._done = True

    def _stop(self, response: Response) -> Stop:
        if response.status == "incomplete":
            details = response.incomplete_details
            reason = details.get("reason") if isinstance(details, dict) else None
            return stop_from(str(reason), INCOMPLETE, "max_tokens") if reason else Stop("max_tokens")
        if self._refused:
            return Stop("refusal")
        if self._calls.any:
            return Stop("tool_use")
        return Stop("end_turn")


_HANDLERS: Mapping[str, Callable[[ReplyDecoder, Event, list[Part]], None]] = {
    "response.output_item.added": ReplyDecoder._added,
    "response.output_item.done": ReplyDecoder._item_done,
    "response.output_text.delta": ReplyDecoder._text,
    "response.output_text.annotation.added": ReplyDecoder._annotation,
    "response.refusal.delta": ReplyDecoder._refusal,
    "response.function_call_arguments.delta": ReplyDecoder._input,
    "response.function_call_arguments.done": ReplyDecoder._inputs,
    "response.reasoning_summary_part.added": ReplyDecoder._next_summary,
    "response.reasoning_summary_text.delta": ReplyDecoder._thought,
    "response.reasoning_text.delta": ReplyDecoder._thought,
}
"""Events that are read; all others repeat what these say, or tell of things that nobody asked for."""


def _keys(event: Event, item: Item | None) -> Keys:
    """What an item is known by: its place in the output, and its id."""
    known = (event.output_index, event.item_id, item.id if item is not None else None)
    return tuple(key for key in known if key is not None)
