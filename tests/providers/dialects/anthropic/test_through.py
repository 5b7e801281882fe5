"""Replies that pass through: the bytes that came, but for `model`, at every cut."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from providers.dialects.anthropic.dialect import ANTHROPIC
from providers.dialects.anthropic.frames import MAX_EVENT_BYTES, Frames
from providers.dialects.seams import Head
from providers.errors import KINDS, ProviderError
from providers.messages.parts import Usage
from providers.reply import Reply as PassingReply
from providers.reply import Summary
from tests.fakes.anthropic_upstream import Reply, event
from tests.fakes.cuts import cuts_of, same_for_every_cut
from tests.fakes.upstream import Call
from tests.providers.dialects.anthropic.asks import BASE, KEY, ask_of

SSE = {"content-type": "text/event-stream; charset=utf-8"}
JSON = {"content-type": "application/json"}
SAID = Reply("hello grüße 🌍\u2028", calls=(Call("f", {"a": 'x"\n'}), Call("g", {}, "call_2")), thinking="hmm")
EVENTS = SAID.events("claude-x-20250101")
BODY = b"".join(event(value) for value in EVENTS)
OPENING, REST = BODY.split(b"event: content_block_start", 1)
REST = b"event: content_block_start" + REST


def reply_to(stream: bool = True, headers: dict[str, str] | None = None, path: str = "messages") -> PassingReply:
    ask = ask_of({**BASE, "stream": stream}, path=path)
    found = ANTHROPIC.reply(
        ask,
        ANTHROPIC.encode(ask),
        Head(200, headers or (SSE if stream else JSON)),
        lambda text: text.replace(KEY.encode(), b"***"),
    )
    assert found is not None
    return found


def passed(pieces: list[bytes], stream: bool = True) -> tuple[bytes, str | None, Summary]:
    """What the client gets, the kind of the fault, and the summary."""
    reply = reply_to(stream)
    out = b"".join(reply.feed(piece) for piece in pieces) + reply.finish()
    return out, reply.fault.kind.name if reply.fault else None, reply.summary()


def renamed(body: bytes) -> bytes:
    return body.replace(b'"model": "claude-x-20250101"', b'"model": "claude-x"')


UNKNOWN = b'event: future_event\nid: 7\nretry: 10\ndata: {"type": "future_event", "model": "claude-x-20250101"}\n\n'
COMMENT = b": keep-alive\n\n"
PING = b'event: ping\ndata: {"type": "ping"}\n\n'

STREAMS = {
    "plain": BODY,
    "crlf": BODY.replace(b"\n", b"\r\n"),
    "cr": BODY.replace(b"\n", b"\r"),
    "blank lines between": BODY.replace(b"\n\n", b"\n\n\n\n").rstrip() + b"\n\n",
    "pings, comments and unknown events": OPENING
    + PING
    + COMMENT
    + UNKNOWN
    + REST.replace(b"\n\n", b"\n\n" + PING + COMMENT + UNKNOWN, 3),
    "spaces in the JSON": BODY.replace(b"}\n\n", b"}   \n\n"),
    "byte order mark": b"\xef\xbb\xbf" + COMMENT + BODY,
    "no space after the colon": BODY.replace(b"data: ", b"data:"),
    "the model's name in the text": BODY.replace(b"hello", b"claude-x-20250101"),
}


@pytest.mark.parametrize("body", STREAMS.values(), ids=STREAMS)
def test_a_stream_is_the_same_bytes_at_every_cut(body: bytes) -> None:
    """Only the `model` in `message_start` is the client's; everything else passes, whatever it is."""
    out, fault, summary = same_for_every_cut(passed, body)

    assert out == body.replace(b'"model": "claude-x-20250101", "content"', b'"model": "claude-x", "content"')
    assert fault is None
    assert summary.usage == Usage(input=20, output=7, cache_read=5, cache_write=0)
    assert (summary.stop_reason, summary.tool_calls, summary.fixes) == ("tool_use", ("f", "g"), ())


@pytest.mark.parametrize("body", [STREAMS["plain"], STREAMS["crlf"]])
def test_what_goes_out_ends_where_an_event_ends(body: bytes) -> None:
    """So a ping of ours can never fall into the middle of an event of theirs."""
    for pieces in cuts_of(body):
        reply = reply_to()
        for piece in pieces:
            out = reply.feed(piece)
            assert not out or out.endswith((b"\n\n", b"\r\n\r\n"))


def test_nothing_goes_out_before_the_answer_begins() -> None:
    """The opening and the pings before the first block wait, so that another instance may still answer."""
    reply = reply_to()
    assert (reply.feed(OPENING + PING), reply.started) == (b"", False)
    assert (reply.feed(REST), reply.started) == (renamed(OPENING) + PING + REST, True)
    assert reply.stopped


ERROR = event({"type": "error", "error": {"type": "overloaded_error", "message": f"Overloaded {KEY}"}})


@pytest.mark.parametrize("begin", [b"", PING, OPENING], ids=["at once", "after a ping", "after the opening"])
def test_an_error_before_the_answer_is_for_another_try(begin: bytes) -> None:
    """Nothing of it reaches the client."""
    out, fault, _ = same_for_every_cut(passed, begin + ERROR)
    assert (out, fault) == (b"", "overloaded")


@pytest.mark.parametrize(
    "body",
    [ERROR, OPENING + ERROR, BODY[:-40] + ERROR, b"data: " + b"x" * (MAX_EVENT_BYTES + 1)],
    ids=["at once", "after the opening", "later", "too large"],
)
def test_what_broke_has_stopped(body: bytes) -> None:
    """The exchange asks only for the one: nothing more is waited for."""
    reply = reply_to()
    reply.feed(body)
    assert reply.fault is not None
    assert reply.stopped


def test_an_error_within_the_answer_is_passed_on_and_counted() -> None:
    """As it came, but for an echo of our key; nothing follows it."""
    body = OPENING + REST[:400].rpartition(b"\n\n")[0] + b"\n\n"
    out, fault, summary = same_for_every_cut(passed, body + ERROR + PING)
    assert out == renamed(body) + ERROR.replace(KEY.encode(), b"***")
    assert fault == "overloaded"
    assert summary.usage.input == 20


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", "empty"),
        (b"\n\n", "empty"),
        (OPENING, "cut"),
        (PING, "cut"),
        (b"<html>no</html>", "garbage"),
        (b": only a comment\n\n", "garbage"),
        (b'{"type":"error","error":{"type":"rate_limit_error","message":"slow"}}', "rate_limit"),
    ],
)
def test_a_stream_that_never_answers_is_for_another_try(body: bytes, kind: str) -> None:
    """Nothing goes to the client, and the fault says what was wrong."""
    out, fault, _ = same_for_every_cut(passed, body)
    assert (out, fault) == (b"", kind)


@pytest.mark.parametrize("ending", ["end", "cut"])
def test_a_cut_stream_ends_in_an_error_event(ending: str) -> None:
    """The half event is kept back, so the client reads a whole error event."""
    at = BODY.index(b"event: message_delta")
    reply = reply_to()
    out = reply.feed(BODY[: at + 30])
    out += reply.finish() if ending == "end" else reply.fail(ProviderError(KINDS["cut"], "cut off"))
    assert out.startswith(renamed(BODY[:at]) + b"event: error\ndata: ")
    assert out.endswith(b"\n\n")
    assert reply.fault is not None
    assert reply.fault.kind.name == "cut"


@pytest.mark.parametrize(
    "end", [lambda reply: reply.finish(), lambda reply: reply.fail(ProviderError(KINDS["cut"], "x"))]
)
def test_only_the_last_event_may_be_missing(end: Callable[[PassingReply], bytes]) -> None:
    """Once it is said why the model stopped the reply is complete."""
    body = BODY[: BODY.index(b"event: message_stop")]
    reply = reply_to()
    assert reply.feed(body) + end(reply) == renamed(body)
    assert reply.fault is None


def test_the_last_blank_line_may_be_missing() -> None:
    """It is added, since without it a client does not read the last event."""
    assert same_for_every_cut(passed, BODY[:-2])[:2] == (renamed(BODY), None)


def test_events_without_a_name_get_one() -> None:
    """Claude Code reads only named events; the repair is counted."""
    nameless = b"".join(b"data: " + json.dumps(value, ensure_ascii=False).encode() + b"\n\n" for value in EVENTS)
    out, fault, summary = same_for_every_cut(passed, nameless)
    assert (out, fault, summary.fixes) == (renamed(BODY), None, ("event-name",))


def test_data_on_several_lines_is_renamed_too() -> None:
    """Lines of data are one text; the others of the event stay."""
    body = BODY.replace(b'"message_start", ', b'"message_start",\ndata: ', 1).replace(b"event: m", b": c\nevent: m", 1)
    assert passed([body])[0] == renamed(body)


def test_breaches_of_the_grammar_pass_and_are_told() -> None:
    """A delta without a start is the upstream's affair; the log says so."""
    stray = event({"type": "content_block_delta", "index": 9, "delta": {"type": "text_delta", "text": "x"}})
    at = BODY.index(b"event: message_delta")
    body = BODY[:at] + stray + stray + BODY[at:]
    out, fault, summary = passed([body])
    assert (out, fault) == (renamed(body), None)
    assert summary.lost == ("`content_block_delta` where the stream was between blocks (2 times)",)
    assert passed([BODY])[2].lost == ()


def test_what_follows_the_end_is_not_passed() -> None:
    """After `message_stop` the reply is over."""
    assert same_for_every_cut(passed, BODY + PING + BODY)[0] == renamed(BODY)


def test_an_event_without_end_is_a_fault() -> None:
    """What is held back has a limit."""
    frames = Frames(max_event_bytes=100)
    assert frames.feed(b"data: " + b"x" * 60) == []
    assert frames.feed(b"x" * 60) == []
    assert frames.fault is not None
    assert frames.feed(b"\n\n") == []


WHOLE = json.dumps(SAID.message("claude-x-20250101"), indent=1, ensure_ascii=False).encode()


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        (WHOLE, renamed(WHOLE)),
        (renamed(WHOLE), renamed(WHOLE)),
        (
            WHOLE.replace(b'"model":', b'"mod\\u0065l" :'),
            WHOLE.replace(b'"model": "claude-x-20250101"', b'"mod\\u0065l" : "claude-x"'),
        ),
        (WHOLE.replace(b'"id"', b'"future": {"model": "claude-x-20250101"}, "id"', 1), None),
    ],
)
def test_a_whole_message_is_the_same_bytes(body: bytes, wanted: bytes | None) -> None:
    """White space, order and unknown members stay; only its own `model` is the client's."""
    out, fault, summary = same_for_every_cut(lambda pieces: passed(pieces, stream=False), body)
    expected = wanted or renamed(body).replace(b'{"model": "claude-x"}', b'{"model": "claude-x-20250101"}', 1)
    assert (out, fault) == (expected, None)
    assert summary.usage == Usage(input=20, output=7, cache_read=5, cache_write=0)
    assert (summary.stop_reason, summary.tool_calls) == ("tool_use", ("f", "g"))


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", "empty"),
        (WHOLE[:-20], "garbage"),
        (b"[]", "garbage"),
        (b'{"ok": true}', "garbage"),
        (b'{"type":"error","error":{"type":"overloaded_error","message":"no"}}', "overloaded"),
        (b'{"error":"nothing works"}', "server"),
    ],
)
def test_a_body_that_is_no_message_is_for_another_try(body: bytes, kind: str) -> None:
    """Errors in disguise are read as what they say."""
    out, fault, _ = (
        same_for_every_cut(lambda pieces: passed(pieces, stream=False), body) if body else passed([], stream=False)
    )
    assert (out, fault) == (b"", kind)


def test_a_whole_message_that_is_cut_is_for_another_try() -> None:
    """Nothing has reached the client."""
    reply = reply_to(stream=False)
    reply.feed(WHOLE[:50])
    assert reply.fail(ProviderError(KINDS["cut"], "cut off")) == b""
    assert reply.finish() == b""
    assert reply.fault is not None
    assert not reply.started


def test_a_count_passes_as_it_is() -> None:
    """Also with members nobody knows."""
    reply = reply_to(path="count_tokens", headers=JSON)
    reply.feed(b'{"input_tokens": 5, "context_management": {"original_input_tokens": 9}}')
    assert reply.finish() == b'{"input_tokens": 5, "context_management": {"original_input_tokens": 9}}'
    assert reply.fault is None


@pytest.mark.parametrize(
    ("stream", "headers", "through"),
    [
        (True, SSE, True),
        (True, {"content-type": "Text/Event-Stream"}, True),
        (True, JSON, False),
        (True, {}, False),
        (False, JSON, True),
        (False, SSE, False),
        (False, {"content-type": "text/html"}, False),
    ],
)
def test_another_form_than_asked_for_does_not_pass(stream: bool, headers: dict[str, str], through: bool) -> None:
    """It goes through the decoder and comes out in the form that was asked for."""
    ask = ask_of({**BASE, "stream": stream})
    found: Any = ANTHROPIC.reply(ask, ANTHROPIC.encode(ask), Head(200, headers), bytes)
    assert (found is not None) is through


@pytest.mark.parametrize(
    ("stream", "body"),
    [
        (False, b'{"type":"error","error":{"type":"overloaded_error","message":"\xff"}}'),
        (True, b'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"\xff"}}\n\n'),
        (True, b'{"type":"error","error":{"type":"overloaded_error","message":"\xff"}}'),
    ],
)
def test_an_error_that_is_no_utf8_is_still_a_fault(stream: bool, body: bytes) -> None:
    """What it says cannot be read, that it is one can."""
    out, fault, _ = passed([body], stream)
    assert (out, fault is not None) == (b"", True)
