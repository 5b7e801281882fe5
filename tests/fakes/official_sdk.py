"""What the official SDKs make of a reply: of Anthropic's also in one process, without a socket."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import anthropic
import httpx2 as httpx  # the SDK's own HTTP library, installed with it
from anthropic.types import Message, MessageParam, TextBlock, ToolUseBlock

if TYPE_CHECKING:
    from openai.types.chat import ChatCompletionMessage, ChatCompletionMessageFunctionToolCall

HI: list[MessageParam] = [{"role": "user", "content": "hi"}]


class _Answers:
    """A transport that answers every request with the same bytes."""

    def __init__(self) -> None:
        self.body = b""
        self.content_type = ""

    def __call__(self, request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, headers={"content-type": self.content_type}, content=self.body)


@lru_cache(maxsize=1)
def _client() -> tuple[anthropic.Anthropic, _Answers]:
    answers = _Answers()
    transport = httpx.Client(transport=httpx.MockTransport(answers))
    client = anthropic.Anthropic(api_key="dummy", base_url="http://127.0.0.1:9", http_client=transport, max_retries=0)
    return client, answers


def final_message(client: anthropic.Anthropic, asked: Mapping[str, Any], *, stream: bool) -> Message:
    """The whole answer to a Messages request, however it comes."""
    if not stream:
        message: Message = client.messages.create(**asked)
        return message
    with client.messages.stream(**asked) as events:
        return events.get_final_message()


def after_results(client: anthropic.Anthropic, asked: Mapping[str, Any], first: Message) -> Message:
    """The next turn, once every call of the first answer has had its result (`sunny`)."""
    results = [{"type": "tool_result", "tool_use_id": call.id, "content": "sunny"} for call in tool_uses(first)]
    turns = [*HI, {"role": "assistant", "content": first.content}, {"role": "user", "content": results}]
    return final_message(client, {**asked, "messages": turns}, stream=False)


def accumulated(stream: bytes) -> dict[str, Any]:
    """The message that the SDK accumulates from a stream. Raises what it raises: `anthropic.APIStatusError` at an error event."""
    client, answers = _client()
    answers.body, answers.content_type = stream, "text/event-stream; charset=utf-8"
    with client.messages.stream(model="claude-test", max_tokens=100, messages=HI) as events:
        return plain(events.get_final_message())


def parsed(message: bytes) -> dict[str, Any]:
    """A message that is not streamed, as the SDK reads it."""
    client, answers = _client()
    answers.body, answers.content_type = message, "application/json"
    return plain(client.messages.create(model="claude-test", max_tokens=100, messages=HI))


def plain(message: anthropic.BaseModel) -> dict[str, Any]:
    """The SDK's message as JSON values, without members that are null and the SDK's own additions."""
    values: dict[str, Any] = _without_nulls(message.model_dump(mode="json", warnings=False))
    return values


def text_of(message: Message) -> str:
    """The text that a message begins with."""
    block = message.content[0]
    assert isinstance(block, TextBlock)
    return block.text


def tool_uses(message: Message) -> list[ToolUseBlock]:
    """The calls of a message."""
    return [block for block in message.content if isinstance(block, ToolUseBlock)]


def function_calls(message: ChatCompletionMessage) -> list[ChatCompletionMessageFunctionToolCall]:
    """The calls of a chat completion's message, all of which must be of functions."""
    calls = message.tool_calls or []
    found = [call for call in calls if call.type == "function"]
    assert len(found) == len(calls)
    return found


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nulls(item) for key, item in value.items() if item is not None and key != "parsed_output"}
    return [_without_nulls(item) for item in value] if isinstance(value, list) else value
