"""Messages requests become `generateContent`: every rule a row, whole requests as goldens, promises as properties."""

from __future__ import annotations

import json
from typing import Any

import pytest
from google.genai import types
from hypothesis import given
from hypothesis import strategies as st

from providers.dialects.gemini.requests import encode
from providers.dialects.seams import Unencodable
from tests.conftest import Golden
from tests.providers.dialects.asking import BASE, REQUESTS, ask_of, lost_of, row_ask, rows
from tests.providers.dialects.conversations import MESSAGES, TOOLS

ROWS = rows("gemini_requests")
MODEL = "gemini-2.5-flash"


def ask(row: dict[str, Any]) -> Any:
    return row_ask(row, "gemini", MODEL)


@pytest.mark.parametrize("row", ROWS, ids=[row["name"] for row in ROWS])
def test_a_rule_of_the_translation(row: dict[str, Any]) -> None:
    """What the row says is sent, absent and lost is exactly so."""
    encoded = encode(ask(row))
    body = json.loads(encoded.body)
    assert {name: body.get(name) for name in row.get("sent", {})} == row.get("sent", {})
    assert [name for name in row.get("absent", ()) if name in body] == []
    assert lost_of(encoded) == row.get("lost", {})
    assert encoded.tool_names == row.get("tool_names", {})
    if "url" in row:
        assert f"{encoded.path}?{encoded.query}" == row["url"]


@pytest.mark.parametrize("row", ROWS, ids=[row["name"] for row in ROWS])
def test_the_official_types_accept_what_is_sent(row: dict[str, Any]) -> None:
    """Each content, tool and option is of the types of the official package, which know no other members."""
    check_body(json.loads(encode(ask(row)).body))


def check_body(body: dict[str, Any]) -> None:
    for content in body["contents"]:
        types.Content.model_validate(content)
    if "systemInstruction" in body:
        types.Content.model_validate(body["systemInstruction"])
    for tool in body.get("tools", ()):
        types.Tool.model_validate(tool)
    types.ToolConfig.model_validate(body.get("toolConfig", {}))
    types.GenerationConfig.model_validate(body.get("generationConfig", {}))
    for setting in body.get("safetySettings", ()):
        types.SafetySetting.model_validate(setting)


@pytest.mark.parametrize("model", [MODEL, "gemini-3-pro-preview"])
@pytest.mark.parametrize(
    "name", ["claude-code-1.0-main", "claude-code-1.0-search", "claude-code-2.1-main", "claude-code-2.1-history"]
)
def test_a_whole_request_of_the_client(name: str, model: str, golden: Golden) -> None:
    """A request as the real client sends it, its translation and what is lost, per generation of models."""
    beta = {"anthropic-beta": "claude-code-20250219,fine-grained-tool-streaming-2025-05-14"}
    encoded = encode(ask_of((REQUESTS / f"{name}.json").read_bytes(), headers=beta, kind="gemini", name=model))
    check_body(json.loads(encoded.body))
    produced = {
        "url": f"{encoded.path}?{encoded.query}",
        "body": json.loads(encoded.body),
        "lost": {f"{lost.field}: {lost.why}": lost.count for lost in encoded.lost},
        "toolNames": dict(encoded.tool_names),
    }
    golden.json(f"gemini/{name}.{model}.json", produced)


def test_equal_requests_are_equal_bytes() -> None:
    """The order of members is fixed, so that an upstream's prompt cache can match."""
    body = (REQUESTS / "claude-code-2.1-history.json").read_bytes()
    assert encode(ask_of(body, kind="gemini")).body == encode(ask_of(body, kind="gemini")).body


def test_headers_say_json_and_what_kind_of_answer_is_wanted() -> None:
    """Headers of ours are added; the credential comes later."""
    headers = dict(
        encode(ask_of({**BASE, "stream": True}, kind="gemini", settings={"extraHeaders": {"x-a": "b"}})).headers
    )
    assert headers == {"content-type": "application/json", "accept": "text/event-stream", "x-a": "b"}


def test_a_request_without_bottom_is_refused_or_emptied() -> None:
    """A schema nested beyond what can be written never raises anything but `Unencodable`."""
    deep = '{"properties":{"a":' * 400 + "{}" + "}}" * 400
    body = f'{{"model":"m","max_tokens":1,"messages":[],"tools":[{{"name":"f","input_schema":{deep}}}]}}'
    for schema in ("subset", "json"):
        try:
            encode(ask_of(body.encode(), kind="gemini", settings={"toolSchema": schema}))
        except Unencodable as refusal:
            assert refusal.error.kind.name == "bad_request"  # noqa: PT017 - either outcome is right


@given(MESSAGES, st.sampled_from([MODEL, "gemini-3-pro-preview"]), st.sampled_from(["reminder", "leading"]))
def test_any_conversation_becomes_a_valid_one(conversation: list[dict[str, Any]], model: str, mode: str) -> None:
    """Roles alternate, no content is empty, and the calls of a turn are answered in the next one, each once and in order."""
    asked = ask_of(
        {**BASE, "messages": conversation, "tools": TOOLS},
        kind="gemini",
        name=model,
        settings={"midConversationSystem": mode},
    )
    contents = json.loads(encode(asked).body)["contents"]
    waiting: list[tuple[str, str]] = []
    before = ""
    for content in contents:
        types.Content.model_validate(content)
        assert content["role"] != before
        before = content["role"]
        answers = [part["functionResponse"] for part in content["parts"] if "functionResponse" in part]
        calls = [part["functionCall"] for part in content["parts"] if "functionCall" in part]
        assert [(one["id"], one["name"]) for one in answers] == waiting
        waiting = [(one["id"], one["name"]) for one in calls]
        assert content["parts"]
        assert len(set(waiting)) == len(waiting)
        assert not (model != MODEL and calls) or any("thoughtSignature" in part for part in content["parts"])
    assert waiting == []
