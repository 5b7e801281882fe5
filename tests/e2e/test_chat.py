"""The official OpenAI client through the router, to an upstream of each dialect: the same rules, the same parts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest
from openai.types.chat import ChatCompletionFunctionToolParam, ChatCompletionMessageParam

from tests.e2e.asking import post
from tests.fakes import anthropic_upstream, codewhisperer, gemini
from tests.fakes.anthropic_upstream import AnthropicUpstream
from tests.fakes.codewhisperer import CodeWhisperer, Speak
from tests.fakes.gemini import Gemini
from tests.fakes.official_sdk import function_calls
from tests.fakes.router import Router
from tests.fakes.upstream import UPSTREAM_KEY, Call, Say, Upstream, failing

pytestmark = pytest.mark.e2e

HI: list[ChatCompletionMessageParam] = [{"role": "user", "content": "hello"}]
WEATHER: ChatCompletionFunctionToolParam = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather of a city.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
PATH = "/v1/chat/completions"


Upstreams = tuple[Upstream, AnthropicUpstream, CodeWhisperer, Gemini]


def configuration(chat: Upstream, messages: AnthropicUpstream, aws: CodeWhisperer, google: Gemini) -> dict[str, Any]:
    key = {"type": "bearer", "credentials": {"apiKey": UPSTREAM_KEY}}
    token = {"type": "bearer", "credentials": {"token": codewhisperer.TOKEN}}
    return {
        "providers": {
            "openai": {"type": "openai", "endpoint": chat.url, "authentication": key, "settings": {"models": ["o"]}},
            "anthropic": {
                "type": "anthropic",
                "endpoint": messages.url,
                "authentication": key,
                "settings": {"models": ["a", "claude-sonnet-4-5"]},
            },
            "codewhisperer": {
                "type": "codewhisperer",
                "endpoint": aws.url,
                "authentication": token,
                "settings": {"models": ["claude-sonnet-4.5"]},
            },
            "gemini": {
                "type": "gemini",
                "endpoint": google.url + "/v1beta",
                "authentication": {"type": "api_key", "credentials": {"apiKey": gemini.KEY}},
                "settings": {"models": ["gemini-2.5-flash"], "thinking": "always"},
            },
            "static": {
                "type": "static",
                "authentication": {"type": "none"},
                "settings": {"models": ["s"], "text": "static says"},
            },
        },
        "routing": {
            "defaultProvider": "openai",
            "customRules": [
                {
                    "name": "forbidden",
                    "condition": {"model": "forbidden"},
                    "target": {"reject": {"status": 403, "message": "no"}},
                }
            ],
        },
    }


@pytest.fixture(scope="module")
def upstreams() -> Iterator[Upstreams]:
    with Upstream() as chat, AnthropicUpstream() as messages, CodeWhisperer() as aws, Gemini() as google:
        yield chat, messages, aws, google


@pytest.fixture(scope="module")
def router(upstreams: Upstreams) -> Iterator[Router]:
    with Router(configuration(*upstreams)) as router:
        yield router


@pytest.fixture
def client(router: Router) -> Iterator[openai.OpenAI]:
    """The official client, which never retries."""
    with openai.OpenAI(base_url=router.url + "/v1", api_key="dummy-client-key", max_retries=0, timeout=20) as client:
        yield client


TARGETS = ("openai,o", "anthropic,a", "codewhisperer,claude-sonnet-4.5", "gemini,gemini-2.5-flash")


def script(
    upstreams: Upstreams, text: str | None = None, calls: tuple[Call, ...] = (), reasoning: str | None = None
) -> None:
    """Lets every upstream give the same reply, each in its own words."""
    chat, messages, aws, google = upstreams
    chat.always(Say(text, calls, reasoning))
    aws.always(Speak(text, calls, reasoning))
    messages.always(anthropic_upstream.Reply(text, calls, reasoning))
    google.always(gemini.Reply(text, calls, reasoning))


def streamed(client: openai.OpenAI, **asked: Any) -> dict[str, Any]:
    """What the SDK makes of a stream: the message, why it ended, and the counts."""
    with client.chat.completions.stream(**asked, stream_options={"include_usage": True}) as stream:
        for _ in stream:
            pass
        return stream.get_final_completion().model_dump()


CALLS = (Call("get_weather", {"city": "Zürich"}, "call_a"), Call("get_weather", {"city": "Bern"}, "call_b"))
REPLIES: dict[str, dict[str, Any]] = {
    "text": {"text": "grüße, 世界 🌍"},
    "a call": {"calls": CALLS[:1]},
    "text and two calls": {"text": "looking", "calls": CALLS},
    "thinking": {"text": "so it is", "reasoning": "let me see"},
}


@pytest.mark.parametrize("says", REPLIES.values(), ids=REPLIES)
@pytest.mark.parametrize("model", TARGETS)
def test_streamed_and_whole_replies_say_the_same(
    client: openai.OpenAI,
    upstreams: Upstreams,
    model: str,
    says: dict[str, Any],
) -> None:
    """The SDK's accumulated stream equals the whole completion, which says what the upstream said, through any dialect."""
    script(upstreams, **says)
    asked: dict[str, Any] = {"model": model, "messages": HI, "tools": [WEATHER], "reasoning_effort": "high"}
    whole = client.chat.completions.create(**asked).model_dump()
    flowing = streamed(client, **asked)
    assert said(flowing) == said(whole)
    assert flowing["usage"] == whole["usage"]
    calls = [call.arguments for call in says.get("calls", ())]
    assert said(whole) == {
        "content": says.get("text"),
        "thinking": says.get("reasoning"),
        "calls": calls,
        "finish": "tool_calls" if calls else "stop",
        "model": model,
    }


def said(completion: dict[str, Any]) -> dict[str, Any]:
    """What of a completion is the upstream's, without what the SDK adds to either form."""
    (choice,) = completion["choices"]
    message = choice["message"]
    return {
        "content": message["content"],
        "thinking": message.get("reasoning_content"),
        "calls": [json.loads(call["function"]["arguments"]) for call in message["tool_calls"] or ()],
        "finish": choice["finish_reason"],
        "model": completion["model"],
    }


@pytest.mark.parametrize("model", TARGETS)
def test_a_tool_round_trip(client: openai.OpenAI, upstreams: Upstreams, model: str) -> None:
    """A call comes out, its result goes in, the answer follows: through every dialect."""
    script(upstreams, calls=CALLS)
    first = client.chat.completions.create(model=model, messages=HI, tools=[WEATHER])
    calls = function_calls(first.choices[0].message)
    assert [call.function.name for call in calls] == ["get_weather", "get_weather"]
    script(upstreams, text="sunny")
    results = [{"role": "tool", "tool_call_id": call.id, "content": f"21 degrees by {call.id}"} for call in calls]
    history: list[Any] = [*HI, first.choices[0].message, *results]
    second = client.chat.completions.create(model=model, messages=history, tools=[WEATHER])
    assert (second.choices[0].message.content, second.choices[0].finish_reason) == ("sunny", "stop")
    received = [upstream.received[-1] for upstream in upstreams if upstream.received]
    sent = max(received, key=lambda one: "degrees by" in one.body.decode()).body.decode()
    assert all(f"21 degrees by {call.id}" in sent for call in calls)


def test_an_upstream_of_the_messages_api_gets_a_body_of_it(client: openai.OpenAI, upstreams: Upstreams) -> None:
    """Instructions, limits, thinking by generation and sampling are as that API demands, and what changed is in a header."""
    script(upstreams, text="ok")
    answer = client.chat.completions.with_raw_response.create(
        model="anthropic,claude-sonnet-4-5",
        messages=[{"role": "developer", "content": "be brief"}, *HI],
        reasoning_effort="low",
        temperature=1.5,
        seed=7,
        max_tokens=4000,
    )
    sent = upstreams[1].messages[-1]
    assert sent.json == {
        "model": "claude-sonnet-4-5",
        "max_tokens": 4000,
        "system": [{"type": "text", "text": "be brief"}],
        "messages": [{"role": "user", "content": [{"type": "text", "text": "hello"}]}],
        "thinking": {"type": "enabled", "budget_tokens": 2048},
    }
    assert sent.headers["anthropic-version"]
    assert not [name for name in sent.headers if name.startswith(("openai-", "x-stainless-"))]
    assert answer.headers["x-ccr-lossy"] == "seed*1, reasoning_effort*1, temperature*1"
    assert answer.headers["x-request-id"] == answer.headers["request-id"]


def test_without_a_limit_a_chat_upstream_gets_none(client: openai.OpenAI, upstreams: Upstreams) -> None:
    """The limit that a Messages request must have is ours, so an upstream that needs none is not told of it."""
    script(upstreams, text="ok")
    client.chat.completions.create(model="openai,o", messages=HI)
    assert "max_tokens" not in upstreams[0].chats[-1].json


def test_what_a_client_sent_is_saved_and_replayed(upstreams: Upstreams, tmp_path: Path) -> None:
    """With the members that only its API has, through the running router and without one."""
    script(upstreams, calls=CALLS)
    saving = {**configuration(*upstreams), "debug": {"saveRequests": {"folder": str(tmp_path)}}}
    asked: Any = {
        "model": "openai,o",
        "messages": HI,
        "tools": [WEATHER],
        "seed": 7,
        "logit_bias": {"5": -1},
        "stop": "x",
    }
    with Router(saving) as first, openai.OpenAI(base_url=first.url + "/v1", api_key="dummy", max_retries=0) as client:
        list(client.chat.completions.create(**asked, stream=True))
    sent = upstreams[0].chats[-1].json
    assert sent["seed"] == 7
    (saved,) = tmp_path.glob("*.json")
    with Router(configuration(*upstreams)) as second:
        for options in (["--port", str(second.port)], ["--config", str(second.config)]):
            count = len(upstreams[0].chats)
            result = second.run("replay", str(saved), *options)
            assert result.returncode == 0, result.stderr
            assert "no difference from what was saved" in result.stdout
            assert [one.json for one in upstreams[0].chats[count:]] == [sent]


def test_usage_comes_only_where_it_was_asked_for(router: Router, upstreams: Upstreams) -> None:
    """`include_usage` adds one chunk without choices before `[DONE]`; else no chunk speaks of usage."""
    script(upstreams, text="ok")
    asked = {"model": "openai,o", "messages": HI, "stream": True}
    plain = post(router.url, asked, PATH).data
    counted = post(router.url, {**asked, "stream_options": {"include_usage": True}}, PATH).data
    assert b"usage" not in plain
    assert plain.endswith(b"data: [DONE]\n\n")
    *_, last, done = counted.decode().strip().split("\n\n")
    assert done == "data: [DONE]"
    assert json.loads(last.removeprefix("data: "))["choices"] == []


ERRORS = {
    400: openai.BadRequestError,
    401: openai.AuthenticationError,
    404: openai.NotFoundError,
    429: openai.RateLimitError,
    500: openai.InternalServerError,
}


@pytest.mark.parametrize("status", ERRORS)
def test_an_upstream_error_is_told_in_the_clients_form(
    client: openai.OpenAI, upstreams: Upstreams, status: int
) -> None:
    """The SDK raises the exception of the status, with message and type."""
    upstreams[0].always(failing(status, "it went wrong"))
    with pytest.raises(ERRORS[status]) as raised:
        client.chat.completions.create(model="openai,o", messages=HI)
    assert isinstance(raised.value.body, dict)
    assert raised.value.body["message"]
    assert set(raised.value.body) == {"message", "type", "param", "code"}
    assert (raised.value.request_id or "").startswith("req_")


def test_what_the_router_refuses_is_told_in_the_clients_form(client: openai.OpenAI, router: Router) -> None:
    """A rule's refusal, a body that is wrong and a path that is not there are errors of that API."""
    with pytest.raises(openai.PermissionDeniedError, match="no"):
        client.chat.completions.create(model="forbidden", messages=HI)
    wrong: Any = [{"role": "user", "content": 3}]
    with pytest.raises(openai.BadRequestError) as raised:
        client.chat.completions.create(model="openai,o", messages=wrong)
    assert (raised.value.param, raised.value.code) == ("messages[0].content", "invalid_type")
    with pytest.raises(openai.NotFoundError, match="gone"):
        client.models.retrieve("gone")
    got = post(router.url, b"{", PATH)
    assert (got.status, got.json["error"]["type"]) == (400, "invalid_request_error")


def test_a_stream_that_breaks_ends_in_an_error(client: openai.OpenAI, router: Router, upstreams: Upstreams) -> None:
    """The SDK raises it; no `[DONE]` follows."""
    upstreams[0].always(Say("a long text that is cut", done=False, finish="error"))
    got = post(router.url, {"model": "openai,o", "messages": HI, "stream": True}, PATH)
    assert b"[DONE]" not in got.data
    with pytest.raises(openai.APIError):
        list(client.chat.completions.create(model="openai,o", messages=HI, stream=True))


def test_models_are_listed(client: openai.OpenAI) -> None:
    """Each is an id that may be asked for, and says whose it is."""
    rows = list(client.models.list())
    assert [(row.id, row.object, row.owned_by) for row in rows][:2] == [
        ("openai,o", "model", "openai"),
        ("anthropic,a", "model", "anthropic"),
    ]
    assert client.models.retrieve("openai,o").id == "openai,o"
