"""The fakes behave as official clients expect of the real thing, and faults are what they say."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import anthropic
import openai
import pytest

from tests.fakes.anthropic_upstream import AnthropicUpstream, Reply, event
from tests.fakes.loopback import Refusing
from tests.fakes.official_sdk import function_calls
from tests.fakes.stream_reader import check_grammar, content_of, events_in
from tests.fakes.upstream import UPSTREAM_KEY, Call, Say, Upstream, chunk_of, failing, html, sse
from tests.fakes.wire import Close, Hold, Reset, chunked, cut, dripped, whole, wire_bytes

CALLS = (Call("one", {"x": 1}, "call_1"), Call("two", {"y": "abcdefghij"}, "call_2"))


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with Upstream() as upstream:
        yield upstream


@pytest.fixture
def client(upstream: Upstream) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=upstream.url + "/v1", api_key=UPSTREAM_KEY, max_retries=0) as client:
        yield client


def test_a_whole_reply_is_read_by_the_official_client(upstream: Upstream, client: openai.OpenAI) -> None:
    """Text and calls arrive, and the request is on record."""
    upstream.then(Say("hello", calls=CALLS))
    reply = client.chat.completions.create(model="m", messages=[{"role": "user", "content": "hi"}])
    assert reply.choices[0].message.content == "hello"
    assert [call.function.name for call in function_calls(reply.choices[0].message)] == ["one", "two"]
    assert upstream.chats[0].json["messages"][0]["content"] == "hi"


@pytest.mark.parametrize("interleaved", [False, True])
def test_a_streamed_reply_is_whole_in_the_end(upstream: Upstream, client: openai.OpenAI, interleaved: bool) -> None:
    """Fragments add up, and usage comes in a chunk without choices."""
    upstream.then(Say("hello world", calls=CALLS, interleaved=interleaved, fragment=3))
    text, arguments, usage = "", {0: "", 1: ""}, None
    stream = client.chat.completions.create(model="m", messages=[], stream=True, stream_options={"include_usage": True})
    for chunk in stream:
        usage = chunk.usage or usage
        for choice in chunk.choices:
            text += choice.delta.content or ""
            for call in choice.delta.tool_calls or []:
                arguments[call.index] += (call.function and call.function.arguments) or ""
    assert (text, arguments[1]) == ("hello world", '{"y": "abcdefghij"}')
    assert usage is not None
    assert usage.prompt_tokens == 25


def test_faults_are_seen_as_faults(upstream: Upstream, client: openai.OpenAI) -> None:
    """Errors, pages, resets and lies each break the official client in the way they should."""
    broken = (openai.APIConnectionError, openai.APIStatusError)
    upstream.then(
        failing(429, retry_after="1"),
        html(502),
        (Reset(),),
        lambda r: cut(Say("hello")(r), 300),
        (*whole(200, b"{}", length=99), Close()),
    )
    for _ in range(5):
        with pytest.raises(broken):
            client.chat.completions.create(model="m", messages=[])


def test_a_departure_is_noticed(upstream: Upstream, client: openai.OpenAI) -> None:
    """Closing a stream sets `gone`."""
    upstream.then(lambda request: (*chunked([sse(chunk_of("m", {"content": "hi"}))], end=False), Hold()))
    stream = client.chat.completions.create(model="m", messages=[], stream=True)
    assert next(iter(stream)).choices[0].delta.content == "hi"
    stream.close()
    assert upstream.received[0].gone.wait(5)


def test_a_wrong_key_is_refused(upstream: Upstream) -> None:
    """The key is checked."""
    with (
        openai.OpenAI(base_url=upstream.url + "/v1", api_key="wrong", max_retries=0) as client,
        pytest.raises(openai.AuthenticationError),
    ):
        client.models.list()


def test_nobody_listens_where_connections_are_refused() -> None:
    """The reserved port refuses."""
    with (
        Refusing() as nobody,
        openai.OpenAI(base_url=nobody.url, api_key="x", max_retries=0) as client,
        pytest.raises(openai.APIConnectionError),
    ):
        client.models.list()


def test_dripping_changes_no_byte() -> None:
    """The same bytes, in other pieces."""
    answer = whole(200, b"0123456789")
    assert wire_bytes(dripped(answer, 7, 0)) == wire_bytes(answer)


def test_the_anthropic_upstream_and_the_reader_agree_with_the_sdk() -> None:
    """What the strict reader puts together is what the official client does."""
    reply = Reply("hello", calls=CALLS, thinking="hm")
    data = b"".join(event(value) for value in reply.events("m"))
    assert check_grammar(events_in(data)) == "stop"
    assert content_of(events_in(data)) == reply.blocks()
    with (
        AnthropicUpstream() as upstream,
        anthropic.Anthropic(base_url=upstream.url, api_key=UPSTREAM_KEY, max_retries=0) as client,
    ):
        upstream.always(reply)
        with client.messages.stream(model="m", max_tokens=9, messages=[{"role": "user", "content": "x"}]) as stream:
            read = stream.get_final_message()
    assert [block.type for block in read.content] == ["thinking", "text", "tool_use", "tool_use"]


Spoil = Callable[[list[dict[str, Any]]], list[dict[str, Any]]]

MISTAKES: dict[str, Spoil] = {
    "nothing before the end": lambda events: events[:-1],
    "no block stop": lambda events: [value for value in events if value["type"] != "content_block_stop"],
    "twice the start": lambda events: [events[0], *events],
    "after the end": lambda events: [*events, {"type": "ping"}],
    "a ping first": lambda events: [{"type": "ping"}, *events],
    "an index left out": lambda events: [{**value, "index": 1} if "index" in value else value for value in events],
}


@pytest.mark.parametrize("spoil", MISTAKES.values(), ids=MISTAKES)
def test_the_reader_sees_each_mistake(spoil: Spoil) -> None:
    """A stream that breaks the grammar is not accepted."""
    with pytest.raises(AssertionError):
        check_grammar(spoil(Reply("hello").events("m")))
