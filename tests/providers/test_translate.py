"""A reply on its way: when it commits, how it ends when its upstream breaks, what it says of itself."""

from __future__ import annotations

import json
from typing import Any

import pytest

from providers.chat.form import ChatForm
from providers.client_form import ClientForm
from providers.errors import KINDS, ProviderError
from providers.messages.form import MESSAGES_FORM
from providers.messages.parts import Usage
from providers.reply import Reply
from providers.translate import silence, translated
from tests.fakes.grammar_check import events_of
from tests.fakes.replies import ask_of, chunk, ids, openai_decoder, sse

CUT = ProviderError(KINDS["cut"], "the connection broke")
ROLE = sse([chunk({"role": "assistant", "content": ""})], done=False)
USAGE = sse([{"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 0}}], done=False)
TEXT = sse([chunk({"content": "a"})], done=False)
FINISH = sse([chunk({}, "stop")], done=False)


def _reply(stream: bool = True, **options: Any) -> Reply:
    decoder = openai_decoder(ask_of(["f"]))
    return translated(decoder, stream=stream, model="claude-test", message_id="msg_1", new_id=ids(), **options)


def _kinds(data: bytes) -> list[str]:
    return [event["type"] for event in events_of(data)]


def test_role_and_usage_do_not_commit() -> None:
    """Nothing is sent and another try is possible until content comes; then the usage is in `message_start`."""
    reply = _reply()
    assert (reply.feed(ROLE + USAGE), reply.started) == (b"", False)
    assert reply.summary().usage == Usage(input=9, output=0)
    data = reply.feed(TEXT)
    assert reply.started
    assert _kinds(data) == ["message_start", "content_block_start", "content_block_delta"]
    assert events_of(data)[0]["message"]["usage"]["input_tokens"] == 9


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("finish", ["stop", "tool_calls"])
def test_an_end_without_content_is_silence(stream: bool, finish: str) -> None:
    """Somebody else may say more, so nothing is sent; what was counted is kept."""
    reply = _reply(stream)
    data = reply.feed(ROLE + sse([chunk({}, finish)], done=False) + USAGE) + reply.finish()
    assert (data, reply.started, reply.stopped) == (b"", False, True)
    assert reply.fault is not None
    assert reply.fault.kind.name == "silent"
    assert reply.fail(CUT) == b""
    assert reply.summary().usage == Usage(input=9, output=0)


@pytest.mark.parametrize("stream", [True, False])
def test_silence_that_breaks_off_is_silence(stream: bool) -> None:
    """Whoever said that the turn ends has said all, also where nothing was said before."""
    reply = _reply(stream)
    assert reply.feed(ROLE + FINISH) + reply.fail(CUT) == b""
    assert reply.fault is not None
    assert reply.fault.kind.name == "silent"


@pytest.mark.parametrize(("finish", "reason"), [("length", "max_tokens"), ("content_filter", "refusal")])
def test_a_stop_that_says_something_is_an_answer(finish: str, reason: str) -> None:
    """No other instance would say more within the same room, or be allowed to."""
    reply = _reply()
    events = events_of(reply.feed(sse([chunk({}, finish)])) + reply.finish())
    assert [event["type"] for event in events] == ["message_start", "message_delta", "message_stop"]
    assert events[1]["delta"]["stop_reason"] == reason
    assert reply.fault is None


@pytest.mark.parametrize("form", [MESSAGES_FORM, ChatForm(1, True)], ids=["messages", "chat"])
def test_silence_can_be_passed_on(form: ClientForm) -> None:
    """In either form, streamed or whole, it is a complete reply with the counts it came with."""
    usage = Usage(input=9, output=2)
    streamed, whole = (
        silence(form, stream=stream, model="claude-test", message_id="msg_1", usage=usage) for stream in (True, False)
    )
    assert streamed[0].startswith("text/event-stream")
    assert streamed[1].endswith((b'{"type":"message_stop"}\n\n', b"data: [DONE]\n\n"))
    assert whole[0] == "application/json"
    said = json.loads(whole[1])
    assert said["content"] == [] if form is MESSAGES_FORM else not said["choices"][0]["message"]["content"]
    assert 2 in said["usage"].values()


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(
    ("before", "started", "kind"),
    [(b"", False, "cut"), (ROLE + USAGE, False, "cut"), (TEXT, True, "cut"), (TEXT[:-9], False, "cut")],
)
def test_a_broken_upstream_is_the_fault(stream: bool, before: bytes, started: bool, kind: str) -> None:
    """`fail` gives the exchange's own error, as the closing event of a stream that has begun."""
    reply = _reply(stream)
    reply.feed(before)
    data = reply.fail(CUT)
    assert reply.fault is CUT
    assert reply.fault.kind.name == kind
    assert reply.started == (started and stream)
    assert _kinds(data) == (["error"] if started and stream else [])
    assert (reply.fail(CUT), reply.finish(), reply.feed(TEXT)) == (b"", b"", b"")


@pytest.mark.parametrize("stream", [True, False])
def test_an_upstream_that_breaks_after_its_finish_was_complete(stream: bool) -> None:
    """Whoever said its stop has said all: the reply ends politely."""
    reply = _reply(stream)
    data = reply.feed(TEXT + FINISH) + reply.fail(CUT)
    assert (reply.fault, reply.started) == (None, True)
    assert data.endswith(b'{"type":"message_stop"}\n\n') if stream else data.startswith(b'{"id":"msg_1"')


def test_a_reply_stops_at_its_end() -> None:
    """Nothing that comes later is waited for."""
    for stream in (True, False):
        reply = _reply(stream)
        reply.feed(TEXT + FINISH)
        assert not reply.stopped
        reply.feed(USAGE)
        assert reply.stopped


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("before", [b"", ROLE + USAGE, TEXT])
@pytest.mark.parametrize("end", [sse([{"error": {"message": "x"}}], done=False), b"data: {]}\n\n"])
def test_a_reply_that_broke_has_stopped(stream: bool, before: bytes, end: bytes) -> None:
    """The exchange asks only for the one: nothing more is waited for."""
    reply = _reply(stream)
    reply.feed(before + end)
    assert reply.fault is not None
    assert reply.stopped


def test_a_whole_reply_starts_with_its_message() -> None:
    """Until the message is made nothing was sent, so a fault can still fail over."""
    reply = _reply(stream=False)
    assert (reply.feed(TEXT), reply.started) == (b"", False)
    reply.feed(FINISH)
    message = reply.finish()
    assert reply.started
    assert message == reply.finish()


def test_a_whole_reply_that_breaks_late_has_not_started() -> None:
    """The same break that ends a stream leaves a whole reply open to another try."""
    body = TEXT + sse([{"error": {"message": "x", "code": 503}}])
    reply = _reply(stream=False)
    reply.feed(body)
    assert reply.finish() == b""
    assert reply.fault is not None
    assert not reply.started


def test_printed_calls_are_known_under_both_names() -> None:
    """A call printed under the name as sent becomes one under the client's."""
    reply = _reply(extract_printed_calls=True, declared_tools=["long"], tool_names={"short": "long"})
    body = sse([chunk({"content": "Tool call: short({})"}), chunk({}, "stop")])
    data = reply.feed(body) + reply.finish()
    assert reply.summary().tool_calls == ("long",)
    assert reply.summary().fixes == ("extracted_tool_long", "reconciled_stop_reason")
    assert b"tool_use" in data


def test_the_content_type_is_the_clients() -> None:
    """A stream is an event stream, a message JSON, whatever the upstream sent."""
    assert _reply(True).content_type.startswith("text/event-stream")
    assert _reply(False).content_type == "application/json"
