"""The built-in upstream: templates, calls, pieces and pauses."""

from __future__ import annotations

import json
from typing import Any

import pytest
from msgspec import structs

from providers.dialects.seams import Ask, Dialect
from providers.dialects.static import DEFAULT_TEXT
from providers.dialects.table import dialect_of
from providers.spec import Timeouts
from providers.static_upstream import StaticTransport
from providers.translate import translated
from providers.upstream import UpstreamRequest
from tests.providers.dialects.asking import BASE, ask_of

TOOL = {"name": "Write", "input_schema": {"type": "object", "properties": {}}}
CALL = {"name": "Write", "input": {"file_path": "hello.txt", "content": "for {model}: {lastUserText}", "n": [1, "{x}"]}}


def static_ask(settings: dict[str, Any], **body: Any) -> Ask:
    ask = ask_of({**BASE, **body})
    return structs.replace(ask, provider=structs.replace(ask.provider, type="static", settings=settings))


async def answer(ask: Ask) -> tuple[dict[str, Any], list[float]]:
    """The whole message for the client, and the pauses made."""
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    dialect: Dialect = dialect_of("static")
    encoded = dialect.encode(ask)
    response = await StaticTransport(sleep).send(UpstreamRequest("POST", "", (), encoded.body), Timeouts())
    decoder = dialect.decoder(ask, encoded, response.head)
    reply = translated(decoder, stream=False, model=ask.request.model, message_id="msg_1", new_id=ask.new_id)
    async for chunk in response.chunks():
        reply.feed(chunk)
    message: dict[str, Any] = json.loads(reply.finish())
    assert reply.fault is None
    return message, pauses


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("fixed", "fixed"),
        ("{provider}/{model} for {requestedModel}", "p/up for m"),
        ("{lastUserText} {inputLength} {messageCount} {toolCount}", "what now 65 3 1"),
        ('{"a": {nothing}} {toolResult}', '{"a": {nothing}} '),
        (None, "Routed to p, model up. You said: what now"),
    ],
)
async def test_the_text_is_a_template(text: str | None, seen: str) -> None:
    """Known placeholders are filled in, other braces stay."""
    messages = [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": "hello"},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "<system-reminder>\nnotes\n</system-reminder>"},
                {"type": "text", "text": "what now"},
            ],
        },
    ]
    settings = {} if text is None else {"text": text}
    message, _ = await answer(static_ask(settings, messages=messages, tools=[TOOL], system="be quick"))
    assert message["content"] == [{"type": "text", "text": seen}]
    assert message["stop_reason"] == "end_turn"
    assert message["usage"]["input_tokens"] > 0
    assert "{lastUserText}" in DEFAULT_TEXT


async def test_reminders_are_not_what_the_user_said() -> None:
    """Text that the client puts in by itself is left out of the last user text."""
    content = "<system-reminder>\nnotes\n</system-reminder>\nwhat now"
    message, _ = await answer(static_ask({"text": "{lastUserText}"}, messages=[{"role": "user", "content": content}]))
    assert message["content"][0]["text"] == "what now"


async def test_an_offered_tool_is_called() -> None:
    """The tool is called with its templates filled in, under a fresh id."""
    message, _ = await answer(static_ask({"toolCall": CALL}, tools=[TOOL]))
    (call,) = message["content"]
    assert (call["type"], call["name"]) == ("tool_use", "Write")
    assert call["input"] == {"file_path": "hello.txt", "content": "for up: hi", "n": [1, "{x}"]}
    assert call["id"] == "call_1"
    assert message["stop_reason"] == "tool_use"


async def test_a_tool_not_offered_is_not_called() -> None:
    """Without the tool the text is the answer."""
    message, _ = await answer(static_ask({"toolCall": CALL, "text": "no"}))
    assert message["content"] == [{"type": "text", "text": "no"}]


async def test_an_answered_call_is_not_made_again() -> None:
    """Once the result is there, the text is the answer and may quote it."""
    messages = [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "call_1", "name": "Write", "input": {}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "call_1", "content": "written"}]},
    ]
    settings = {"toolCall": CALL, "text": "It was {toolResult}."}
    message, _ = await answer(static_ask(settings, messages=messages, tools=[TOOL]))
    assert message["content"] == [{"type": "text", "text": "It was written."}]


async def test_pieces_and_pauses() -> None:
    """Text comes in pieces of the size asked for, with a pause before each event."""
    ask = static_ask({"text": "abcdefg", "chunkChars": 3, "chunkDelayMs": 20})
    script = json.loads(dialect_of("static").encode(ask).body)
    assert script["pieces"] == ["abc", "def", "g"]
    message, pauses = await answer(ask)
    assert message["content"] == [{"type": "text", "text": "abcdefg"}]
    assert set(pauses) == {0.02}


async def test_nothing_is_lost() -> None:
    """Nothing of the request is sent anywhere, so nothing is listed as lost."""
    assert dialect_of("static").encode(static_ask({}, top_k=3, cache_control={"type": "ephemeral"})).lost == ()
