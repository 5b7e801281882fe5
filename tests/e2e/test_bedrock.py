"""A router with a `bedrock` provider, against a fake that checks signatures with botocore and speaks the binary stream."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import anthropic
import boto3
import openai
import pytest
from botocore.config import Config

from tests.e2e.asking import HI, WEATHER, assert_tried_again, body, post
from tests.fakes import bedrock
from tests.fakes.bedrock import BEARER, ENVIRONMENT, MODEL, REGION, Bedrock, Invoke, refused
from tests.fakes.official_sdk import after_results, final_message, text_of, tool_uses
from tests.fakes.router import Router
from tests.fakes.upstream import Call

pytestmark = [pytest.mark.e2e, pytest.mark.usefixtures("fresh")]

CALLS = (Call("get_weather", {"city": "Köln 😀"}, "toolu_bdrk_1"),)


@pytest.fixture(scope="module")
def service() -> Iterator[Bedrock]:
    with Bedrock() as service:
        yield service


@pytest.fixture(scope="module")
def router(service: Bedrock) -> Iterator[Router]:
    settings = {"region": REGION, "models": ["claude", "keyed"], "modelIds": {"claude": MODEL, "keyed": MODEL}}
    signed = {"type": "bedrock", "endpoint": service.url, "settings": settings}
    keyed = {**signed, "authentication": {"token": BEARER}}
    rules = {"default": {"provider": "signed", "model": "claude"}}
    config = {
        "providers": {"signed": signed, "keyed": keyed},
        "routing": {"defaultProvider": "signed", "rules": rules},
    }
    with Router(config, environment=ENVIRONMENT) as router:
        yield router


@pytest.mark.parametrize("model", ["claude-opus-5-5", "keyed,keyed"])
@pytest.mark.parametrize("stream", [False, True])
def test_a_session_with_a_call_goes_on(client: anthropic.Anthropic, service: Bedrock, stream: bool, model: str) -> None:
    """Signed or with a key of the service's own, the message arrives under the client's model name, and its result goes back."""
    asked = body(
        tools=[WEATHER],
        model=model,
        service_tier="auto",
        extra_headers={"anthropic-beta": "claude-code-1,context-1m-2025-08-07"},
    )
    service.then(Invoke("Let me look.", CALLS))
    first = final_message(client, asked, stream=stream)
    assert first.model == model
    assert [block.type for block in first.content] == ["text", "tool_use"]
    assert tool_uses(first)[0].input == {"city": "Köln 😀"}
    assert (first.usage.input_tokens, first.usage.cache_read_input_tokens, first.usage.output_tokens) == (25, 5, 7)
    assert text_of(after_results(client, asked, first)) == "ok"
    assert service.received[0].json["anthropic_beta"] == ["context-1m-2025-08-07"]
    assert "model" not in service.received[0].json


def test_a_client_of_chat_completions_is_served_too(router: Router, service: Bedrock) -> None:
    """The binary stream becomes parts for a client of another format."""
    service.always(Invoke("hello"))
    with openai.OpenAI(base_url=f"{router.url}/v1", api_key="dummy", max_retries=0) as client:
        told = client.chat.completions.create(model="gpt", messages=[{"role": "user", "content": "hi"}], stream=True)
        chunks = list(told)
    assert "".join(one.choices[0].delta.content or "" for one in chunks if one.choices) == "hello"


BEFORE: list[tuple[str, Any]] = [
    ("throttled", refused("ThrottlingException", "Too many requests")),
    ("unavailable", refused("ServiceUnavailableException")),
    ("expired", refused("ExpiredTokenException", "The security token included in the request is expired")),
]


@pytest.mark.parametrize("fault", [row[1] for row in BEFORE], ids=[row[0] for row in BEFORE])
@pytest.mark.parametrize("stream", [False, True])
def test_a_fault_before_the_first_word_is_tried_again(
    router: Router, service: Bedrock, fault: Any, stream: bool
) -> None:
    """The client sees nothing of it."""
    service.then(fault)
    assert_tried_again(router.url, service, stream=stream)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Invoke("some words", exception=("modelStreamErrorException", "boom")), "boom"),
        (Invoke("some words", exception=("throttlingException", "too fast")), "too fast"),
    ],
)
def test_an_exception_in_a_stream_is_told(router: Router, service: Bedrock, answer: Invoke, said: str) -> None:
    """The stream ends in an error event that says why, and nothing is sent twice."""
    service.then(answer)
    got = post(router.url, body(stream=True))
    assert got.events[-1]["type"] == "error"
    assert said in got.events[-1]["error"]["message"]
    assert len(service.received) == 1


def test_a_prompt_that_is_too_long_reads_as_the_client_knows_it(router: Router, service: Bedrock) -> None:
    """The client compacts when it reads this."""
    service.then(refused("ValidationException", "Input is too long for requested model."))
    got = post(router.url, body())
    assert got.status == 400
    assert got.json["error"]["message"].startswith("prompt is too long")


def test_the_official_clients_take_the_fake_for_the_service(service: Bedrock) -> None:
    """boto3 signs as the fake wants it and reads its stream; so does the vendor's own client."""
    keys = {
        "aws_access_key_id": bedrock.ACCESS_KEY,
        "aws_secret_access_key": bedrock.SECRET_KEY,
        "aws_session_token": bedrock.SESSION_TOKEN,
    }
    service.always(Invoke("hello"))
    config = Config(retries={"max_attempts": 0}, region_name=REGION)
    runtime = boto3.client("bedrock-runtime", endpoint_url=service.url, config=config, **keys)
    asked = '{"anthropic_version":"bedrock-2023-05-31","max_tokens":9,"messages":[]}'
    events = list(runtime.invoke_model_with_response_stream(modelId=MODEL, body=asked)["body"])
    assert b'"message_start"' in events[0]["chunk"]["bytes"]
    with (
        anthropic.AnthropicBedrock(
            base_url=service.url,
            aws_region=REGION,
            aws_access_key=bedrock.ACCESS_KEY,
            aws_secret_key=bedrock.SECRET_KEY,
            aws_session_token=bedrock.SESSION_TOKEN,
            max_retries=0,
        ) as client,
        client.messages.stream(model=MODEL, max_tokens=9, messages=HI) as stream,
    ):
        assert text_of(stream.get_final_message()) == "hello"
