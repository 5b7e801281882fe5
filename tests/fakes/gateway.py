"""A router in one process, without a socket: a configuration from text, upstreams that play scripts, a clock that is a number."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from engine.app import entry_of
from engine.build import build
from engine.built import Checked
from engine.compose import gateway_of
from engine.http.pinger import Pinger
from engine.log.journal import Journal
from engine.router import Router
from engine.telemetry.counters import Counters
from providers.dialects.seams import Head
from providers.errors import KINDS, ProviderError
from providers.spec import ProviderSpec, Timeouts
from providers.upstream import Tap, TransportFailed, UpstreamRequest, UpstreamResponse

SSE = {"content-type": "text/event-stream"}


@dataclass(frozen=True, slots=True)
class Answer:
    """What a fake upstream does with one request: pieces of a body, then an end, a cut (`fault`) or silence (`hang`).

    `until`: after so many pieces it waits for the event. `waited_s`: how long the head took.
    """

    pieces: Sequence[bytes] = ()
    status: int = 200
    headers: dict[str, str] = field(default_factory=lambda: dict(SSE))
    fault: str | None = None
    hang: bool = False
    before: str | None = None
    until: tuple[int, asyncio.Event] | None = None
    waited_s: float = 0.0


def streamed(*deltas: dict[str, Any], finish: str | None = "stop") -> list[bytes]:
    """Chat Completions chunks with these deltas, a finish reason, and the end mark."""
    chunks: list[dict[str, Any]] = [
        {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas
    ]
    if finish is not None:
        chunks.append({"choices": [{"index": 0, "delta": {}, "finish_reason": finish}]})
    lines = [b"data: " + json.dumps(chunk).encode() + b"\n\n" for chunk in chunks]
    return [*lines, b"data: [DONE]\n\n"] if finish is not None else lines


class FakeTransport:
    """Answers from a list, in order; the last answer repeats. `sent` is what it was asked, `closed` how often a body was closed.

    `taken` and `given_back` count pieces by what taps did with them.
    """

    def __init__(self, answers: Sequence[Answer]) -> None:
        self._answers = list(answers)
        self.sent: list[UpstreamRequest] = []
        self.closed = 0
        self.gone = False
        self.taken = self.given_back = 0

    async def send(self, request: UpstreamRequest, timeouts: Timeouts) -> UpstreamResponse:
        self.sent.append(request)
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if answer.before is not None:
            raise TransportFailed(ProviderError(KINDS[answer.before], f"fake {answer.before}"))
        return _FakeResponse(self, answer)

    async def aclose(self) -> None:
        self.gone = True


class _FakeResponse:
    def __init__(self, transport: FakeTransport, answer: Answer) -> None:
        self.head = Head(answer.status, answer.headers)
        self.waited_s = answer.waited_s
        self.is_whole = False
        self._transport = transport
        self._answer = answer
        self._tap: Tap | None = None

    def tap(self, tap: Tap) -> None:
        self._tap = tap

    async def chunks(self) -> AsyncIterator[bytes]:
        for number, piece in enumerate(self._answer.pieces):
            await asyncio.sleep(0)
            if self._answer.until is not None and number == self._answer.until[0]:
                await self._answer.until[1].wait()
            rest = piece if self._tap is None else self._tap(piece)
            self._transport.taken += rest is None
            if rest is not None:
                self._transport.given_back += self._tap is not None
                yield rest
        if self._answer.hang:
            await asyncio.Event().wait()
        if self._answer.fault is not None:
            raise TransportFailed(ProviderError(KINDS[self._answer.fault], f"fake {self._answer.fault}"))

    async def aclose(self, *, ended: bool = False) -> None:
        self._transport.closed += 1


def checked(text: str, name: str = "ccr.yaml") -> Checked:
    """The configuration in `text`, built as `start` builds it, with nothing in the environment."""

    def read_file(path: str) -> bytes:
        raise FileNotFoundError(path)

    return build(text.encode(), name, read_file=read_file, env={}, secrets="resolve")


@dataclass(slots=True)
class Clock:
    """Monotonic seconds that pass when told to."""

    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@dataclass(slots=True)
class InProcess:
    """A router with its fakes."""

    router: Router
    transports: dict[str, FakeTransport]
    clock: Clock

    async def post(
        self,
        body: Any,
        path: str = "/v1/messages",
        method: str = "POST",
        headers: dict[str, str] | None = None,
        leave_after: int | None = None,
    ) -> Received:
        """One request through the whole application; `leave_after` n body messages the client goes away, 0: at once."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        received = Received()
        gone = asyncio.Event()
        if leave_after == 0:
            gone.set()
        asked = [{"type": "http.request", "body": raw, "more_body": False}]

        async def receive() -> dict[str, Any]:
            if asked:
                return asked.pop()
            await gone.wait()
            return {"type": "http.disconnect"}

        async def send(message: dict[str, Any]) -> None:
            received.take(message)
            if leave_after is not None and len(received.pieces) >= leave_after:
                gone.set()
                await asyncio.sleep(0)

        names = {"content-type": "application/json", "host": "127.0.0.1", **(headers or {})}
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "root_path": "",
            "query_string": b"beta=true",
            "headers": [(name.lower().encode(), value.encode()) for name, value in names.items()],
            "client": ("127.0.0.1", 5000),
            "server": ("127.0.0.1", 3456),
            "extensions": {},
            "state": {},
        }
        app: Callable[..., Awaitable[None]] = entry_of(self.router)
        await app(scope, receive, send)
        return received


@dataclass(slots=True)
class Received:
    """What the client got."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    pieces: list[bytes] = field(default_factory=list)
    complete: bool = False

    def take(self, message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {name.decode(): value.decode() for name, value in message["headers"]}
        else:
            if message.get("body"):
                self.pieces.append(message["body"])
            self.complete = not message.get("more_body", False)

    @property
    def body(self) -> bytes:
        return b"".join(self.pieces)

    def json(self) -> Any:
        return json.loads(self.body)

    def events(self) -> list[Any]:
        """The `data:` of each event, which must be named as its `type`."""
        found = []
        for frame in self.body.decode().split("\n\n"):
            if frame:
                name, data = frame.split("\n", 1)
                event = json.loads(data.removeprefix("data: "))
                assert name == f"event: {event['type']}"
                found.append(event)
        return found


def in_process(text: str, answers: Mapping[str, Sequence[Answer]], ping_after_s: float = 15.0) -> InProcess:
    """The router for the configuration in `text`; `answers` are each provider's."""
    found = checked(text)
    assert found.built is not None, found.diagnostics
    clock = Clock()
    transports: dict[str, FakeTransport] = {}

    def make_transport(spec: ProviderSpec) -> FakeTransport:
        return transports.setdefault(spec.name, FakeTransport(answers[spec.name]))

    numbers = iter(range(1, 1_000_000))
    router = Router(
        gateway=gateway_of(found.built, make_transport),
        journal=Journal(None),
        counters=Counters(clock()),
        pinger=Pinger(clock, ping_after_s),
        clock=clock,
        wall=lambda: 1_800_000_000.0,
        address="http://127.0.0.1:3456",
        new_id=lambda: f"{next(numbers):024x}",
    )
    return InProcess(router, transports, clock)
