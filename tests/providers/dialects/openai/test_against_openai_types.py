"""The official `openai` package as a judge: its own parameter types accept what we send."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from openai.types.chat import ChatCompletionMessageParam, ChatCompletionToolUnionParam
from openai.types.chat.completion_create_params import (
    CompletionCreateParamsNonStreaming,
    CompletionCreateParamsStreaming,
)
from pydantic import TypeAdapter

from providers.dialects.openai.requests import encode
from tests.providers.dialects.asking import REQUESTS, ask_of, row_ask, rows

# The members that only a setting or a host with its own format brings.
FOREIGN = {
    "reasoning",
    "thinking",
    "enable_thinking",
    "thinking_budget",
    "plugins",
    "top_k",
    "provider",
    "reasoning_split",
}
MESSAGE: TypeAdapter[Any] = TypeAdapter(ChatCompletionMessageParam)
TOOL: TypeAdapter[Any] = TypeAdapter(ChatCompletionToolUnionParam)
KNOWN = set(CompletionCreateParamsStreaming.__annotations__) | set(CompletionCreateParamsNonStreaming.__annotations__)


def bodies() -> Iterator[Any]:
    for row in rows("openai_requests"):
        yield pytest.param(lambda row=row: row_ask(row), id=row["name"])
    for path in sorted(REQUESTS.glob("claude-code-*.json")):
        kind = "count_tokens" if "count" in path.name else "messages"
        yield pytest.param(lambda path=path, kind=kind: ask_of(Path(path).read_bytes(), path=kind), id=path.stem)


@pytest.mark.parametrize("ask", list(bodies()))
def test_the_official_types_accept_what_is_sent(ask: Any) -> None:
    """Each message and tool is of the official types, and every member of the body is known there."""
    body = json.loads(encode(ask()).body)
    for message in body["messages"]:
        MESSAGE.validate_python(message)
    for tool in body.get("tools", ()):
        TOOL.validate_python(tool)
    assert set(body) - FOREIGN <= KNOWN
