"""A fake of the Gemini API on loopback: both methods, the key, the rules for calls, results and signatures, its faults.

>>> with Gemini() as service:
...     service.then(limited("1s"), Reply("hello"))   # the next two requests
...     service.always(Reply("ok"))                   # and all others

Bodies are checked with the types of the official package; a body that breaks a rule is a 400 and is kept in `broken_rules`.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from google.genai import types
from pydantic import ValidationError

from tests.fakes.loopback import LoopbackServer
from tests.fakes.upstream import Call, pieces_of
from tests.fakes.wire import Answer, Received, Script, chunked, json_answer

KEY = "dummy-gemini-key"
"""The API key that the fake accepts."""

_PATH = re.compile(r"/v1beta/models/([^/:]+):(generateContent|streamGenerateContent)")
SIGNED = base64.b64encode(b"signed by the fake").decode()
MARKER = "skip_thought_signature_validator"


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, streamed or whole as the method asks: a responder.

    Calls come whole, the first one signed; `found` are pages (address, title) of a search for `queries`.
    """

    text: str | None = None
    calls: tuple[Call, ...] = ()
    thought: str | None = None
    finish: str = "STOP"
    queries: tuple[str, ...] = ()
    found: tuple[tuple[str, str], ...] = ()
    fragment: int = 8
    unfinished: bool = False

    def __call__(self, request: Received) -> Answer:
        chunks = self.chunks()
        if ":stream" in request.path:
            return chunked([b"data: " + json.dumps(one).encode() + b"\r\n\r\n" for one in chunks])
        parts = [part for one in chunks for part in one["candidates"][0]["content"]["parts"]]
        last = chunks[-1]
        last["candidates"][0]["content"]["parts"] = parts
        return json_answer(200, last)

    def chunks(self) -> list[dict[str, Any]]:
        """The pieces of the stream."""
        parts: list[dict[str, Any]] = [
            {"text": piece, "thought": True} for piece in pieces_of(self.thought, self.fragment)
        ]
        parts += [{"text": piece} for piece in pieces_of(self.text, self.fragment)]
        for number, call in enumerate(self.calls):
            part: dict[str, Any] = {"functionCall": {"name": call.name, "args": call.arguments}}
            if call.id is not None:
                part["functionCall"]["id"] = call.id
            parts.append(part if number else {**part, "thoughtSignature": SIGNED})
        chunks = [_chunk([part]) for part in parts]
        if self.unfinished:
            return chunks
        end = _chunk([])
        end["candidates"][0]["finishReason"] = self.finish
        if self.queries:
            end["candidates"][0]["groundingMetadata"] = {
                "webSearchQueries": list(self.queries),
                "groundingChunks": [{"web": {"uri": uri, "title": title}} for uri, title in self.found],
            }
        end["usageMetadata"] = {
            "promptTokenCount": 25,
            "cachedContentTokenCount": 5,
            "candidatesTokenCount": 4,
            "thoughtsTokenCount": 3,
            "totalTokenCount": 32,
        }
        return [*chunks, end]


def _chunk(parts: list[dict[str, Any]]) -> dict[str, Any]:
    return {"candidates": [{"content": {"role": "model", "parts": parts}, "index": 0}], "modelVersion": "fake"}


def refused(status: int, word: str, message: str, *details: Mapping[str, Any]) -> Answer:
    """A refusal in the service's form."""
    error: dict[str, Any] = {"code": status, "message": message, "status": word}
    if details:
        error["details"] = list(details)
    return json_answer(status, {"error": error})


def limited(retry_delay: str) -> Answer:
    """Too many requests in this minute."""
    wait = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": retry_delay}
    return refused(429, "RESOURCE_EXHAUSTED", "You exceeded your current quota.", wait)


class Gemini(LoopbackServer):
    """Answers both methods from a queue, then with what `always` was told."""

    def __init__(self, port: int = 0, key: str = KEY) -> None:
        super().__init__(self._respond, port)
        self.broken_rules: list[str] = []
        self._key = key
        self.script = Script(Reply("ok"))
        self.then, self.always = self.script.then, self.script.always

    @property
    def endpoint(self) -> str:
        """The base URL with its version, as a configuration has it."""
        return f"{self.url}/v1beta"

    def _respond(self, request: Received) -> Answer:
        found = _PATH.fullmatch(request.path)
        if request.method != "POST" or found is None:
            return refused(404, "NOT_FOUND", f"no such path: {request.path}")
        if request.headers.get("x-goog-api-key") != self._key:
            return refused(400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key.")
        if (found[2] == "streamGenerateContent") != (request.query == "alt=sse"):
            return refused(400, "INVALID_ARGUMENT", f"not asked as events: {request.query}")
        broken = broken_rule(request.json, found[1])
        if broken is not None:
            self.broken_rules.append(broken)
            return refused(400, "INVALID_ARGUMENT", broken)
        return self.script(request)


def broken_rule(body: dict[str, Any], model: str) -> str | None:
    """The first rule that a body breaks, in the words of the service where they are known."""
    try:
        types.GenerationConfig.model_validate(body.get("generationConfig", {}))
        types.ToolConfig.model_validate(body.get("toolConfig", {}))
        for tool in body.get("tools", ()):
            types.Tool.model_validate(tool)
        for content in [*body["contents"], body.get("systemInstruction", {})]:
            types.Content.model_validate(content)
    except ValidationError as error:
        return str(error)
    unknown = set(body) - {"contents", "systemInstruction", "tools", "toolConfig", "generationConfig", "safetySettings"}
    if unknown:
        return f"Unknown name {sorted(unknown)}"
    waiting = 0
    for content in body["contents"]:
        calls = [part for part in content["parts"] if "functionCall" in part]
        answers = [part for part in content["parts"] if "functionResponse" in part]
        if len(answers) != waiting:
            return "the number of function response parts is not that of the function call parts"
        if calls and model.startswith("gemini-3") and calls[0].get("thoughtSignature") not in (SIGNED, MARKER):
            return "Function call is missing a thought_signature in functionCall parts."
        waiting = len(calls)
    return None
