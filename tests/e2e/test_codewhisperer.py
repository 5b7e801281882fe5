"""A router with a `codewhisperer` provider, against a fake that speaks the real binary protocol."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anthropic
import pytest

from tests.e2e.asking import WEATHER, assert_tried_again, body, post
from tests.fakes.codewhisperer import TOKEN, CodeWhisperer, Speak, exception, overloaded, refusal, throttled
from tests.fakes.official_sdk import after_results, final_message, text_of, tool_uses
from tests.fakes.router import Router, only_provider
from tests.fakes.upstream import Call
from tests.fakes.wire import Answer, Close, Received, cut

pytestmark = [pytest.mark.e2e, pytest.mark.usefixtures("fresh")]

MODEL = "CLAUDE_SONNET_4_20250514_V1_0"
ARN = "arn:aws:codewhisperer:us-east-1:123456789012:profile/ABCDEFGHIJKL"
CALLS = Call("get_weather", {"city": "Köln 😀"}, "tooluse_A1")


def token_file(token: str) -> str:
    members = {
        "accessToken": token,
        "expiresAt": "2099-01-01T00:00:00.123456789Z",
        "profileArn": ARN,
        "authMethod": "social",
    }
    return json.dumps(members)


@pytest.fixture(scope="module")
def service() -> Iterator[CodeWhisperer]:
    with CodeWhisperer() as service:
        yield service


@pytest.fixture(scope="module")
def token_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sso") / "kiro-auth-token.json"
    path.write_text(token_file(TOKEN))
    path.chmod(stat.S_IRUSR | stat.S_IWUSR)
    return path


@pytest.fixture(scope="module")
def router(service: CodeWhisperer, token_path: Path) -> Iterator[Router]:
    provider = {
        "type": "codewhisperer",
        "endpoint": service.url,
        "authentication": {"tokenPath": str(token_path)},
        "settings": {"models": [MODEL]},
    }
    with Router(only_provider(provider, MODEL)) as router:
        yield router


def test_text_and_a_call_arrive_whole_and_streamed(client: anthropic.Anthropic, service: CodeWhisperer) -> None:
    """The official client reads the same message from both forms."""
    service.always(Speak("Let me look.", (CALLS,), fragment=3))
    for stream in (False, True):
        message = final_message(client, body(tools=[WEATHER]), stream=stream)
        assert [block.type for block in message.content] == ["text", "tool_use"]
        (call,) = tool_uses(message)
        assert (call.id, call.input) == ("tooluse_A1", {"city": "Köln 😀"})
        assert message.stop_reason == "tool_use"
        assert message.usage.input_tokens > 0


def test_the_request_carries_token_profile_and_model(client: anthropic.Anthropic, service: CodeWhisperer) -> None:
    """The token file gives the bearer token and the profile; no header of ours is left over."""
    final_message(client, body(system="Be brief."), stream=False)
    (received,) = service.received
    assert received.headers["authorization"] == f"Bearer {TOKEN}"
    assert not [name for name in received.headers if "profile" in name]
    sent = received.json
    assert sent["profileArn"] == ARN
    assert sent["conversationState"]["currentMessage"]["userInputMessage"]["modelId"] == MODEL


def test_a_session_with_a_result_goes_on(client: anthropic.Anthropic, service: CodeWhisperer) -> None:
    """The call and its result go back as what they are, never as text."""
    asked = body(tools=[WEATHER])
    service.then(Speak(None, (CALLS,)))
    first = final_message(client, asked, stream=False)
    assert [block.type for block in first.content] == ["tool_use"]
    assert text_of(after_results(client, asked, first)) == "ok"
    state = service.bodies[-1]["conversationState"]
    assert state["history"][-1]["assistantResponseMessage"]["toolUses"][0]["name"] == "get_weather"
    results = state["currentMessage"]["userInputMessage"]["userInputMessageContext"]["toolResults"]
    assert results == [{"toolUseId": "tooluse_A1", "status": "success", "content": [{"text": "sunny"}]}]


BEFORE: list[tuple[str, Any]] = [
    ("throttled", throttled("0")),
    ("overloaded-in-the-stream", overloaded()),
    ("empty", Speak(None, stop_reason=None)),
    ("first-frame-damaged", Speak("never", flip=0)),
    ("reset-in-the-first-frame", lambda request: cut(Speak("never")(request), 150)),
]


@pytest.mark.parametrize("fault", [row[1] for row in BEFORE], ids=[row[0] for row in BEFORE])
@pytest.mark.parametrize("stream", [False, True])
def test_a_fault_before_the_first_word_is_tried_again(
    router: Router, service: CodeWhisperer, fault: Any, stream: bool
) -> None:
    """The client sees nothing of it."""
    service.then(fault)
    assert_tried_again(router.url, service, stream=stream)


def left_between_frames(request: Received) -> Answer:
    """All frames but the terminal ones, then the connection ends without the last chunk."""
    return (*Speak("some words", stop_reason=None)(request)[:-1], Close())


AFTER: list[tuple[str, Any, str]] = [
    ("damaged", Speak("some words", stop_reason=None, flip=1), "damaged"),
    ("cut", Speak("some words", stop_reason=None, cut_frame=30), "middle of a frame"),
    ("left-between-frames", left_between_frames, ""),
    (
        "exception",
        Speak("some words", stop_reason=None, extra=(exception("InternalServerException", message="boom"),)),
        "boom",
    ),
    ("cut-call", Speak("some words", (Call("get_weather", '{"city": "K'),), stop_reason=None), "get_weather"),
]


@pytest.mark.parametrize(("fault", "said"), [row[1:] for row in AFTER], ids=[row[0] for row in AFTER])
def test_a_fault_after_the_first_word_is_told(router: Router, service: CodeWhisperer, fault: Any, said: str) -> None:
    """The stream ends in an error event, not in a message that looks whole; nothing is sent twice."""
    service.then(fault)
    got = post(router.url, body(stream=True, tools=[WEATHER]))
    assert got.events[-1]["type"] == "error"
    assert said in got.events[-1]["error"]["message"]
    assert not [event for event in got.events if event["type"] == "message_stop"]
    assert len(service.received) == 1


REFUSALS: list[tuple[str, Answer, int, str, str]] = [
    (
        "too-long",
        refusal(400, "ValidationException", "Input is too long."),
        400,
        "invalid_request_error",
        "prompt is too long",
    ),
    (
        "malformed",
        refusal(400, "ValidationException", "Improperly formed request."),
        400,
        "invalid_request_error",
        "Improperly",
    ),
]


@pytest.mark.parametrize(
    ("answer", "status", "kind", "said"), [row[1:] for row in REFUSALS], ids=[row[0] for row in REFUSALS]
)
def test_a_refusal_is_the_client_s_to_read(
    router: Router, service: CodeWhisperer, answer: Answer, status: int, kind: str, said: str
) -> None:
    """It is Anthropic's error, in words that the client acts on, after one try."""
    service.then(answer)
    got = post(router.url, body())
    assert (got.status, got.json["error"]["type"]) == (status, kind)
    assert said in got.json["error"]["message"]
    assert len(service.received) == 1


def test_a_new_token_in_the_file_is_used(router: Router, service: CodeWhisperer, token_path: Path) -> None:
    """Another program's login while the router runs: the next request has the new token, without a restart."""
    service.tokens.clear()
    service.tokens.add("aoa-second-token")
    token_path.write_text(token_file("aoa-second-token"))
    try:
        assert post(router.url, body()).status == 200
    finally:
        service.tokens.add(TOKEN)
        token_path.write_text(token_file(TOKEN))
