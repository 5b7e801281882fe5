"""Chat Completions requests become Messages requests: every rule a row, what the SDK's types allow as a property."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from ruamel.yaml import YAML

from providers.chat.fit import fitted
from providers.chat.reading import BadChat
from providers.chat.request import chat_request
from providers.chat.written import as_written
from providers.dialects.losses import Losses
from providers.dialects.seams import Lost
from providers.dialects.table import dialect_of
from providers.spec import ModelSpec
from schemas.decode_request import decode_request
from schemas.request import BadRequest
from tests.providers.dialects.asking import ask_of

TABLE = Path(__file__).parent.parent.parent / "tables" / "chat_requests.yaml"
ROWS: list[dict[str, Any]] = YAML(typ="safe").load(TABLE.read_text(encoding="utf-8"))
BASE = {"model": "m", "max_tokens": 16, "messages": [{"role": "user", "content": "hi"}]}


def body_of(row: dict[str, Any]) -> bytes:
    members = {**BASE, **row["ask"]}
    return json.dumps({name: value for name, value in members.items() if value is not None}).encode()


def counted(lost: tuple[Lost, ...]) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for one in lost:
        counts[one.field] += one.count
    return dict(counts)


def ids_of(rows: list[dict[str, Any]]) -> list[str]:
    return [row["name"] for row in rows]


READ = [row for row in ROWS if "refused" not in row and "fit" not in row]
REFUSED = [row for row in ROWS if "refused" in row]
FITTED = [row for row in ROWS if "fit" in row]


@pytest.mark.parametrize("row", READ, ids=ids_of(READ))
def test_a_rule_of_the_reading(row: dict[str, Any]) -> None:
    """What the row says is made, absent and lost is exactly so, and the body made is a Messages body."""
    chat = chat_request(body_of(row))
    body = json.loads(chat.request.raw)
    assert {name: body.get(name) for name in row.get("made", {})} == row.get("made", {})
    assert [name for name in row.get("absent", ()) if name in body] == []
    assert counted(chat.lost) == row.get("lost", {})
    assert chat.request.chat_only == row.get("chatOnly", {})
    assert (chat.request.max_tokens is None) == (row.get("ask", {}).get("max_tokens", 16) is None)
    assert (chat.include_usage, chat.as_functions) == (row.get("includeUsage", False), row.get("asFunctions", False))
    assert decode_request(chat.request.raw).messages == chat.request.messages


@pytest.mark.parametrize("row", REFUSED, ids=ids_of(REFUSED))
def test_what_cannot_be_is_refused_with_its_place(row: dict[str, Any]) -> None:
    """The error names the member as the client wrote it, and says in a word what is wrong."""
    with pytest.raises(BadChat) as refused:
        chat_request(body_of(row))
    assert [refused.value.param, refused.value.code] == row["refused"]
    assert f"'{refused.value.param}'" in str(refused.value)


@pytest.mark.parametrize("row", FITTED, ids=ids_of(FITTED))
def test_a_messages_upstream_gets_what_it_takes(row: dict[str, Any]) -> None:
    """The body is changed for the target only as the row says, which is listed."""
    losses = Losses()
    request = fitted(chat_request(body_of(row)).request, row["fit"], ModelSpec("x", None, row.get("most")), losses)
    body = json.loads(request.raw)
    assert {name: body.get(name) for name in row.get("made", {})} == row.get("made", {})
    assert [name for name in row.get("absent", ()) if name in body] == []
    assert counted(losses.listed()) == row.get("lost", {})


ONLY_CHAT = {
    "seed": 0,
    "frequency_penalty": 1,
    "presence_penalty": 0,
    "logit_bias": {"1": 2},
    "service_tier": "flex",
    "verbosity": "low",
    "prompt_cache_retention": "24h",
    "response_format": {"type": "json_object"},
}
ASKING = {name for name in ONLY_CHAT if name != "presence_penalty"}
SAMPLERS = {"frequency_penalty", "logit_bias"}
JSON_ONLY = {"generationConfig": {"maxOutputTokens": 16, "seed": 0, "responseMimeType": "application/json"}}
VERBOSE_JSON = {"text": {"format": {"type": "json_object"}, "verbosity": "low"}}
SAME = {name: ONLY_CHAT[name] for name in ("service_tier", "prompt_cache_retention")}
TARGETS: list[tuple[str, dict[str, Any], dict[str, Any], set[str]]] = [
    ("openai", {}, ONLY_CHAT, set()),
    ("openai", {"structuredOutput": "drop"}, {"seed": 0}, {"response_format"}),
    ("openai", {"reasoningSampling": False, "reasoning": "always"}, {"seed": 0}, SAMPLERS),
    ("openai", {"extraBody": {"seed": 7}}, {"seed": 7}, set()),
    ("openai-responses", {}, SAME | VERBOSE_JSON, SAMPLERS | {"seed"}),
    (
        "openai-responses",
        {"structuredOutput": "drop"},
        {"text": {"verbosity": "low"}},
        SAMPLERS | {"seed", "response_format"},
    ),
    ("gemini", {}, JSON_ONLY, ASKING - {"seed", "response_format"}),
    ("anthropic", {}, {}, ASKING),
    ("bedrock", {}, {}, ASKING),
    ("codewhisperer", {}, {}, ASKING | {"max_tokens"}),
]


@pytest.mark.parametrize(("kind", "settings", "sent", "lost"), TARGETS)
def test_what_only_this_api_knows_goes_to_who_knows_it(
    kind: str, settings: dict[str, Any], sent: dict[str, Any], lost: set[str]
) -> None:
    """Each row: a kind of upstream, its settings, members of the body that it gets, and all that it does not get."""
    chat = chat_request(json.dumps({**BASE, **ONLY_CHAT}).encode())
    ask = ask_of(chat.request.raw, settings=settings, kind=kind, name="claude-sonnet-4")
    encoded = dialect_of(kind).encode(replace(ask, request=chat.request))

    assert chat.lost == ()
    assert {name: json.loads(encoded.body).get(name) for name in sent} == sent
    assert {one.field for one in encoded.lost} == lost


@pytest.mark.parametrize(
    ("member", "settings", "lost"),
    [
        ({"user": "u"}, {}, "user"),
        ({"stop": ["a", "b"]}, {"maxStopSequences": 1}, "stop"),
        ({"reasoning_effort": "low"}, {"reasoning": "never"}, "reasoning_effort"),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"schema": {}}}},
            {"structuredOutput": "json_object"},
            "response_format.schema",
        ),
        ({"top_k": 3}, {}, "top_k"),
    ],
)
def test_what_is_lost_has_the_name_that_the_client_wrote(
    member: dict[str, Any], settings: dict[str, Any], lost: str
) -> None:
    """Each row: a member of a chat request, settings of the upstream that does not get it as it is, and what is listed."""
    chat = chat_request(json.dumps({**BASE, **member}).encode())
    ask = ask_of(chat.request.raw, settings=settings)
    encoded = dialect_of("openai").encode(replace(ask, request=chat.request))

    assert {one.field for one in as_written(chat.request, encoded.lost)} == {lost}
    assert as_written(ask.request, encoded.lost) is encoded.lost


def test_a_messages_client_is_never_fitted() -> None:
    """What such a client wrote passes as it is."""
    request = decode_request(b'{"model": "m", "max_tokens": 1, "temperature": 7, "messages": []}')
    assert fitted(request, "claude-3-5-haiku", None, Losses()) is request


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"\xff", b'{"model": "m", "messages": 1e999}', b"[" * 100_000])
def test_what_is_no_request_is_refused(data: bytes) -> None:
    """Whatever comes is refused as the client's mistake."""
    with pytest.raises(BadRequest):
        chat_request(data)


def test_lone_surrogates_are_replaced_and_counted() -> None:
    """JSON allows them, UTF-8 does not."""
    chat = chat_request(b'{"model": "m", "messages": [{"role": "user", "content": "a\\ud800b"}]}')
    assert chat.request.replaced_surrogates == 1
    assert "a\ufffdb" in chat.request.raw.decode()


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.floats(-2, 2)
    | st.sampled_from(["", "x", "auto", "data:a;base64,b"]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["type", "text", "name", "url"]), inner, max_size=2)
    ),
    max_leaves=4,
)
PART = st.dictionaries(st.sampled_from(["type", "text", "image_url", "file", "refusal"]), JSON, max_size=3)
CALL = st.dictionaries(st.sampled_from(["id", "type", "function", "custom"]), JSON, max_size=4)
MESSAGE = st.fixed_dictionaries(
    {"role": st.sampled_from(["system", "developer", "user", "assistant", "tool", "function", "x"])},
    optional={
        "content": JSON | st.lists(PART, max_size=2),
        "tool_calls": JSON | st.lists(CALL, max_size=2),
        "function_call": JSON,
        "tool_call_id": JSON,
        "name": JSON,
        "cache_control": JSON,
        "reasoning_content": JSON,
    },
)
MEMBERS = [
    "tools", "tool_choice", "functions", "function_call", "stop", "reasoning_effort", "response_format", "temperature",
    "stream", "stream_options", "n", "web_search_options", "user", "parallel_tool_calls", "max_tokens", "other",
]  # fmt: skip


@settings(max_examples=150)
@given(JSON | st.lists(MESSAGE, max_size=4), st.dictionaries(st.sampled_from(MEMBERS), JSON, max_size=4))
def test_any_body_is_a_request_or_is_refused(messages: object, members: dict[str, Any]) -> None:
    """Nothing else is raised, and what is made decodes as a Messages body with turns in order."""
    try:
        chat = chat_request(json.dumps({"model": "m", "messages": messages, **members}).encode())
    except BadRequest:
        return
    roles = [message.role for message in decode_request(chat.request.raw).messages]
    assert roles
    assert all(before != after for before, after in itertools.pairwise(roles))
