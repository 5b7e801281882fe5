"""A fake of the CodeWhisperer service on loopback: the real binary event stream, its bearer check, its rules, its faults.

>>> with CodeWhisperer() as service:
...     service.then(throttled(), Speak("hello"))   # the next two requests
...     service.always(Speak("ok"))                 # and all others

A body that breaks a rule of the service is answered as the service does: 400 "Improperly formed request."
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.fakes.loopback import LoopbackServer
from tests.fakes.upstream import Call, pieces_of
from tests.fakes.wire import Answer, Received, Script, chunked, json_answer
from tests.vectors.codewhisperer import cwvectors

TOKEN = "aoa-dummy-access-token"
"""The bearer token that the fake accepts."""

PATH = "/generateAssistantResponse"
TARGETS = (
    "AmazonCodeWhispererStreamingService.GenerateAssistantResponse",
    "KiroRuntimeService.GenerateAssistantResponse",
)
EVENT_STREAM = "application/vnd.amazon.eventstream"
CORAL = "http://internal.amazon.com/coral/com.amazon.aws.codewhisperer/"

Frame = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Speak:
    """An answer as the service gives it: a responder.

    `fragment` is how many characters go into one event; `frames_per_chunk` how many events into one write. `stop_reason` None sends
    no `metadataEvent`, as older streams do. `extra` are frames before the end; `flip` inverts a byte of that frame's payload;
    `cut_frame` ends the body in order after so many bytes of the last frame.
    """

    text: str | None = None
    calls: tuple[Call, ...] = ()
    reasoning: str | None = None
    stop_reason: str | None = "END_TURN"
    extra: tuple[Frame, ...] = ()
    fragment: int = 8
    frames_per_chunk: int = 1
    pause_s: float = 0.0
    flip: int | None = None
    cut_frame: int | None = None

    def __call__(self, request: Received) -> Answer:
        blobs = self.blobs()
        size = self.frames_per_chunk
        pieces = [b"".join(blobs[start : start + size]) for start in range(0, len(blobs), size)]
        return chunked(pieces, headers={"content-type": EVENT_STREAM}, pause_s=self.pause_s)

    def blobs(self) -> list[bytes]:
        """The encoded frames, damaged as asked."""
        blobs: list[bytes] = cwvectors.encode_frames(self.frames())
        if self.flip is not None:
            blobs[self.flip] = cwvectors.damage(
                [blobs[self.flip]], [{"op": "flip", "frame": 0, "place": "payload", "offset": 2}]
            )
        if self.cut_frame is not None:
            blobs[-1] = blobs[-1][: self.cut_frame]
        return blobs

    def frames(self) -> list[Frame]:
        """The events in the order of live streams."""
        frames = [event("reasoningContentEvent", text=piece) for piece in pieces_of(self.reasoning, self.fragment)]
        if self.reasoning is not None:
            frames.append(event("reasoningContentEvent", signature="c2lnbmVk"))
        frames += [event("assistantResponseEvent", content=piece) for piece in pieces_of(self.text, self.fragment)]
        for call in self.calls:
            named = {"toolUseId": call.id or "tooluse_1", "name": call.name}
            frames.append(event("toolUseEvent", **named))
            frames += [event("toolUseEvent", **named, input=piece) for piece in pieces_of(call.text, self.fragment)]
            frames.append(event("toolUseEvent", **named, stop=True))
        frames += self.extra
        if self.stop_reason is not None:
            frames.append(event("metadataEvent", stopReason="TOOL_USE" if self.calls else self.stop_reason))
            frames.append(event("contextUsageEvent", contextUsagePercentage=1.5))
            frames.append(event("meteringEvent", unit="credit", unitPlural="credits", usage=0.02))
        return frames


def event(kind: str, **payload: Any) -> Frame:
    """One event frame."""
    return {"event": kind, "payload": payload}


def exception(kind: str, **payload: Any) -> Frame:
    """One exception frame, as it comes inside a stream."""
    return {"exception": kind, "payload": payload}


def refusal(status: int, kind: str, message: str, reason: str | None = None, **headers: str) -> Answer:
    """An error before any stream, in the REST form."""
    given = {"x-amzn-errortype": f"{kind}:{CORAL}", "x-amzn-requestid": "dummy", **headers}
    return json_answer(status, {"message": message, "reason": reason}, given)


def throttled(retry_after: str | None = None) -> Answer:
    """Too many requests."""
    headers = {"retry-after": retry_after} if retry_after is not None else {}
    return refusal(429, "ThrottlingException", "Too many requests, please wait before trying again.", **headers)


def overloaded() -> Answer:
    """A 200 whose first frame says that there is no capacity."""
    capacity = exception("ThrottlingException", message="high traffic", reason="INSUFFICIENT_MODEL_CAPACITY")
    return chunked(cwvectors.encode_frames([capacity]), headers={"content-type": EVENT_STREAM})


class CodeWhisperer(LoopbackServer):
    """Answers `GenerateAssistantResponse` in both dialects from a queue, then with what `always` was told.

    `tokens` are the accepted bearer tokens; take one out to let it expire. `rules` off accepts any body.
    """

    def __init__(self, port: int = 0, tokens: Collection[str] = (TOKEN,), *, rules: bool = True) -> None:
        super().__init__(self._respond, port)
        self.tokens = set(tokens)
        self.broken_rules: list[list[str]] = []
        self._rules = rules
        self.script = Script(Speak("ok"))
        self.then, self.always = self.script.then, self.script.always

    @property
    def bodies(self) -> Sequence[Any]:
        """The request bodies that arrived."""
        return [request.json for request in list(self.received)]

    def _respond(self, request: Received) -> Answer:
        named = request.path == "/" and request.headers.get("x-amz-target") in TARGETS
        if request.method != "POST" or not (request.path == PATH or named):
            return json_answer(404, {"__type": "UnknownOperationException"})
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        if kind != "Bearer" or token not in self.tokens:
            return refusal(403, "AccessDeniedException", "The bearer token included in the request is invalid.")
        broken = self._broken(request)
        if broken:
            self.broken_rules.append(broken)
            return refusal(400, "ValidationException", "Improperly formed request.")
        return self.script(request)

    def _broken(self, request: Received) -> list[str]:
        if not self._rules:
            return []
        wanted = "application/x-amz-json-1.0" if request.path == "/" else "application/json"
        if request.headers.get("content-type") != wanted:
            return [f"content-type: {request.headers.get('content-type')}"]
        try:
            return list(cwvectors.check_request(request.json))
        except (json.JSONDecodeError, AttributeError, TypeError) as fault:
            return [f"no request: {fault}"]
