"""Answers as values at the level of the wire: bytes, pauses, broken connections.

An **answer** is a tuple of steps, so that every fault is a value: cutting an answer at byte N, dripping it or delaying it are
functions from answer to answer. `tests/fakes/loopback.py` plays them.
"""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Send:
    """Writes bytes, at once."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Wait:
    """Sends nothing for a while."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Hold:
    """Sends nothing more, until the other side goes away or the server stops."""


@dataclass(frozen=True, slots=True)
class Until:
    """Sends nothing more until the test sets the event."""

    event: threading.Event


@dataclass(frozen=True, slots=True)
class Reset:
    """Ends the connection with a TCP reset."""


@dataclass(frozen=True, slots=True)
class Close:
    """Ends the connection in order (FIN), whatever was promised."""


Step = Send | Wait | Hold | Until | Reset | Close
Answer = tuple[Step, ...]


@dataclass(slots=True)
class Received:
    """One request as it arrived; header names are lower-case.

    `gone` is set when the other side left before the whole answer was sent, `done` when the answer is over either way.
    """

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    connection: int
    gone: threading.Event = field(default_factory=threading.Event)
    done: threading.Event = field(default_factory=threading.Event)

    @property
    def json(self) -> Any:
        """The body as a value."""
        return json.loads(self.body)


Responder = Callable[[Received], Answer]


class Script:
    """What a fake answers: from a queue, then what `always` was told, `usual` at first."""

    def __init__(self, usual: Responder | Answer) -> None:
        self._usual = self._default = usual
        self._next: deque[Responder | Answer] = deque()

    def then(self, *answers: Responder | Answer) -> None:
        """Puts answers for the next requests in the queue."""
        self._next.extend(answers)

    def always(self, answer: Responder | Answer) -> None:
        """What every request gets once the queue is empty."""
        self._default = answer

    def forget(self) -> None:
        """Empties the queue, and answers as at first."""
        self._next.clear()
        self._default = self._usual

    def __call__(self, request: Received) -> Answer:
        answer = self._next.popleft() if self._next else self._default
        return answer(request) if callable(answer) else answer


_REASONS = {200: "OK", 400: "Bad Request", 404: "Not Found", 429: "Too Many Requests", 500: "Internal Server Error"}


def head(status: int, headers: Mapping[str, str]) -> bytes:
    """A status line and headers, with the empty line."""
    lines = [
        f"HTTP/1.1 {status} {_REASONS.get(status, 'Status')}",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def whole(status: int, body: bytes, headers: Mapping[str, str] | None = None, *, length: int | None = None) -> Answer:
    """A response with a content length (`length` lies about it)."""
    given = {"content-type": "application/json", **(headers or {})}
    given["content-length"] = str(len(body) if length is None else length)
    return (Send(head(status, given) + body),)


def json_answer(status: int, value: Any, headers: Mapping[str, str] | None = None) -> Answer:
    """A response whose body is a JSON value."""
    return whole(status, json.dumps(value, ensure_ascii=False).encode(), headers)


def chunked(
    pieces: Iterable[bytes],
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    pause_s: float = 0.0,
    end: bool = True,
) -> Answer:
    """A response in chunked coding, each piece a chunk and a write of its own; `end=False` leaves out the last chunk."""
    given = {"content-type": "text/event-stream", "transfer-encoding": "chunked", **(headers or {})}
    steps: list[Step] = [Send(head(status, given))]
    for piece in pieces:
        if pause_s:
            steps.append(Wait(pause_s))
        steps.append(Send(b"%x\r\n%s\r\n" % (len(piece), piece)))
    if end:
        steps.append(Send(b"0\r\n\r\n"))
    return tuple(steps)


def wire_bytes(answer: Answer) -> bytes:
    """All bytes an answer sends."""
    return b"".join(step.data for step in answer if isinstance(step, Send))


def cut(answer: Answer, at: int, ending: Step | None = None) -> Answer:
    """The first `at` bytes of the answer on the wire, then a reset (or another ending)."""
    steps: list[Step] = []
    left = at
    for step in answer:
        if isinstance(step, Send):
            if left < len(step.data):
                steps.append(Send(step.data[:left]))
                break
            left -= len(step.data)
        steps.append(step)
    return (*steps, ending or Reset())


def dripped(answer: Answer, size: int, pause_s: float) -> Answer:
    """The same bytes, `size` at a time with a pause before each."""
    data = wire_bytes(answer)
    steps: list[Step] = []
    for start in range(0, len(data), size):
        steps += [Wait(pause_s), Send(data[start : start + size])]
    return tuple(steps)


def after(step: Step, answer: Answer) -> Answer:
    """The answer, once the step is over."""
    return (step, *answer)
