"""Runs upstream bytes through decoder, repair, and writer or fold, checking at every cut what must hold for each reply."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from providers.dialects.openai.replies import decoder_of
from providers.dialects.seams import Ask, Decoder, Encoded, Head
from providers.errors import ProviderError
from providers.messages.grammar import State
from providers.reply import Reply, Summary
from providers.spec import Credentials, InstanceSpec, ProviderSpec
from providers.translate import translated
from schemas.request import MessagesRequest, Tool
from tests.fakes.cuts import same_for_every_cut
from tests.fakes.grammar_check import checked, events_of

MODEL = "claude-test"


@dataclass(frozen=True)
class Came:
    """What a reply gave: its bytes for the client, and what it says of itself."""

    data: bytes
    started: bool
    fault: ProviderError | None
    summary: Summary = field(compare=True)

    @property
    def message(self) -> dict[str, Any]:
        """The message that was not streamed."""
        value: dict[str, Any] = json.loads(self.data)
        return value


def ask_of(
    tools: Sequence[str] = (),
    stop_sequences: Sequence[str] = (),
    server_tools: Sequence[str] = (),
    settings: Mapping[str, Any] | None = None,
) -> Ask:
    """A request with these tools, for a provider called `up`."""
    declared = [Tool(name=name) for name in tools] + [Tool(name="web_search", type=kind) for kind in server_tools]
    request = MessagesRequest(
        raw=b"{}", fields={}, model=MODEL, messages=(), tools=tuple(declared), stop_sequences=tuple(stop_sequences)
    )
    spec = ProviderSpec(
        "up", "openai", (InstanceSpec("up", "http://up.test", Credentials()),), settings=dict(settings or {})
    )
    return Ask(request, spec, "upstream-model", None, {}, ids())


def ids() -> Callable[[], str]:
    """Numbered ids: `1`, `2`, ..."""
    numbers = count(1)
    return lambda: str(next(numbers))


def openai_decoder(
    ask: Ask, content_type: str = "text/event-stream", tool_names: Mapping[str, str] | None = None
) -> Decoder:
    """A new decoder of Chat Completions."""
    return decoder_of(
        ask, Encoded("/", b"", {}, tool_names=tool_names or {}), Head(200, {"content-type": content_type})
    )


def ran(decoder: Decoder, pieces: Iterable[bytes], stream: bool, **options: Any) -> Came:
    """One reply over these pieces to its end, as the exchange drives it."""
    reply: Reply = translated(decoder, stream=stream, model=MODEL, message_id="msg_1", new_id=ids(), **options)
    data = b""
    for piece in pieces:
        given = reply.feed(piece)
        assert reply.started or not given, "bytes before the commit point"
        data += given
        if reply.stopped or reply.fault is not None:
            break
    data += reply.finish()
    assert reply.finish() == b"" or not stream, "something after the end"
    return Came(data, reply.started, reply.fault, reply.summary())


def streamed(new_decoder: Callable[[], Decoder], body: bytes, **options: Any) -> Came:
    """The streamed reply: the same at every cut, obeying the grammar, ending in its stop or in an error event."""
    came = same_for_every_cut(lambda pieces: ran(new_decoder(), pieces, stream=True, **options), body)
    events = events_of(came.data)
    if came.started:
        assert checked(events) is State.ENDED
        assert (events[-1]["type"] == "error") == (came.fault is not None), events[-1]
    else:
        assert (came.data, came.fault is None) == (b"", False)
    return came


def whole(new_decoder: Callable[[], Decoder], body: bytes, **options: Any) -> Came:
    """The reply that is not streamed: the same at every cut, a message or a fault."""
    came = same_for_every_cut(lambda pieces: ran(new_decoder(), pieces, stream=False, **options), body)
    assert bool(came.data) == came.started == (came.fault is None)
    return came


def chunk(delta: Mapping[str, Any] | None = None, finish: str | None = None, **more: Any) -> dict[str, Any]:
    """A Chat Completions chunk with one choice."""
    choice = {"index": 0, "delta": dict(delta or {}), "finish_reason": finish}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "m",
        "choices": [choice],
    } | more


def sse(chunks: Iterable[Any], done: bool = True) -> bytes:
    """Chunks as an event stream; a string is sent as it is."""
    lines = [one if isinstance(one, str) else f"data: {json.dumps(one, ensure_ascii=False)}\n\n" for one in chunks]
    return "".join([*lines, "data: [DONE]\n\n" if done else ""]).encode()
