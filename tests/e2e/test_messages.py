"""The official client through the router to an OpenAI-compatible upstream: what a session is made of."""

from __future__ import annotations

import base64
import json

import anthropic
import pytest
from anthropic.types import ImageBlockParam, MessageParam, ThinkingBlock, ToolResultBlockParam

from tests.e2e.asking import HI, WEATHER, body, post
from tests.fakes.official_sdk import final_message, text_of, tool_uses
from tests.fakes.router import Router
from tests.fakes.stream_reader import check_grammar, content_of
from tests.fakes.upstream import Call, Say, Upstream
from tests.fakes.wire import Answer, Received

pytestmark = pytest.mark.e2e

PNG = base64.b64encode(b"\x89PNG\r\n\x1a\nnot really").decode()

SAYINGS = {
    "text": Say("hello from the upstream"),
    "unicode": Say("grüße, 世界 🌍\u2028 end", fragment=1),
    "tool call": Say(calls=(Call("get_weather", {"city": "Zürich"}),)),
    "text and parallel tool calls": Say(
        "looking",
        calls=(Call("get_weather", {"city": "Bern"}, "call_a"), Call("get_weather", {"city": "Basel"}, "call_b")),
    ),
    "interleaved tool calls": Say(
        calls=(Call("get_weather", {"city": "Bern"}, "call_a"), Call("get_weather", {"city": "Basel"}, "call_b")),
        interleaved=True,
        fragment=3,
    ),
    "reasoning then text": Say("so it is", reasoning="let me think about it"),
    "length": Say("cut sho", finish="length"),
}


def test_a_reply_comes_back_whole(client: anthropic.Anthropic, upstream: Upstream) -> None:
    """`messages.create` gives the upstream's text, the client's own model name, and usage without double counting."""
    upstream.then(Say("hello there"))
    reply = client.messages.create(model="claude-opus-5-5", max_tokens=64, messages=HI, system="be brief")
    assert [block.type for block in reply.content] == ["text"]
    assert text_of(reply) == "hello there"
    assert (reply.model, reply.role, reply.stop_reason) == ("claude-opus-5-5", "assistant", "end_turn")
    assert reply.id.startswith("msg_")
    assert (reply.usage.input_tokens, reply.usage.cache_read_input_tokens, reply.usage.output_tokens) == (20, 5, 7)


def test_the_upstream_sees_its_own_format(client: anthropic.Anthropic, upstream: Upstream) -> None:
    """The upstream receives the target's model, the system prompt as a message and its own key, not the client's."""
    client.messages.create(
        model="claude-opus-5-5", max_tokens=64, messages=HI, system="be brief", extra_body={"temperature": 0.5}
    )
    (received,) = upstream.chats
    assert received.json["model"] == "fake-model"
    assert [message["role"] for message in received.json["messages"]] == ["system", "user"]
    assert received.json["temperature"] == 0.5
    assert not received.json.get("stream")
    assert "dummy-client-key" not in json.dumps(dict(received.headers))


@pytest.mark.parametrize("say", SAYINGS.values(), ids=SAYINGS)
def test_streamed_and_whole_replies_say_the_same(client: anthropic.Anthropic, upstream: Upstream, say: Say) -> None:
    """The SDK's accumulated stream equals the reply that is not streamed, whatever the reply holds."""
    upstream.always(say)
    asked = {"model": "claude-opus-5-5", "max_tokens": 64, "messages": HI, "tools": [WEATHER]}
    whole, streamed = (final_message(client, asked, stream=stream).model_dump() for stream in (False, True))
    for reply in (whole, streamed):
        for block in reply["content"]:
            block.pop("parsed_output", None)
    assert streamed["content"] == whole["content"]
    assert streamed["stop_reason"] == whole["stop_reason"]
    assert streamed["usage"] == whole["usage"]
    assert len(whole["content"]) == (say.text is not None) + (say.reasoning is not None) + len(say.calls)


@pytest.mark.parametrize("say", SAYINGS.values(), ids=SAYINGS)
def test_streams_keep_the_grammar(router: Router, upstream: Upstream, say: Say) -> None:
    """Every stream is named events in the right order, ending with message_stop."""
    upstream.then(say)
    got = post(router.url, body(stream=True, tools=[WEATHER]), "/v1/messages?beta=true")
    assert (got.status, got.headers["content-type"].partition(";")[0]) == (200, "text/event-stream")
    assert check_grammar(got.events) == "stop"
    assert [block["input"] for block in content_of(got.events) if block["type"] == "tool_use"] == [
        call.arguments for call in say.calls
    ]


def test_a_tool_round_trip(client: anthropic.Anthropic, upstream: Upstream) -> None:
    """A call goes out as a tool_use block; its result goes in as a tool message with the same id."""
    upstream.then(Say(calls=(Call("get_weather", {"city": "Bern"}, "call_77"),)), Say("sunny"))
    first = client.messages.create(model="m", max_tokens=64, messages=HI, tools=[WEATHER])
    assert first.stop_reason == "tool_use"
    assert [block.type for block in first.content] == ["tool_use"]
    (call,) = tool_uses(first)
    assert (call.name, call.input) == ("get_weather", {"city": "Bern"})
    result: ToolResultBlockParam = {
        "type": "tool_result",
        "tool_use_id": call.id,
        "content": [{"type": "text", "text": "21 degrees"}],
    }
    history: list[MessageParam] = [
        *HI,
        {"role": "assistant", "content": first.content},
        {"role": "user", "content": [result]},
    ]
    second = client.messages.create(model="m", max_tokens=64, messages=history, tools=[WEATHER])
    assert text_of(second) == "sunny"
    sent = upstream.chats[1].json["messages"]
    assert [message["role"] for message in sent] == ["user", "assistant", "tool"]
    assert sent[1]["tool_calls"][0]["id"] == sent[2]["tool_call_id"]
    assert json.loads(sent[1]["tool_calls"][0]["function"]["arguments"]) == {"city": "Bern"}
    assert sent[2]["content"] == "21 degrees" or sent[2]["content"][0]["text"] == "21 degrees"


def test_images_reach_the_upstream(client: anthropic.Anthropic, upstream: Upstream) -> None:
    """A base64 image becomes a data URI."""
    image: ImageBlockParam = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}}
    client.messages.create(
        model="m",
        max_tokens=64,
        messages=[{"role": "user", "content": [image, {"type": "text", "text": "what is it"}]}],
    )
    parts = upstream.chats[0].json["messages"][-1]["content"]
    assert [part["type"] for part in parts] == ["image_url", "text"]
    assert parts[0]["image_url"]["url"] == f"data:image/png;base64,{PNG}"


def test_thinking_comes_first_and_unsigned(client: anthropic.Anthropic, upstream: Upstream) -> None:
    """Reasoning of another issuer becomes a thinking block whose signature is empty, before the text."""
    upstream.then(Say("four", reasoning="two and two"))
    with client.messages.stream(
        model="m", max_tokens=2048, messages=HI, thinking={"type": "enabled", "budget_tokens": 1024}
    ) as stream:
        reply = stream.get_final_message()
    assert [block.type for block in reply.content] == ["thinking", "text"]
    thought = reply.content[0]
    assert isinstance(thought, ThinkingBlock)
    assert (thought.thinking, thought.signature) == ("two and two", "")


def test_what_newer_clients_send_is_accepted(router: Router, upstream: Upstream) -> None:
    """Unknown fields, roles, betas, blocks, the billing line and the deferred placeholder are no errors."""
    asked = body(
        stream=True,
        system=[{"type": "text", "text": "x-anthropic-billing-header: cc"}, {"type": "text", "text": "be brief"}],
        messages=[
            {"role": "user", "content": [{"type": "text", "text": "hi"}]},
            {"role": "system", "content": []},
            {"role": "system", "content": "a reminder"},
        ],
        thinking={"type": "adaptive", "display": "updates"},
        output_config={"effort": "medium"},
        context_management={"edits": []},
        safeguards=["x"],
        metadata={"user_id": '{"device_id":"d"}'},
        tools=[WEATHER, {"name": "DeferredToolPlaceholder", "defer_loading": True, "input_schema": {"type": "object"}}],
    )
    got = post(
        router.url, asked, "/v1/messages?beta=true", **{"anthropic-beta": "a-1,b-2", "anthropic-version": "2026-10-21"}
    )
    assert check_grammar(got.events) == "stop"
    sent = upstream.chats[0].json
    assert [tool["function"]["name"] for tool in sent["tools"]] == ["get_weather"]
    assert "billing" not in json.dumps(sent)
    assert "a reminder" in json.dumps(sent)


@pytest.mark.parametrize("name", ["x-api-key", "authorization"])
def test_both_kinds_of_client_key_are_taken(router: Router, upstream: Upstream, name: str) -> None:
    """Old and new SDKs send their key in different headers."""
    got = post(router.url, body(), **{name: "Bearer dummy" if name == "authorization" else "dummy"})
    assert got.status == 200


def test_tokens_are_counted_without_the_upstream(client: anthropic.Anthropic, upstream: Upstream) -> None:
    """`count_tokens` is our estimate: more text, more tokens; nothing is sent."""
    short = client.messages.count_tokens(model="m", messages=HI).input_tokens
    long = client.messages.count_tokens(
        model="m", messages=[{"role": "user", "content": "hello world " * 500}]
    ).input_tokens
    assert 0 < short < long
    assert 500 < long < 3_000
    assert not upstream.received


def test_models_are_listed(client: anthropic.Anthropic, upstream: Upstream) -> None:
    """`models.list` names what the configuration offers."""
    listed = list(client.models.list())
    assert any("fake-model" in model.id for model in listed)


def test_sixty_four_streams_at_once(router: Router, upstream: Upstream) -> None:
    """Streams at the same time do not mix."""
    import asyncio

    def echo(request: Received) -> Answer:
        return Say("answer to " + request.json["messages"][-1]["content"], pause_s=0.002)(request)

    upstream.always(echo)

    async def all_at_once() -> list[str]:
        async with anthropic.AsyncAnthropic(base_url=router.url, api_key="dummy", max_retries=0) as client:

            async def one(number: int) -> str:
                async with client.messages.stream(
                    model="m", max_tokens=64, messages=[{"role": "user", "content": f"question {number}"}]
                ) as stream:
                    return await stream.get_final_text()

            return await asyncio.gather(*map(one, range(64)))

    assert asyncio.run(all_at_once()) == [f"answer to question {number}" for number in range(64)]
