"""Messages requests for the Responses API: every rule a row, whole requests as goldens, promises as properties."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.responses import ResponseInputItemParam, ToolParam
from openai.types.responses.response_create_params import (
    ResponseCreateParamsNonStreaming,
    ResponseCreateParamsStreaming,
    ToolChoice,
)
from openai.types.responses.response_text_config_param import ResponseTextConfigParam
from openai.types.shared_params import Reasoning
from pydantic import TypeAdapter

from providers.dialects.openai_responses.requests import encode
from providers.dialects.seams import Unencodable
from tests.conftest import Golden
from tests.providers.dialects.asking import BASE, REQUESTS, ask_of, lost_of, row_ask, rows
from tests.providers.dialects.conversations import MESSAGES, TOOLS

ROWS = rows("responses_requests")
KIND = "openai-responses"
ITEM: TypeAdapter[Any] = TypeAdapter(ResponseInputItemParam)
TOOL: TypeAdapter[Any] = TypeAdapter(ToolParam)
CHOICE: TypeAdapter[Any] = TypeAdapter(ToolChoice)
REASONING: TypeAdapter[Any] = TypeAdapter(Reasoning)
TEXT: TypeAdapter[Any] = TypeAdapter(ResponseTextConfigParam)
KNOWN = set(ResponseCreateParamsStreaming.__annotations__) | set(ResponseCreateParamsNonStreaming.__annotations__)


def check_body(body: dict[str, Any]) -> None:
    """Asserts that the types of the official package accept a body."""
    assert set(body) <= KNOWN
    for item in body["input"]:
        ITEM.validate_python(item)
    for tool in body.get("tools", ()):
        TOOL.validate_python(tool)
    for name, form in (("tool_choice", CHOICE), ("reasoning", REASONING), ("text", TEXT)):
        if name in body:
            form.validate_python(body[name])


@pytest.mark.parametrize("row", ROWS, ids=[row["name"] for row in ROWS])
def test_a_rule_of_the_translation(row: dict[str, Any]) -> None:
    """What the row says is sent, absent and lost is exactly so, and the official types accept it."""
    encoded = encode(row_ask(row, KIND))
    body = json.loads(encoded.body)
    assert {name: body.get(name) for name in row.get("sent", {})} == row.get("sent", {})
    assert [name for name in row.get("absent", ()) if name in body] == []
    assert lost_of(encoded) == row.get("lost", {})
    assert encoded.tool_names == row.get("tool_names", {})
    check_body(body)


@pytest.mark.parametrize("target", ["local", "openai"])
@pytest.mark.parametrize(
    "name", ["claude-code-1.0-main", "claude-code-1.0-search", "claude-code-2.1-main", "claude-code-2.1-history"]
)
def test_a_whole_request_of_the_client(name: str, target: str, golden: Golden) -> None:
    """A request as the real client sends it, its translation and what is lost, per kind of upstream."""
    beta = {"anthropic-beta": "claude-code-20250219,fine-grained-tool-streaming-2025-05-14"}
    where: dict[str, Any] = {}
    if target == "openai":
        capabilities = ["tools", "images", "thinking", "webSearch"]
        where = {"endpoint": "https://api.openai.com/v1", "model": {"capabilities": capabilities}}
    encoded = encode(ask_of((REQUESTS / f"{name}.json").read_bytes(), headers=beta, kind=KIND, **where))
    body = json.loads(encoded.body)
    check_body(body)
    produced = {
        "body": body,
        "lost": {f"{lost.field}: {lost.why}": lost.count for lost in encoded.lost},
        "notes": list(encoded.notes),
        "toolNames": dict(encoded.tool_names),
    }
    golden.json(f"openai_responses/{name}.{target}.json", produced)


def test_equal_requests_are_equal_bytes() -> None:
    """The order of members is fixed, so that an upstream's prompt cache can match."""
    body = (REQUESTS / "claude-code-2.1-history.json").read_bytes()
    assert encode(ask_of(body, kind=KIND)).body == encode(ask_of(body, kind=KIND)).body


def test_the_path_and_headers() -> None:
    """The path is the API's own; the headers say JSON and what kind of answer is wanted."""
    encoded = encode(ask_of({**BASE, "stream": True}, kind=KIND, settings={"extraHeaders": {"x-title": "ccr"}}))
    assert encoded.path == "/responses"
    headers = {"content-type": "application/json", "accept": "text/event-stream", "x-title": "ccr"}
    assert dict(encoded.headers) == headers


def test_a_request_without_bottom_is_refused_or_emptied() -> None:
    """A schema nested beyond what can be written never raises anything but `Unencodable`."""
    deep = '{"properties":{"a":' * 400 + "{}" + "}}" * 400
    body = f'{{"model":"m","max_tokens":1,"messages":[],"tools":[{{"name":"f","strict":true,"input_schema":{deep}}}]}}'
    for schema in ("plain", "strict"):
        try:
            encode(ask_of(body.encode(), kind=KIND, settings={"toolSchema": schema}))
        except Unencodable as refusal:
            assert refusal.error.kind.name == "bad_request"  # noqa: PT017 - either outcome is right


@given(MESSAGES, st.sampled_from(["developer", "reminder", "leading"]), st.booleans())
def test_any_conversation_becomes_a_valid_one(conversation: list[dict[str, Any]], mode: str, reasons: bool) -> None:
    """Every call is followed by its output before anything else is said, ids are unique, and reasoning is followed by something."""
    asked = ask_of(
        {**BASE, "messages": conversation, "tools": TOOLS},
        kind=KIND,
        settings={"midConversationSystem": mode, "reasoning": "always" if reasons else "never"},
    )
    items = json.loads(encode(asked).body)["input"]
    waiting: list[str] = []
    before = ""
    for item in items:
        ITEM.validate_python(item)
        match item["type"]:
            case "function_call":
                assert item["call_id"] not in waiting
                assert len(item["call_id"]) <= 64
                waiting.append(item["call_id"])
            case "function_call_output":
                assert item["call_id"] == waiting.pop(0)
            case "message" if item["role"] != "assistant":
                assert waiting == []
                assert before != "reasoning"
        before = item["type"]
    assert waiting == []
    assert before != "reasoning"
