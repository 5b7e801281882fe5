"""Sessions that are answered by another dialect in each turn, through both official clients: calls, results and thinking survive."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from typing import Any

import anthropic
import openai
import pytest

from tests.fakes.official_sdk import final_message, function_calls, tool_uses
from tests.fakes.router import Router
from tests.fakes.speakers import SPEAKERS
from tests.fakes.upstream import Call

pytestmark = pytest.mark.e2e

LONG = "mcp__" + "x" * 70
SCHEMA = {"type": "object", "properties": {"p": {"type": "string"}}}
TOOLS: list[dict[str, Any]] = [
    {"name": name, "description": "d", "input_schema": SCHEMA} for name in ("Read", LONG, "a.b")
]
FUNCTIONS = [{"type": "function", "function": {"name": "Read", "parameters": SCHEMA}}]
OF_THE_VENDOR = "c2lnbmVk"
CLAUDE = ("anthropic", "bedrock")


class Stage:
    """All fakes, each as a provider of one router."""

    def __init__(self, stack: ExitStack) -> None:
        self.fakes: Mapping[str, Any] = {name: stack.enter_context(one.fake()) for name, one in SPEAKERS.items()}
        providers: dict[str, Any] = {}
        environment: dict[str, str] = {}
        for name, speaker in SPEAKERS.items():
            provider = {"type": name, **speaker.provider(self.fakes[name].url)}
            provider["settings"] = {"models": [speaker.model], **provider.get("settings", {}), **SETTINGS.get(name, {})}
            providers[name] = provider
            environment |= speaker.environment
        configuration = {"providers": providers, "routing": {"defaultProvider": "openai"}}
        self.router = stack.enter_context(Router(configuration, environment=environment))

    def answer(self, name: str, turn: int, calls: list[Call]) -> None:
        """What the upstream of that dialect says now."""
        self.fakes[name].always(SPEAKERS[name].say(f"turn {turn}", calls, f"thought {turn}"))

    def sent_to(self, name: str) -> Any:
        """The last body that it got."""
        return json.loads(self.fakes[name].received[-1].body)


SETTINGS: Mapping[str, Mapping[str, Any]] = {
    "openai": {"thinkingHistory": "reasoning_content"},
    "gemini": {"thinking": "always"},
    "codewhisperer": {"thinking": "native"},
}


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with ExitStack() as stack:
        yield Stage(stack)


def hops(seed: int) -> Iterator[tuple[int, str, list[Call]]]:
    """The turns of a session: who answers, with which calls. Ids are such as upstreams give: their own way, and again and again."""
    rng = random.Random(seed)
    names = [name for name in SPEAKERS for _ in "ab"]
    rng.shuffle(names)
    for turn, name in enumerate(names):
        stems = [f"toolu_{turn}"] if name in CLAUDE else ["functions.Read:", "call_"]
        calls = [Call("Read", {"p": f"ü{turn}.{at}"}, f"{rng.choice(stems)}{at}") for at in range(3)]
        yield turn, name, calls[: rng.randint(0, 3)]


def no_foreign_thought_in(name: str, body: Any) -> bool:
    """Whether a body for a Claude model has the thinking of the vendor only, and nobody gets our marks."""
    blocks = [
        block for turn in body.get("messages", ()) if isinstance(turn["content"], list) for block in turn["content"]
    ]
    signed = {block.get("signature") for block in blocks if block["type"] == "thinking"}
    return "ccr:" not in json.dumps(body) and (name not in CLAUDE or signed <= {OF_THE_VENDOR})


@pytest.mark.parametrize("seed", range(3))
def test_a_session_of_messages_survives_every_switch(stage: Stage, seed: int) -> None:
    """Every upstream takes what the others have said; the client has each call once, and each upstream the last results."""
    turns: list[Any] = [{"role": "user", "content": "begin"}]
    given: set[str] = set()
    results: list[str] = []
    with anthropic.Anthropic(base_url=stage.router.url, api_key="dummy", max_retries=0, timeout=20) as client:
        for turn, name, calls in hops(seed):
            stage.answer(name, turn, calls)
            asked = {"model": f"{name},{SPEAKERS[name].model}", "max_tokens": 4000, "messages": turns, "tools": TOOLS}
            thinking = {"type": "enabled", "budget_tokens": 1024}
            message = final_message(client, {**asked, "thinking": thinking}, stream=turn % 2 == 0)
            uses = tool_uses(message)
            assert [(use.name, use.input) for use in uses] == [(call.name, call.arguments) for call in calls]
            assert given.isdisjoint(use.id for use in uses)
            given |= {use.id for use in uses}
            body = stage.sent_to(name)
            assert no_foreign_thought_in(name, body)
            at_hand = " ".join(SPEAKERS[name].results_in(body))
            assert [result for result in results if result not in at_hand] == []
            results = [f"result {turn}.{at}" for at in range(len(uses))]
            blocks = [
                {"type": "tool_result", "tool_use_id": use.id, "content": result}
                for use, result in zip(uses, results, strict=True)
            ]
            turns.append(
                {"role": "assistant", "content": [block.model_dump(exclude_none=True) for block in message.content]}
            )
            turns.append({"role": "user", "content": [*blocks, {"type": "text", "text": "go on"}]})


@pytest.mark.parametrize("seed", range(3))
def test_a_session_of_chat_completions_survives_every_switch(stage: Stage, seed: int) -> None:
    """The same for a client of that API, which sends back what it got, thinking included."""
    turns: list[Any] = [{"role": "developer", "content": "be brief"}, {"role": "user", "content": "begin"}]
    results: list[str] = []
    with openai.OpenAI(base_url=stage.router.url + "/v1", api_key="dummy", max_retries=0, timeout=20) as client:
        for turn, name, calls in hops(seed):
            stage.answer(name, turn, calls)
            asked: dict[str, Any] = {"model": f"{name},{SPEAKERS[name].model}", "messages": turns, "tools": FUNCTIONS}
            if turn % 2:
                message = client.chat.completions.create(**asked).choices[0].message
            else:
                with client.chat.completions.stream(**asked) as stream:
                    message = stream.get_final_completion().choices[0].message
            made = function_calls(message)
            assert [json.loads(call.function.arguments) for call in made] == [call.arguments for call in calls]
            body = stage.sent_to(name)
            assert no_foreign_thought_in(name, body)
            at_hand = " ".join(SPEAKERS[name].results_in(body))
            assert [result for result in results if result not in at_hand] == []
            results = [f"result {turn}.{at}" for at in range(len(made))]
            turns.append(message.model_dump(exclude_none=True))
            turns += [
                {"role": "tool", "tool_call_id": call.id, "content": result}
                for call, result in zip(made, results, strict=True)
            ]
            turns.append({"role": "user", "content": "go on"})
