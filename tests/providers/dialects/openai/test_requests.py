"""Messages requests become Chat Completions requests: every rule a row, whole requests as goldens, promises as properties."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.dialects.openai import conversation as openai_conversation
from providers.dialects.openai import messages as openai_messages
from providers.dialects.openai.requests import encode
from providers.dialects.seams import Encoded, Unencodable
from tests.conftest import Golden
from tests.providers.dialects.asking import BASE, REQUESTS, ask_of, row_ask, rows

ROWS = rows("openai_requests")


def lost_of(encoded: Encoded) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for lost in encoded.lost:
        counts[lost.field] += lost.count
    return dict(counts)


@pytest.mark.parametrize("row", ROWS, ids=[row["name"] for row in ROWS])
def test_a_rule_of_the_translation(row: dict[str, Any]) -> None:
    """What the row says is sent, absent and lost is exactly so."""
    encoded = encode(row_ask(row))
    body = json.loads(encoded.body)
    assert {name: body.get(name) for name in row.get("sent", {})} == row.get("sent", {})
    assert [name for name in row.get("absent", ()) if name in body] == []
    assert lost_of(encoded) == row.get("lost", {})
    assert encoded.tool_names == row.get("tool_names", {})


TARGETS: dict[str, dict[str, Any]] = {
    "local": {},
    "openai": {"endpoint": "https://api.openai.com/v1", "model": {"capabilities": ["tools", "images", "thinking"]}},
    "gemini": {"endpoint": "https://generativelanguage.googleapis.com/v1beta"},
    "deepseek": {"endpoint": "https://api.deepseek.com", "model": {"capabilities": ["tools", "thinking"]}},
}


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize(
    "name", ["claude-code-1.0-main", "claude-code-1.0-background", "claude-code-2.1-main", "claude-code-2.1-history"]
)
def test_a_whole_request_of_the_client(name: str, target: str, golden: Golden) -> None:
    """A request as the real client sends it, its translation and what is lost, per kind of upstream."""
    beta = {"anthropic-beta": "claude-code-20250219,fine-grained-tool-streaming-2025-05-14"}
    encoded = encode(ask_of((REQUESTS / f"{name}.json").read_bytes(), headers=beta, **TARGETS[target]))
    produced = {
        "body": json.loads(encoded.body),
        "lost": {f"{lost.field}: {lost.why}": lost.count for lost in encoded.lost},
        "notes": list(encoded.notes),
        "toolNames": dict(encoded.tool_names),
    }
    golden.json(f"openai/{name}.{target}.json", produced)


def test_equal_requests_are_equal_bytes() -> None:
    """The order of members is fixed, so that an upstream's prompt cache can match."""
    body = (REQUESTS / "claude-code-2.1-history.json").read_bytes()
    assert encode(ask_of(body)).body == encode(ask_of(body)).body


def test_a_schema_that_fits_is_passed_on_byte_for_byte() -> None:
    """Key order and spacing of a tool's schema stay, since they are part of the prompt."""
    schema = b'{ "type":"object",  "properties":{"b":{"type":"string"}, "a":{}} }'
    body = b'{"model":"m","max_tokens":1,"messages":[],"tools":[{"name":"f","input_schema":' + schema + b"}]}"
    assert b'"parameters":' + schema in encode(ask_of(body)).body


def test_a_lone_surrogate_is_listed() -> None:
    """What was replaced on the way in is listed with what is lost on the way out."""
    body = b'{"model":"m","max_tokens":1,"messages":[{"role":"user","content":"a\\ud800b"}]}'
    assert lost_of(encode(ask_of(body))) == {"text": 1}


def test_the_path_and_headers() -> None:
    """The path is the API's own; the headers say JSON and what kind of answer is wanted."""
    whole = encode(ask_of(BASE, settings={"extraHeaders": {"x-title": "ccr"}}))
    assert whole.path == "/chat/completions"
    assert dict(whole.headers) == {"content-type": "application/json", "accept": "application/json", "x-title": "ccr"}
    assert encode(ask_of({**BASE, "stream": True})).headers["accept"] == "text/event-stream"


def test_defaults_taken_from_the_host_are_said() -> None:
    """What the dialect chose because of the endpoint's host is in the notes, and nothing is where a setting was written."""
    notes = encode(ask_of(BASE, endpoint="https://generativelanguage.googleapis.com/v1beta/chat/completions")).notes
    assert notes == ("`toolSchema` is `gemini` because the endpoint is `generativelanguage.googleapis.com`",)
    written = encode(
        ask_of(BASE, endpoint="https://generativelanguage.googleapis.com/", settings={"toolSchema": "plain"})
    )
    assert written.notes == ()


def test_a_schema_without_bottom_is_refused_or_emptied() -> None:
    """A schema nested beyond what can be written never raises anything but `Unencodable`."""
    deep = '{"properties":{"a":' * 400 + "{}" + "}}" * 400
    body = f'{{"model":"m","max_tokens":1,"messages":[],"tools":[{{"name":"f","input_schema":{deep}}}]}}'
    for endpoint in ("http://127.0.0.1:9/v1", "https://generativelanguage.googleapis.com/v1beta"):
        try:
            encode(ask_of(body.encode(), endpoint=endpoint))
        except Unencodable as refusal:
            assert refusal.error.kind.name == "bad_request"  # noqa: PT017 - either outcome is right


texts = st.text(max_size=8)
ids = st.sampled_from(["a", "b", "c", "x" * 50])
tool_names = st.sampled_from(["f", "g", "n" * 80, "a.b", "ü"])
text_blocks = st.builds(lambda text: {"type": "text", "text": text}, texts)
images = st.just({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "QQ=="}})
thoughts = st.builds(lambda text: {"type": "thinking", "thinking": text, "signature": ""}, texts)
calls = st.builds(lambda call, name: {"type": "tool_use", "id": call, "name": name, "input": {}}, ids, tool_names)
results = st.builds(
    lambda call, content, error: {"type": "tool_result", "tool_use_id": call, "content": content, "is_error": error},
    ids,
    st.one_of(texts, st.none(), st.lists(st.one_of(text_blocks, images), max_size=2)),
    st.booleans(),
)
odd = st.sampled_from([{"type": "brand_new"}, {"type": "container_upload", "file_id": "f"}])
blocks = st.lists(st.one_of(text_blocks, images, thoughts, calls, results, odd), max_size=5)
messages = st.lists(
    st.builds(
        lambda role, content: {"role": role, "content": content},
        st.sampled_from(["user", "assistant", "user", "assistant", "system"]),
        st.one_of(texts, blocks),
    ),
    max_size=8,
)


@given(
    messages,
    st.sampled_from(["system", "reminder", "leading"]),
    st.sampled_from(["drop", "reasoning_content", "reasoning_details"]),
)
def test_any_conversation_becomes_a_valid_one(conversation: list[dict[str, Any]], mode: str, history: str) -> None:
    """Each call is followed at once by one tool message with its id, no tool message stands alone, user and assistant alternate."""
    settings = {"midConversationSystem": mode, "thinkingHistory": history}
    tools = [{"name": "f", "input_schema": {}}, {"name": "n" * 80, "input_schema": {"type": "object"}}]
    encoded = encode(ask_of({**BASE, "messages": conversation, "tools": tools}, settings=settings))
    sent = json.loads(encoded.body)["messages"]
    waiting: list[str] = []
    before = ""
    for message in sent:
        if message["role"] == "tool":
            assert message["tool_call_id"] == waiting.pop(0)
        else:
            assert waiting == []
        if message["role"] in ("user", "assistant"):
            assert message["role"] != before
        waiting += [call["id"] for call in message.get("tool_calls", ())]
        assert len(set(waiting)) == len(waiting)
        assert all(len(call["function"]["name"]) <= 64 for call in message.get("tool_calls", ()))
        before = message["role"]
    assert waiting == []


def _none(_: object) -> None:
    return None


@given(messages, st.sampled_from(["system", "reminder", "leading"]))
def test_what_is_plain_takes_a_shorter_way_to_the_same(conversation: list[dict[str, Any]], mode: str) -> None:
    """Turns and results that are one text are sent as they are when they take the way of all others."""
    ask = ask_of({**BASE, "messages": conversation}, settings={"midConversationSystem": mode})
    shorter = encode(ask)
    with patch.object(openai_messages, "_only_text", _none), patch.object(openai_conversation, "_plain_result", _none):
        longer = encode(ask)

    assert (shorter.body, shorter.lost) == (longer.body, longer.lost)


@given(messages)
def test_what_vanishes_is_listed(conversation: list[dict[str, Any]]) -> None:
    """Kinds of blocks that leave no trace are exactly those in the list of what is lost."""
    encoded = encode(ask_of({**BASE, "messages": conversation}))
    flat = [block for message in conversation if isinstance(message["content"], list) for block in message["content"]]
    lost = lost_of(encoded)
    for kind in ("thinking", "brand_new", "container_upload"):
        assert lost.get(f"messages.content.{kind}", 0) == sum(block["type"] == kind for block in flat)
    calls_in_history = sum(
        block["type"] == "tool_use"
        for message in conversation
        if message["role"] == "assistant" and isinstance(message["content"], list)
        for block in message["content"]
    )
    sent = json.loads(encoded.body)["messages"]
    assert calls_in_history == sum(len(message.get("tool_calls", ())) for message in sent)
