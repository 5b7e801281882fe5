"""Every dialect's fake behind one face: how it is configured, what it says, and the tool results that reach it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol

from tests.fakes import bedrock, gemini, upstream
from tests.fakes.anthropic_upstream import AnthropicUpstream, Reply
from tests.fakes.codewhisperer import TOKEN, CodeWhisperer, Speak
from tests.fakes.responses import Respond, Responses
from tests.fakes.router import only_provider
from tests.fakes.upstream import UPSTREAM_KEY, Call, Say
from tests.fakes.wire import Answer, Received, Responder


class Fake(AbstractContextManager[Any], Protocol):
    """What all fakes can do."""

    url: str
    received: list[Received]

    def always(self, answer: Responder | Answer) -> None: ...


@dataclass(frozen=True, slots=True)
class Speaker:
    """A fake of one dialect.

    `provider` is the section that a configuration for its URL has, `model` a name it takes; `say` makes an answer of a text, calls
    and a thought (None where the dialect's fake has none to give); `results_in` are the tool results in a body, oldest first.
    """

    dialect: str
    fake: Callable[[], Any]
    model: str
    provider: Callable[[str], dict[str, Any]]
    say: Callable[[str, Sequence[Call], str | None], Responder]
    results_in: Callable[[Any], list[str]]
    environment: Mapping[str, str] = field(default_factory=dict)

    def configuration(self, url: str) -> dict[str, Any]:
        """A whole configuration with one provider, `up`."""
        provider = {"type": self.dialect, **self.provider(url)}
        provider.setdefault("settings", {}).setdefault("models", [self.model])
        return only_provider(provider, self.model)


def _in_pieces(answer: Callable[..., Responder]) -> Callable[[str, Sequence[Call], str | None], Responder]:
    return lambda text, calls, thought: answer(text, tuple(calls), thought, fragment=3)


def _keyed(path: str, key: str = UPSTREAM_KEY) -> Callable[[str], dict[str, Any]]:
    return lambda url: {"endpoint": url + path, "authentication": {"apiKey": key}}


def _openai_results(body: Any) -> list[str]:
    return [json.dumps(message["content"]) for message in body["messages"] if message["role"] == "tool"]


def _anthropic_results(body: Any) -> list[str]:
    contents = [message["content"] for message in body["messages"] if isinstance(message["content"], list)]
    return [json.dumps(block["content"]) for content in contents for block in content if block["type"] == "tool_result"]


def _codewhisperer_results(body: Any) -> list[str]:
    """Those that the current message brings: older ones are history."""
    current = body["conversationState"]["currentMessage"]["userInputMessage"]
    results = current.get("userInputMessageContext", {}).get("toolResults", [])
    return [json.dumps(result["content"]) for result in results]


def _gemini_results(body: Any) -> list[str]:
    parts = [part for content in body["contents"] for part in content["parts"]]
    return [json.dumps(part["functionResponse"]["response"]) for part in parts if "functionResponse" in part]


def _responses_results(body: Any) -> list[str]:
    return [json.dumps(item["output"]) for item in body["input"] if item["type"] == "function_call_output"]


SPEAKERS: Mapping[str, Speaker] = {
    speaker.dialect: speaker
    for speaker in (
        Speaker("openai", upstream.Upstream, "fake-model", _keyed("/v1"), _in_pieces(Say), _openai_results),
        Speaker("anthropic", AnthropicUpstream, "claude-fake", _keyed(""), _in_pieces(Reply), _anthropic_results),
        Speaker(
            "bedrock",
            bedrock.Bedrock,
            "claude",
            lambda url: {
                "endpoint": url,
                "settings": {"region": bedrock.REGION, "modelIds": {"claude": bedrock.MODEL}},
            },
            lambda text, calls, thought: bedrock.Invoke(text, tuple(calls), fragment=3),
            _anthropic_results,
            bedrock.ENVIRONMENT,
        ),
        Speaker(
            "codewhisperer",
            CodeWhisperer,
            "claude-sonnet-4.5",
            lambda url: {"endpoint": url, "authentication": {"token": TOKEN}},
            _in_pieces(Speak),
            _codewhisperer_results,
        ),
        Speaker(
            "gemini",
            gemini.Gemini,
            "gemini-3-pro-preview",
            _keyed("/v1beta", gemini.KEY),
            _in_pieces(gemini.Reply),
            _gemini_results,
        ),
        Speaker(
            "openai-responses",
            Responses,
            "gpt-test",
            lambda url: {
                "endpoint": f"{url}/v1",
                "authentication": {"apiKey": UPSTREAM_KEY},
                "settings": {"models": [{"name": "gpt-test", "capabilities": ["tools", "images", "thinking"]}]},
            },
            _in_pieces(Respond),
            _responses_results,
        ),
    )
}
