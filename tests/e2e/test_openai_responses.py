"""A router with an `openai-responses` provider, against a fake that the official package takes for the service."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import anthropic
import openai
import pytest

from tests.e2e.asking import WEATHER, assert_tried_again, body, post
from tests.fakes.official_sdk import after_results, final_message, text_of, tool_uses
from tests.fakes.responses import ENCRYPTED, Respond, Responses
from tests.fakes.router import Router, only_provider
from tests.fakes.upstream import UPSTREAM_KEY, Call, failing

pytestmark = [pytest.mark.e2e, pytest.mark.usefixtures("fresh")]

MODEL = "gpt-test"
CALLS = (Call("get_weather", {"city": "Köln 😀"}, "call_1"), Call("get_weather", {"city": "Bonn"}, "call_2"))


@pytest.fixture(scope="module")
def service() -> Iterator[Responses]:
    with Responses() as service:
        yield service


@pytest.fixture(scope="module")
def router(service: Responses) -> Iterator[Router]:
    model = {"name": MODEL, "capabilities": ["tools", "images", "thinking", "webSearch"]}
    provider = {
        "type": "openai-responses",
        "endpoint": f"{service.url}/v1",
        "authentication": {"apiKey": UPSTREAM_KEY},
        "settings": {"models": [model]},
    }
    with Router(only_provider(provider, MODEL)) as router:
        yield router


@pytest.mark.parametrize("stream", [False, True])
def test_a_session_with_calls_goes_on_with_its_reasoning(
    client: anthropic.Anthropic, service: Responses, stream: bool
) -> None:
    """Summary, text and calls arrive; the results go back with the reasoning that the model wants to see again."""
    asked = body(tools=[WEATHER], thinking={"type": "enabled", "budget_tokens": 2048}, max_tokens=4096)
    service.then(Respond("Let me look.", CALLS, summary="Two cities."))
    first = final_message(client, asked, stream=stream)
    assert [block.type for block in first.content] == ["thinking", "text", "tool_use", "tool_use"]
    assert tool_uses(first)[0].input == {"city": "Köln 😀"}
    assert first.stop_reason == "tool_use"
    assert (first.usage.input_tokens, first.usage.cache_read_input_tokens, first.usage.output_tokens) == (20, 5, 7)

    assert text_of(after_results(client, asked, first)) == "ok"
    sent = service.received[-1].json["input"]
    assert [item["type"] for item in sent][1:4] == ["reasoning", "message", "function_call"]
    assert sent[1]["encrypted_content"] == ENCRYPTED


def test_a_search_is_the_services_own(client: anthropic.Anthropic, service: Responses) -> None:
    """The search tool becomes the service's, and what it found arrives as the result the client knows."""
    service.always(Respond("found", query="ccr", found=(("https://x.test/", "X"),)))
    message = client.messages.create(**body(tools=[{"type": "web_search_20250305", "name": "web_search"}]))
    assert [block.type for block in message.content] == ["server_tool_use", "web_search_tool_result", "text"]
    assert message.content[2].citations[0].title == "X"
    assert service.received[0].json["tools"] == [{"type": "web_search"}]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("fault", [failing(429, retry_after="0"), failing(503), Respond()], ids=["429", "503", "empty"])
def test_a_fault_before_the_first_word_is_tried_again(
    router: Router, service: Responses, fault: Any, stream: bool
) -> None:
    """The client sees nothing of it."""
    service.then(fault)
    assert_tried_again(router.url, service, stream=stream)


def test_a_stream_without_its_end_is_an_error(router: Router, service: Responses) -> None:
    """What was said stays said, and nothing is sent twice."""
    service.then(Respond("some words", unfinished=True))
    got = post(router.url, body(stream=True))
    assert got.events[-1]["type"] == "error"
    assert len(service.received) == 1


def test_a_reply_that_the_room_ended(client: anthropic.Anthropic, service: Responses) -> None:
    """`max_tokens` is what the client knows it by."""
    service.then(Respond("some", incomplete="max_output_tokens"))
    assert client.messages.create(**body()).stop_reason == "max_tokens"


def test_the_official_client_reads_the_fake(service: Responses) -> None:
    """The fake is one that OpenAI's own package takes for the service, streamed and whole."""
    service.always(Respond("hello", CALLS, summary="hm"))
    with openai.OpenAI(base_url=f"{service.url}/v1", api_key=UPSTREAM_KEY, max_retries=0) as client:
        whole = client.responses.create(model=MODEL, input=[{"type": "message", "role": "user", "content": "hi"}])
        with client.responses.stream(
            model=MODEL, input=[{"type": "message", "role": "user", "content": "hi"}]
        ) as stream:
            streamed = stream.get_final_response()
    assert whole.output_text == streamed.output_text == "hello"
    assert [item.type for item in streamed.output] == ["reasoning", "message", "function_call", "function_call"]
