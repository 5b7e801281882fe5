"""A router with a `gemini` provider, against a fake that checks bodies with the official package's types."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import anthropic
import pytest
from google import genai
from google.genai import types

from tests.e2e.asking import WEATHER, assert_tried_again, body, post
from tests.fakes.gemini import KEY, Gemini, Reply, limited, refused
from tests.fakes.official_sdk import after_results, final_message, text_of, tool_uses
from tests.fakes.router import Router, only_provider
from tests.fakes.upstream import Call

pytestmark = [pytest.mark.e2e, pytest.mark.usefixtures("fresh")]

MODEL = "gemini-3-pro-preview"
CALLS = (Call("get_weather", {"city": "Köln 😀"}, "call_1"), Call("get_weather", {"city": "Bonn"}, "call_2"))


@pytest.fixture(scope="module")
def service() -> Iterator[Gemini]:
    with Gemini() as service:
        yield service


@pytest.fixture(scope="module")
def router(service: Gemini) -> Iterator[Router]:
    provider = {
        "type": "gemini",
        "endpoint": service.endpoint,
        "authentication": {"apiKey": KEY},
        "settings": {"models": [MODEL]},
    }
    with Router(only_provider(provider, MODEL)) as router:
        yield router


@pytest.mark.parametrize("stream", [False, True])
def test_a_session_with_calls_goes_on_with_its_signatures(
    client: anthropic.Anthropic, service: Gemini, stream: bool
) -> None:
    """Thoughts, text and calls arrive; the results go back with the signature that the model wants to see again."""
    thinking = {"type": "enabled", "budget_tokens": 2048}
    asked = body(tools=[WEATHER], thinking=thinking, max_tokens=4096)
    service.then(Reply("Let me look.", CALLS, thought="Two cities."))
    first = final_message(client, asked, stream=stream)
    assert [block.type for block in first.content] == ["thinking", "text", "thinking", "tool_use", "tool_use"]
    assert tool_uses(first)[0].input == {"city": "Köln 😀"}
    assert first.stop_reason == "tool_use"
    assert (first.usage.input_tokens, first.usage.cache_read_input_tokens, first.usage.output_tokens) == (20, 5, 7)

    assert text_of(after_results(client, asked, first)) == "ok"
    assert len(service.received) == 2


def test_a_search_is_the_services_own(client: anthropic.Anthropic, service: Gemini) -> None:
    """The search tool becomes Google's, and what it found arrives as the result the client knows."""
    service.always(Reply("found", queries=("ccr",), found=(("https://x.test/", "X"),)))
    tools = [{"type": "web_search_20250305", "name": "web_search", "max_uses": 3}]
    message = client.messages.create(**body(tools=tools))
    assert [block.type for block in message.content] == ["text", "server_tool_use", "web_search_tool_result"]
    assert message.content[2].content[0].url == "https://x.test/"
    assert message.usage.server_tool_use.web_search_requests == 1
    assert service.received[0].json["tools"] == [{"googleSearch": {}}]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    "fault",
    [limited("0.1s"), refused(503, "UNAVAILABLE", "The model is overloaded."), Reply(), Reply(finish="OTHER")],
    ids=["limited", "overloaded", "empty", "other"],
)
def test_a_fault_before_the_first_word_is_tried_again(
    router: Router, service: Gemini, fault: Any, stream: bool
) -> None:
    """The client sees nothing of it."""
    service.then(fault)
    assert_tried_again(router.url, service, stream=stream)


def test_a_stream_without_its_end_is_an_error(router: Router, service: Gemini) -> None:
    """What was said stays said, and nothing is sent twice."""
    service.then(Reply("some words", unfinished=True))
    got = post(router.url, body(stream=True))
    assert got.events[-1]["type"] == "error"
    assert len(service.received) == 1


def test_a_prompt_that_is_too_long_reads_as_the_client_knows_it(router: Router, service: Gemini) -> None:
    """The client compacts when it reads this."""
    words = "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576)."
    service.then(refused(400, "INVALID_ARGUMENT", words))
    got = post(router.url, body())
    assert (got.status, got.json["error"]["type"]) == (400, "invalid_request_error")
    assert got.json["error"]["message"] == "prompt is too long: 1200000 tokens > 1048576 maximum"


def test_the_official_client_reads_the_fake(service: Gemini) -> None:
    """The fake is one that Google's own package takes for the service, streamed and whole."""
    service.always(Reply("hello", CALLS, thought="hm"))
    options = types.HttpOptions(base_url=service.url, api_version="v1beta")
    with genai.Client(api_key=KEY, vertexai=False, http_options=options) as client:
        whole = client.models.generate_content(model=MODEL, contents="hi")
        pieces = list(client.models.generate_content_stream(model=MODEL, contents="hi"))
    assert said_in(whole) == "hello"
    assert [call.name for call in whole.function_calls or ()] == ["get_weather", "get_weather"]
    assert "".join(map(said_in, pieces)) == "hello"


def said_in(answer: types.GenerateContentResponse) -> str:
    """The text of the only candidate, without thoughts."""
    (candidate,) = answer.candidates or []
    assert candidate.content is not None
    assert candidate.content.parts is not None
    return "".join(part.text for part in candidate.content.parts if part.text and not part.thought)
