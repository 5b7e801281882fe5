"""The first write of an answer: its head with the beginning of its body, or alone where that lets wait."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import pytest

from engine.http.opening import Opening


@dataclass
class Wire:
    """A transport: `writes` are what each system call would carry."""

    writes: list[bytes] = field(default_factory=list)
    closed: bool = False

    def write(self, data: bytes) -> None:
        self.writes.append(data)

    def writelines(self, pieces: Iterable[bytes]) -> None:
        self.writes.append(b"".join(pieces))

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed


@dataclass
class Loop:
    """A loop: what is to be called in its next step."""

    soon: list[Callable[[], None]] = field(default_factory=list)

    def call_soon(self, call: Callable[[], None]) -> None:
        self.soon.append(call)

    def step(self) -> None:
        calls, self.soon = self.soon, []
        for call in calls:
            call()


@dataclass
class Protocol:
    """A connection whose request has come to its end, or not."""

    wire: Wire
    loop: Loop
    whole: bool = True

    def end(self) -> None:
        self.wire.close()


@dataclass
class Cycle:
    """An answer on its way, as uvicorn has it."""

    transport: Any


STEP, CLOSE = "step", "close"


@pytest.mark.parametrize(
    ("done", "writes"),
    [
        ([b"head", b"body"], [b"headbody"]),
        ([b"head", b"one", b"two"], [b"headone", b"two"]),
        ([b"head", b"one", STEP, b"two"], [b"headone", b"two"]),
        ([b"head", b""], [b"head"]),
        ([b"head", STEP], [b"head"]),
        ([b"head", STEP, STEP, b"body"], [b"head", b"body"]),
        ([b"head", CLOSE], [b"head"]),
        ([b"head", CLOSE, STEP], [b"head"]),
        ([b"head", b"body", CLOSE], [b"headbody"]),
        ([CLOSE], []),
    ],
)
@pytest.mark.parametrize("whole", [True, False], ids=["", "the request goes on"])
def test_the_head_goes_out_with_what_follows_at_once(done: list[bytes | str], writes: list[bytes], whole: bool) -> None:
    """Each row: what the answer writes, with the loop's steps between; and what is sent, in how many writes."""
    wire, loop = Wire(), Loop()
    cycle = Cycle(wire)
    cycle.transport = Opening(cycle, Protocol(wire, loop, whole))  # type: ignore[arg-type]
    for what in done:
        if isinstance(what, bytes):
            cycle.transport.write(what)
        elif what == STEP:
            loop.step()
        else:
            assert not cycle.transport.is_closing()
            cycle.transport.close()
            assert cycle.transport.is_closing()
    assert wire.writes == writes
    assert wire.closed == (CLOSE in done)
    if len(done) > 1:
        loop.step()
        assert (cycle.transport is wire) == whole
        assert wire.writes == writes
