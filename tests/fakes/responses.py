"""A fake of OpenAI's Responses API on loopback: its events, its key, and its rules for calls and reasoning.

>>> with Responses() as service:
...     service.then(failing(429), Respond("hello"))   # the next two requests
...     service.always(Respond("ok"))                  # and all others
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.fakes.loopback import LoopbackServer
from tests.fakes.upstream import UPSTREAM_KEY, Call, failing, pieces_of
from tests.fakes.wire import Answer, Received, Script, chunked, json_answer

ENCRYPTED = "gAAA-encrypted-by-the-fake"
Event = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Respond:
    """A response, streamed or whole as the request asks: a responder.

    `summary` is told where reasoning is asked for; `found` are pages of a search for `query`, which the text cites.
    """

    text: str | None = None
    calls: tuple[Call, ...] = ()
    summary: str | None = None
    query: str | None = None
    found: tuple[tuple[str, str], ...] = ()
    fragment: int = 8
    unfinished: bool = False
    incomplete: str | None = None

    def __call__(self, request: Received) -> Answer:
        body = request.json
        response = self.response(body)
        if not body.get("stream"):
            return json_answer(200, response)
        events = list(self.events(response))
        if self.unfinished:
            events = events[:-1]
        frames = [{**event, "sequence_number": number} for number, event in enumerate(events)]
        return chunked([f"event: {one['type']}\ndata: {json.dumps(one)}\n\n".encode() for one in frames])

    def response(self, body: dict[str, Any]) -> dict[str, Any]:
        """The response as one object."""
        return {
            "id": "resp_1",
            "object": "response",
            "created_at": 1700000000,
            "status": "incomplete" if self.incomplete else "completed",
            "error": None,
            "incomplete_details": {"reason": self.incomplete} if self.incomplete else None,
            "model": body["model"],
            "output": self.output("reasoning.encrypted_content" in body.get("include", ())),
            "parallel_tool_calls": True,
            "tool_choice": "auto",
            "tools": [],
            "usage": {
                "input_tokens": 25,
                "input_tokens_details": {"cached_tokens": 5, "cache_write_tokens": 0},
                "output_tokens": 7,
                "output_tokens_details": {"reasoning_tokens": 3},
                "total_tokens": 32,
            },
        }

    def output(self, encrypted: bool) -> list[dict[str, Any]]:
        """The items."""
        items: list[dict[str, Any]] = []
        if self.summary is not None:
            summary = [{"type": "summary_text", "text": self.summary}]
            items.append({"type": "reasoning", "id": "rs_1", "summary": summary})
            if encrypted:
                items[-1]["encrypted_content"] = ENCRYPTED
        if self.query is not None:
            sources = [{"type": "url", "url": url} for url, _ in self.found]
            action = {"type": "search", "query": self.query, "sources": sources}
            items.append({"type": "web_search_call", "id": "ws_1", "status": "completed", "action": action})
        if self.text is not None:
            annotations = [
                {"type": "url_citation", "url": url, "title": title, "start_index": 0, "end_index": 1}
                for url, title in self.found
            ]
            part = {"type": "output_text", "text": self.text, "annotations": annotations, "logprobs": []}
            items.append(
                {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": [part]}
            )
        for number, call in enumerate(self.calls, 1):
            named = {"id": f"fc_{number}", "call_id": call.id, "name": call.name, "arguments": call.text}
            items.append({"type": "function_call", "status": "completed", **named})
        return items

    def events(self, response: dict[str, Any]) -> Iterator[Event]:
        """The response as events."""
        begun = {**response, "status": "in_progress", "output": [], "usage": None}
        yield {"type": "response.created", "response": begun}
        yield {"type": "response.in_progress", "response": begun}
        for place, item in enumerate(response["output"]):
            where = {"output_index": place, "item_id": item["id"]}
            yield {"type": "response.output_item.added", "output_index": place, "item": _begun(item)}
            yield from self._middle(item, where)
            yield {"type": "response.output_item.done", "output_index": place, "item": item}
        yield {"type": f"response.{response['status']}", "response": response}

    def _middle(self, item: dict[str, Any], where: Event) -> Iterator[Event]:
        match item["type"]:
            case "reasoning":
                part = {"summary_index": 0, "part": {"type": "summary_text", "text": ""}}
                yield {"type": "response.reasoning_summary_part.added", **where, **part}
                for piece in pieces_of(self.summary, self.fragment):
                    yield {
                        "type": "response.reasoning_summary_text.delta",
                        **where,
                        "summary_index": 0,
                        "delta": piece,
                    }
            case "web_search_call":
                yield {"type": "response.web_search_call.searching", **where}
            case "message":
                where = {**where, "content_index": 0}
                empty = {"type": "output_text", "text": "", "annotations": []}
                yield {"type": "response.content_part.added", **where, "part": empty}
                for piece in pieces_of(self.text, self.fragment):
                    yield {"type": "response.output_text.delta", **where, "delta": piece, "logprobs": []}
                for number, annotation in enumerate(item["content"][0]["annotations"]):
                    named = {"annotation_index": number, "annotation": annotation}
                    yield {"type": "response.output_text.annotation.added", **where, **named}
                yield {"type": "response.output_text.done", **where, "text": self.text, "logprobs": []}
                yield {"type": "response.content_part.done", **where, "part": item["content"][0]}
            case "function_call":
                for piece in pieces_of(item["arguments"], self.fragment):
                    yield {"type": "response.function_call_arguments.delta", **where, "delta": piece}
                whole = {"arguments": item["arguments"], "name": item["name"]}
                yield {"type": "response.function_call_arguments.done", **where, **whole}


def _begun(item: dict[str, Any]) -> dict[str, Any]:
    begun = {**item, "status": "in_progress"}
    for member, empty in (("arguments", ""), ("content", []), ("summary", [])):
        if member in begun:
            begun[member] = empty
    begun.pop("encrypted_content", None)
    return begun


class Responses(LoopbackServer):
    """Answers `POST /v1/responses` from a queue, then with what `always` was told; a broken rule is a 400."""

    def __init__(self, port: int = 0, key: str = UPSTREAM_KEY) -> None:
        super().__init__(self._respond, port)
        self.broken_rules: list[str] = []
        self._key = key
        self.script = Script(Respond("ok"))
        self.then, self.always = self.script.then, self.script.always

    def _respond(self, request: Received) -> Answer:
        if request.headers.get("authorization") != f"Bearer {self._key}":
            return failing(401, "incorrect API key provided", code="invalid_api_key")(request)
        if (request.method, request.path) != ("POST", "/v1/responses"):
            return failing(404, f"no such path: {request.path}")(request)
        broken = broken_rule(request.json)
        if broken is not None:
            self.broken_rules.append(broken)
            return failing(400, broken, kind="invalid_request_error")(request)
        return self.script(request)


def broken_rule(body: dict[str, Any]) -> str | None:
    """The first rule that a body breaks."""
    if body.get("max_output_tokens", 16) < 16:
        return "Invalid 'max_output_tokens': integer below minimum value."
    items = body["input"]
    calls = {item["call_id"] for item in items if item["type"] == "function_call"}
    outputs = [item["call_id"] for item in items if item["type"] == "function_call_output"]
    if sorted(outputs) != sorted(calls):
        return f"No tool output found for function calls {calls ^ set(outputs)}"
    for item, after in zip(items, [*items[1:], {"type": ""}], strict=True):
        if item["type"] == "reasoning" and after["type"] not in ("function_call", "message", "reasoning"):
            return f"Item '{item['id']}' of type 'reasoning' was provided without its required following item."
        if item["type"] == "reasoning" and item.get("encrypted_content") != ENCRYPTED:
            return "The encrypted content could not be verified."
    return None
