"""What a dialect's fake says, in this process: the answer to a request that the dialect itself has encoded, and its decoder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from providers.dialects.seams import Ask, Decoder, Encoded, Head
from providers.dialects.table import dialect_of, spoken_by
from providers.reply import Reply
from tests.fakes.speakers import Speaker
from tests.fakes.upstream import Call
from tests.fakes.wire import Answer, Received, Send
from tests.providers.dialects.asking import LOOPBACK, ask_of

TOOLS = [
    {"name": name, "input_schema": {"type": "object", "properties": {"a": {"type": "string"}}}} for name in ("f", "g")
]
BODY: Mapping[str, Any] = {
    "model": "claude-test",
    "max_tokens": 8192,
    "messages": [{"role": "user", "content": "hi"}],
    "thinking": {"type": "enabled", "budget_tokens": 2048},
    "tools": TOOLS,
}


@dataclass(frozen=True, slots=True)
class Spoken:
    """A request on its way to a dialect's upstream, and the pieces of the body that came back."""

    dialect: str
    ask: Ask
    encoded: Encoded
    head: Head
    pieces: tuple[bytes, ...]

    def decoder(self, content_type: str | None = None) -> Decoder:
        """A new decoder of the answer, said to be of another type where one is given."""
        return dialect_of(self.dialect).decoder(self.ask, self.encoded, self._head(content_type))

    def passing(self, content_type: str | None = None) -> Reply | None:
        """A new reply that passes the answer on, where the dialect does that."""
        through = spoken_by(self.dialect).through
        if through is None:
            return None
        return through.reply(self.ask, self.encoded, self._head(content_type), lambda text: text)

    def _head(self, content_type: str | None) -> Head:
        return self.head if content_type is None else Head(200, {"content-type": content_type})


def spoken(
    speaker: Speaker, text: str, calls: Sequence[Call] = (), thought: str | None = None, *, stream: bool = True
) -> Spoken:
    """The fake's answer of a text, calls and a thought, streamed or in one piece."""
    settings = {
        name: value for name, value in speaker.provider(LOOPBACK).get("settings", {}).items() if name != "models"
    }
    ask = ask_of({**BODY, "stream": stream}, settings=settings, kind=speaker.dialect, name=speaker.model)
    encoded = dialect_of(speaker.dialect).encode(ask)
    asked = Received("POST", encoded.path, encoded.query, encoded.headers, encoded.body, 0)
    head, pieces = _read(speaker.say(text, calls, thought)(asked))
    return Spoken(speaker.dialect, ask, encoded, head, pieces)


def _read(answer: Answer) -> tuple[Head, tuple[bytes, ...]]:
    """The head of an answer and its body, a piece for each chunk."""
    first, *rest = (step.data for step in answer if isinstance(step, Send))
    top, _, body = first.partition(b"\r\n\r\n")
    status, *lines = top.decode().split("\r\n")
    fields = (line.partition(": ") for line in lines)
    head = Head(int(status.split()[1]), {name.lower(): value for name, _, value in fields})
    chunks = (data.partition(b"\r\n")[2].removesuffix(b"\r\n") for data in rest)
    return head, tuple(piece for piece in (body, *chunks) if piece)
