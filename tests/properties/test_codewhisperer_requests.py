"""Any request becomes a body that breaks none of the service's rules, or is refused."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from providers.dialects.codewhisperer.dialect import CODEWHISPERER
from providers.dialects.seams import Ask, Encoded, Unencodable
from providers.errors import ProviderError
from providers.spec import ProviderSpec
from schemas.decode_request import decode_request
from tests.vectors.codewhisperer import cwvectors

IDS = st.sampled_from(["a", "b", "c", "call.1|x", "x" * 70, "x" * 71, ""])
NAMES = st.sampled_from(["Read", "read", "Bash", "a.b", "a_b", "1", "", "é", "n" * 64, "n" * 65, "n" * 66, "_"])
TEXTS = st.sampled_from(["", " ", "\n", "hello", "é 😀", "\ud83d", "Tool call: Bash({})", "x" * 300])
IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}}
ODD = [
    {"type": "image", "source": {"type": "url", "url": "https://example.invalid/a.png"}},
    {"type": "image", "source": {"type": "base64", "media_type": "image/tiff", "data": "!"}},
    {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0="}},
    {"type": "document", "source": {"type": "text", "data": "doc"}, "title": "T"},
    {"type": "document", "source": {"type": "content", "content": ["x", IMAGE]}},
    {"type": "search_result", "title": "t", "source": "s", "content": []},
    {"type": "tool_reference", "tool_name": "Read"},
    {"type": "web_search_tool_result", "content": [{"title": "t", "url": "u"}]},
    {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}},
    {"type": "redacted_thinking", "data": "x"},
    {"type": "from_the_future", "text": "t"},
    {"type": "from_the_future", "value": [1]},
    {},
]
TEXT_BLOCK = TEXTS.map(lambda text: {"type": "text", "text": text})
VALUE = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**60), 2**60), TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(TEXTS, inner, max_size=2)),
    max_leaves=4,
)
RESULT = st.builds(
    lambda call_id, content, failed: {
        "type": "tool_result",
        "tool_use_id": call_id,
        "content": content,
        "is_error": failed,
    },
    IDS,
    st.one_of(TEXTS, st.none(), st.lists(st.one_of(TEXT_BLOCK, st.just(IMAGE), st.sampled_from(ODD)), max_size=2)),
    st.sampled_from([True, False, None]),
)
CALL = st.builds(
    lambda call_id, name, given: {"type": "tool_use", "id": call_id, "name": name, "input": given},
    IDS,
    NAMES,
    st.dictionaries(TEXTS, VALUE, max_size=2),
)
THOUGHT = st.just({"type": "thinking", "thinking": "t", "signature": "s"})
USER = st.one_of(TEXTS, st.lists(st.one_of(TEXT_BLOCK, RESULT, st.just(IMAGE), st.sampled_from(ODD)), max_size=4))
ASSISTANT = st.one_of(TEXTS, st.lists(st.one_of(TEXT_BLOCK, CALL, THOUGHT, st.sampled_from(ODD)), max_size=4))
MESSAGE = st.one_of(
    st.builds(lambda content: {"role": "user", "content": content}, USER),
    st.builds(lambda content: {"role": "assistant", "content": content}, ASSISTANT),
    st.builds(lambda content: {"role": "system", "content": content}, st.one_of(TEXTS, st.just([]))),
)
SCHEMA = st.one_of(
    VALUE,
    st.fixed_dictionaries(
        {},
        optional={
            "type": st.sampled_from(["object", "string", None, ["object", "null"]]),
            "properties": st.one_of(st.none(), st.dictionaries(NAMES, VALUE, max_size=2)),
            "required": st.one_of(st.none(), st.lists(st.one_of(NAMES, st.integers()), max_size=2)),
            "additionalProperties": st.booleans(),
            "$schema": TEXTS,
            "$ref": st.sampled_from(["#", "#/$defs/A", "#/nowhere", 5]),
            "$defs": st.just({"A": {"$ref": "#/$defs/A", "anyOf": [{"$ref": "#"}]}}),
            "anyOf": st.one_of(st.none(), st.lists(st.one_of(VALUE, st.just({"$ref": "#/$defs/A"})), max_size=2)),
            "allOf": st.lists(st.just({"properties": {"x": {}}, "required": ["x"]}), max_size=2),
        },
    ),
)
TOOL = st.one_of(
    st.builds(
        lambda name, text, schema: {"name": name, "description": text, "input_schema": schema}, NAMES, TEXTS, SCHEMA
    ),
    st.sampled_from(
        [
            {"type": "web_search_20250305", "name": "web_search"},
            {"type": "bash_20250124", "name": "bash"},
            {"name": "bare"},
        ]
    ),
)
REQUEST = st.fixed_dictionaries(
    {"model": st.just("m"), "max_tokens": st.just(1), "messages": st.lists(MESSAGE, max_size=6)},
    optional={
        "system": st.one_of(TEXTS, st.lists(TEXT_BLOCK, max_size=2)),
        "tools": st.lists(TOOL, max_size=4),
        "tool_choice": st.sampled_from(
            [{"type": "auto"}, {"type": "none"}, {"type": "any"}, {"type": "tool", "name": "Read"}]
        ),
        "thinking": st.sampled_from(
            [{"type": "adaptive"}, {"type": "enabled", "budget_tokens": 1000}, {"type": "disabled"}]
        ),
    },
)
SETTINGS = st.fixed_dictionaries(
    {},
    optional={
        "systemMode": st.sampled_from(["pair", "prefix"]),
        "dialect": st.sampled_from(["rest", "json-rpc"]),
        "thinking": st.sampled_from(["off", "native", "simulated"]),
        "agentMode": st.just("vibe"),
    },
)
MODELS = st.sampled_from(["CLAUDE_SONNET_4_20250514_V1_0", "claude-opus-4.6", "some-model"])


@given(REQUEST, SETTINGS, MODELS)
@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_no_body_breaks_a_rule(request: dict[str, Any], settings_: dict[str, Any], model: str) -> None:
    """Calls and results pair up, turns alternate, names and schemas fit: whatever the client sent."""
    ask = Ask(
        request=decode_request(json.dumps(request).encode()),
        provider=ProviderSpec("cw", "codewhisperer", (), settings=settings_),
        model=model,
        model_spec=None,
        headers={},
        new_id=lambda: "0",
    )
    encoded = encoded_or_refusal(ask)
    event(type(encoded).__name__)
    if isinstance(encoded, ProviderError):
        assert encoded.kind.name == "bad_request"
        return
    body = json.loads(encoded.body)
    assert cwvectors.check_request(body) == []
    assert calls_in(body, encoded.tool_names) == calls_of(request)


def encoded_or_refusal(ask: Ask) -> Encoded | ProviderError:
    try:
        return CODEWHISPERER.encode(ask)
    except Unencodable as unencodable:
        return unencodable.error


def calls_of(request: dict[str, Any]) -> list[str]:
    """The names the client's history calls, in order."""
    blocks = [
        block
        for one in request["messages"]
        if one["role"] == "assistant" and isinstance(one["content"], list)
        for block in one["content"]
    ]
    return [block["name"] for block in blocks if block.get("type") == "tool_use"]


def calls_in(body: Any, restored: Any) -> list[str]:
    """The same, read from the body: no call was flattened, dropped or invented."""
    messages = body["conversationState"].get("history", [])
    uses = [use for one in messages for use in one.get("assistantResponseMessage", {}).get("toolUses", [])]
    return [restored.get(use["name"], use["name"]) for use in uses]
