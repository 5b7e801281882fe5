"""Requests that pass through: the bytes that came, but for what must change."""

from __future__ import annotations

import json
from typing import Any

import pytest
from msgspec.structs import replace

from providers.dialects.anthropic.refused import MOST, RefusedThoughts
from providers.dialects.anthropic.requests import encode, mended
from providers.dialects.anthropic.settings import Options
from providers.dialects.seams import Ask
from providers.errors import KINDS, ProviderError
from providers.messages.signatures import issuer_of, marked
from providers.spec import ModelSpec
from schemas.request import BadRequest
from tests.providers.dialects.anthropic.asks import BASE, HI, ask_of

ODD = (
    b' {\n "messages" : [ {"role":"user","content":"gr\\u00fc\\u00df \xf0\x9f\x8c\x8d \\ud83d\\ude00","unknown":1.0e2} ],\r\n'
    b'"tools":[{"name":"t","input_schema":{"model":"claude-x","properties":{"model":{"type":"string"}}}}],'
    b' "max_tokens":  10 , "future_field" : {"model":"claude-x", "n": 123456789012345678901234567890},'
    b'"system":[{"type":"text","text":"x-anthropic-billing-header: a"},{"type":"text","text":"\\"model\\":\\"claude-x\\"",'
    b'"cache_control":{"type":"ephemeral","ttl":"1h"}}],"metadata":null,"mod\\u0065l"\t:\t"claude-x","stream":true}\n'
)


def test_a_request_whose_model_stays_is_sent_byte_for_byte() -> None:
    """Order, white space, escapes, numbers and unknown fields are those of the client."""
    assert encode(ask_of(ODD)).body == ODD


@pytest.mark.parametrize("model", ["other", 'with "quotes" and \\', "größe/模型", "claude-x[1m]"])
def test_only_the_model_is_spliced(model: str) -> None:
    """The top-level `model`, however its name is written, and none of the nested ones."""
    at = ODD.rindex(b'"claude-x"')
    wanted = ODD[:at] + json.dumps(model, ensure_ascii=False).encode() + ODD[at + len(b'"claude-x"') :]
    assert encode(ask_of(ODD, model=model)).body == wanted


def test_lone_surrogates_pass_too() -> None:
    """What we replace for ourselves reaches the upstream as it came."""
    body = b'{"model":"claude-x","max_tokens":1,"x\\ud800":"\\udfff","messages":[{"role":"user","content":"a\xed\xa0\x80b"}]}'
    assert encode(ask_of(body, model="m")).body == body.replace(b'"claude-x"', b'"m"')


@pytest.mark.parametrize("second", [b'"model":"b"', b'"m\\u006fdel":"b"', b'"max_tokens":2', b'"model" : "claude-x"'])
def test_a_member_given_twice_is_refused(second: bytes) -> None:
    """We would route by one of them and the upstream could read the other."""
    with pytest.raises(BadRequest, match="given twice"):
        ask_of(b'{"model":"claude-x","max_tokens":1,"messages":[{"role":"user","content":"hi"}],' + second + b"}")


CLIENT = {
    "host": "127.0.0.1:3456",
    "content-length": "99",
    "content-type": "application/json",
    "accept": "application/json",
    "accept-encoding": "gzip, br",
    "connection": "keep-alive, x-only-for-this-hop",
    "x-only-for-this-hop": "1",
    "keep-alive": "timeout=5",
    "te": "trailers",
    "authorization": "Bearer client-token",
    "x-api-key": "client-key",
    "cookie": "a=b",
    "proxy-authorization": "Basic x",
    "x-forwarded-for": "10.0.0.1",
    "x-ccr-hop": "abc",
    "x-ccr-key": "router-key",
    "user-agent": "claude-cli/2.1.330 (external, sdk-cli)",
    "anthropic-version": "2026-10-21",
    "anthropic-beta": "claude-code-20250219,future-thing-2027-01-01,oauth-2025-04-20",
    "anthropic-workspace-id": "wrkspc_1",
    "anthropic-dangerous-direct-browser-access": "true",
    "x-claude-code-session-id": "s",
    "x-stainless-lang": "js",
    "x-app": "cli",
    "x-whatever": "kept",
}
PASSING = (
    "content-type",
    "accept",
    "user-agent",
    "anthropic-version",
    "anthropic-workspace-id",
    "anthropic-dangerous-direct-browser-access",
    "x-claude-code-session-id",
    "x-stainless-lang",
    "x-app",
    "x-whatever",
)


def test_headers_are_an_open_list() -> None:
    """All pass but what belongs to this hop, to us, or proves who the client is; the login's beta goes with the login only."""
    found = encode(ask_of(BASE, headers=CLIENT))

    expected = {name: CLIENT[name] for name in PASSING}
    assert found.headers == {**expected, "anthropic-beta": "claude-code-20250219,future-thing-2027-01-01"}
    assert [(lost.field, lost.count) for lost in found.lost] == [("header.anthropic-beta", 1)]


def test_a_forwarded_login_keeps_its_beta() -> None:
    """With `forward` the pair of token and beta stays together; the credentials themselves are added for the instance."""
    found = encode(ask_of(BASE, headers=CLIENT, forward=True))

    assert found.headers["anthropic-beta"] == CLIENT["anthropic-beta"]
    assert found.lost == ()
    assert not {"authorization", "x-api-key"} & set(found.headers)


def test_a_client_without_headers_gets_a_version() -> None:
    """The vendor refuses requests without one."""
    assert encode(ask_of(BASE)).headers == {"content-type": "application/json", "anthropic-version": "2023-06-01"}
    assert "anthropic-beta" not in encode(ask_of(BASE, headers={"anthropic-beta": "oauth-2025-04-20"})).headers


def test_settings_headers_win() -> None:
    """`extraHeaders` stand over the client's, whatever their case."""
    found = encode(ask_of(BASE, headers={"x-app": "cli"}, settings={"extraHeaders": {"X-App": "ccr"}}))
    assert found.headers["x-app"] == "ccr"


@pytest.mark.parametrize(("path", "url"), [("messages", "/v1/messages"), ("count_tokens", "/v1/messages/count_tokens")])
def test_path_and_query(path: str, url: str) -> None:
    """The client's query goes along, and each path to its own."""
    found = encode(ask_of({"model": "m", "max_tokens": 1, "messages": [HI]}, path=path, query="beta=true"))
    assert (found.path, found.query) == (url, "beta=true")


SIGNED = {"type": "thinking", "thinking": "a", "signature": "c2lnbmVk"}
UNSIGNED = {"type": "thinking", "thinking": "b", "signature": ""}
BARE = {"type": "thinking", "thinking": "c"}
HIDDEN = {"type": "redacted_thinking", "data": "ZGF0YQ=="}
MARKED = {"type": "thinking", "thinking": "d", "signature": marked(issuer_of("gemini", "g"), "Eq0")}
TEXT = {"type": "text", "text": "t"}
CALL = {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {"a": 1.0}}
RESULT = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": "ok"}]}


def turn(*blocks: dict[str, Any]) -> dict[str, Any]:
    return {"role": "assistant", "content": list(blocks)}


@pytest.mark.parametrize(
    ("history", "kept", "lost"),
    [
        ([HI, turn(SIGNED, TEXT), HI], None, {}),
        ([HI, turn(SIGNED, HIDDEN, CALL), RESULT], None, {}),
        ([HI, turn(UNSIGNED, TEXT), HI], [HI, turn(TEXT), HI], {"messages.content.thinking": 1}),
        ([HI, turn(BARE, UNSIGNED, CALL), RESULT], [HI, turn(CALL), RESULT], {"messages.content.thinking": 2}),
        ([HI, turn(SIGNED, UNSIGNED, TEXT), HI], [HI, turn(SIGNED, TEXT), HI], {"messages.content.thinking": 1}),
        ([HI, turn(UNSIGNED), HI], [HI, HI], {"messages.content.thinking": 1}),
        ([HI, turn(MARKED, TEXT), HI], [HI, turn(TEXT), HI], {"messages.content.thinking": 1}),
        ([HI, {"role": "assistant", "content": "plain"}, HI], None, {}),
    ],
    ids=["signed", "signed-and-hidden", "unsigned", "two", "mixed", "nothing-left", "marked", "string"],
)
def test_unsigned_thinking_is_left_out_and_signed_never(
    history: list[dict[str, Any]], kept: list[dict[str, Any]] | None, lost: dict[str, int]
) -> None:
    """What another dialect of ours gave has no valid signature; everything else is sent as it came."""
    ask = ask_of({**BASE, "messages": history})
    found = encode(ask)

    assert {one.field: one.count for one in found.lost} == lost
    if kept is None:
        assert found.body == ask.request.raw
    else:
        assert json.loads(found.body) == {**BASE, "messages": kept}


@pytest.mark.parametrize(
    ("endpoint", "settings", "keeps"),
    [
        ("https://api.anthropic.com", {}, False),
        ("https://api.deepseek.com/anthropic", {}, True),
        ("https://api.moonshot.ai/anthropic", {}, True),
        ("https://api.z.ai/api/anthropic", {}, True),
        ("https://api.deepseek.com/anthropic", {"unsignedThinking": "drop"}, False),
        ("http://127.0.0.1:3456", {"unsignedThinking": "keep"}, True),
        ("http://[broken", {"unsignedThinking": 7}, False),
    ],
)
def test_upstreams_that_want_unsigned_thinking_back_get_it(
    endpoint: str, settings: dict[str, Any], keeps: bool
) -> None:
    """By the endpoint's host, which is said, or by the setting."""
    ask = ask_of({**BASE, "messages": [HI, turn(UNSIGNED, TEXT), HI]}, endpoint=endpoint, settings=settings)
    found = encode(ask)

    assert (found.body == ask.request.raw) is keeps
    assert bool(found.notes) is (keeps and not settings)


INVALID = "messages.1.content.0: Invalid `signature` in `thinking` block"
EXPECTED = "messages.1.content.0.type: Expected `thinking` or `redacted_thinking`, but found `tool_use`. When `thinking` is enabled, a final `assistant` message must start with a thinking block"
ENABLED = {"type": "enabled", "budget_tokens": 2048}
CLEARING = {"edits": [{"type": "clear_thinking_20251015"}, {"type": "clear_tool_uses_20250919"}]}


@pytest.mark.parametrize(
    ("refusal", "more", "history", "wanted"),
    [
        (INVALID, {}, [HI, turn(SIGNED, TEXT), HI], {"messages": [HI, turn(TEXT), HI]}),
        (INVALID, {}, [HI, turn(HIDDEN, SIGNED, TEXT), HI], {"messages": [HI, turn(TEXT), HI]}),
        (
            INVALID,
            {"thinking": ENABLED},
            [HI, turn(SIGNED, CALL), RESULT],
            {"messages": [HI, turn(CALL), RESULT], "thinking": {"type": "disabled"}},
        ),
        (INVALID, {"thinking": ENABLED}, [HI, turn(SIGNED, TEXT), HI], {"messages": [HI, turn(TEXT), HI]}),
        (
            INVALID,
            {"thinking": {"type": "adaptive"}},
            [HI, turn(SIGNED, CALL), RESULT],
            {"messages": [HI, turn(CALL), RESULT]},
        ),
        (EXPECTED, {"thinking": ENABLED}, [HI, turn(CALL), RESULT], {"thinking": {"type": "disabled"}}),
        (EXPECTED, {"thinking": {"type": "adaptive"}}, [HI, turn(TEXT), HI], {"thinking": {"type": "disabled"}}),
        (
            EXPECTED,
            {"thinking": ENABLED, "context_management": CLEARING},
            [HI, turn(CALL), RESULT],
            {"thinking": {"type": "disabled"}, "context_management": {"edits": CLEARING["edits"][1:]}},
        ),
        (
            "messages.3.content.0: Invalid `data` in `redacted_thinking` block",
            {},
            [HI, turn(HIDDEN, TEXT), HI],
            {"messages": [HI, turn(TEXT), HI]},
        ),
        (
            "messages.5.content.1: `thinking` or `redacted_thinking` blocks in the latest assistant message cannot be modified.",
            {},
            [HI, turn(SIGNED, TEXT), HI],
            {"messages": [HI, turn(TEXT), HI]},
        ),
        ("Invalid signature in thinking block", {}, [HI, turn(SIGNED, TEXT), HI], {"messages": [HI, turn(TEXT), HI]}),
        (INVALID, {}, [HI], None),
        ("messages: text content blocks must be non-empty", {}, [HI, turn(SIGNED, TEXT), HI], None),
        ("thinking.budget_tokens: too small", {"thinking": ENABLED}, [HI, turn(SIGNED, TEXT), HI], None),
    ],
)
def test_a_refusal_of_thinking_is_mended_once(
    refusal: str, more: dict[str, Any], history: list[dict[str, Any]], wanted: dict[str, Any] | None
) -> None:
    """All thinking goes, and where the vendor then wants some, this call does not think; other refusals are no help."""
    body = {**BASE, **more, "messages": history}
    ask = ask_of(body)
    first = encode(ask)
    error = ProviderError(KINDS["bad_request"], f"`up` answered 400: {refusal}", status=400)
    found = mended(ask, first, error)

    if wanted is None:
        assert found is None
        return
    assert found is not None
    assert json.loads(found.encoded.body) == {**body, **wanted}
    assert found.encoded.lost != first.lost
    assert mended(ask, found.encoded, error) is None


def test_what_was_refused_is_left_out_of_later_turns_and_nothing_else() -> None:
    """One refusal a session and model, not one a turn; what the upstream itself signs afterwards stays."""
    options = RefusedThoughts()

    def asked(*history: dict[str, Any], model: str = "claude-x") -> Ask:
        ask = ask_of({**BASE, "thinking": ENABLED, "messages": [HI, *history, HI]}, model=model)
        return replace(ask, options=Options(refused=options))

    first = asked(turn(SIGNED, TEXT))
    assert mended(first, encode(first), ProviderError(KINDS["bad_request"], INVALID, status=400)) is not None

    own = {"type": "thinking", "thinking": "b", "signature": "of the upstream itself"}
    later = encode(asked(turn(SIGNED, TEXT), HI, turn(own, TEXT)))
    turns = [message["content"] for message in json.loads(later.body)["messages"] if message["role"] == "assistant"]
    assert turns == [[TEXT], [own, TEXT]]
    assert [one.field for one in later.lost] == ["messages.content.thinking"]
    called = encode(asked(turn(SIGNED, CALL), RESULT))
    assert json.loads(called.body)["thinking"] == {"type": "disabled"}
    assert SIGNED in json.loads(encode(asked(turn(SIGNED, TEXT), model="claude-y")).body)["messages"][1]["content"]


def test_thinking_that_is_missed_is_not_remembered_as_refused() -> None:
    """Such a refusal says nothing against the thoughts that are there."""
    options = Options()
    ask = replace(ask_of({**BASE, "thinking": ENABLED, "messages": [HI, turn(SIGNED, CALL), RESULT]}), options=options)
    error = ProviderError(
        KINDS["bad_request"], "Expected `thinking` or `redacted_thinking`, but found `tool_use`", status=400
    )
    assert mended(ask, encode(ask), error) is not None
    assert SIGNED in json.loads(encode(ask).body)["messages"][1]["content"]


def test_refused_thoughts_are_bounded() -> None:
    """The longest unseen goes first."""
    refused = RefusedThoughts()
    for number in range(MOST + 5):
        request = ask_of({**BASE, "messages": [HI, turn({**SIGNED, "signature": str(number)})]}).request
        refused.add_all(request, "m")
    first, last = (
        ask_of({**BASE, "messages": [HI, turn({**SIGNED, "signature": str(n)})]}).request for n in (0, MOST + 4)
    )
    assert not refused.ends(first, "m")
    assert refused.ends(last, "m")


def test_only_a_400_is_mended() -> None:
    """The same words under another status are another matter."""
    ask = ask_of({**BASE, "messages": [HI, turn(SIGNED, TEXT), HI]})
    assert mended(ask, encode(ask), ProviderError(KINDS["server"], INVALID, status=500)) is None


IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aGk="}}
PDF = {"type": "document", "title": "T", "source": {"type": "base64", "media_type": "application/pdf", "data": "aGk="}}
NOTE = {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "words"}}
TOOL = {"name": "f", "input_schema": {"type": "object"}}
SEEN = {
    "role": "user",
    "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": [TEXT, IMAGE], "is_error": True}],
}


def model_with(*capabilities: str, most: int | None = None) -> ModelSpec:
    return ModelSpec("claude-x", max_output_tokens=most, capabilities=frozenset(capabilities))


def said(text: str) -> dict[str, Any]:
    return {"role": "user", "content": [{"type": "text", "text": text}]}


@pytest.mark.parametrize(
    ("spec", "ask", "wanted", "lost"),
    [
        (ModelSpec("claude-x"), {"messages": [{"role": "user", "content": [IMAGE, PDF]}], "tools": [TOOL]}, None, {}),
        (ModelSpec("claude-x", max_output_tokens=4096), {}, None, {}),
        (ModelSpec("claude-x", max_output_tokens=100), {}, {"max_tokens": 100}, {"max_tokens": 1}),
        (
            ModelSpec("claude-x", max_output_tokens=2000),
            {"thinking": ENABLED},
            {"max_tokens": 2000, "thinking": {"type": "enabled", "budget_tokens": 1999}},
            {"max_tokens": 1, "thinking.budget_tokens": 1},
        ),
        (
            ModelSpec("claude-x", max_output_tokens=1000),
            {"thinking": ENABLED, "context_management": {"edits": CLEARING["edits"][:1]}},
            {"max_tokens": 1000, "thinking": None, "context_management": None},
            {"max_tokens": 1, "thinking": 1},
        ),
        (
            model_with("tools"),
            {"thinking": {"type": "adaptive"}, "output_config": {"effort": "high"}},
            {"thinking": None, "output_config": None},
            {"thinking": 1, "output_config.effort": 1},
        ),
        (
            model_with("tools"),
            {"messages": [{"role": "user", "content": [IMAGE, TEXT]}]},
            {"messages": [{"role": "user", "content": [{"type": "text", "text": "[an image was here, but this model takes no images]"}, TEXT]}]},
            {"messages.content.image": 1},
        ),
        (
            model_with("tools"),
            {"messages": [HI, turn(CALL), SEEN]},
            {
                "messages": [
                    HI,
                    turn(CALL),
                    {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": [TEXT, {"type": "text", "text": "[an image was here, but this model takes no images]"}], "is_error": True}]},
                ]
            },
            {"messages.content.image": 1},
        ),
        (
            model_with("tools", "images"),
            {"messages": [{"role": "user", "content": [PDF]}]},
            {"messages": [said("[document: T]\n[its content was here, but this model takes no documents]")]},
            {"messages.content.document": 1},
        ),
        (
            model_with("tools", "images"),
            {"messages": [{"role": "user", "content": [NOTE]}]},
            {"messages": [said("[document]\nwords")]},
            {"messages.content.document": 1},
        ),
        (
            model_with("images"),
            {"tools": [TOOL, TOOL], "tool_choice": {"type": "auto"}, "messages": [HI, turn(CALL), RESULT]},
            {
                "tools": None,
                "tool_choice": None,
                "messages": [
                    HI,
                    turn({"type": "text", "text": '[called the tool `f` with {"a": 1.0}]'}),
                    said("[the tool answered:]\nok"),
                ],
            },
            {"tools": 2, "messages.content.tool_use": 1, "messages.content.tool_result": 1},
        ),
    ],
)  # fmt: skip
def test_what_a_listed_model_does_not_take(
    spec: ModelSpec, ask: dict[str, Any], wanted: dict[str, Any] | None, lost: dict[str, int]
) -> None:
    """Clamped, left out or told in words, and listed; without capabilities nothing is touched."""
    body = {**BASE, **ask}
    asked = ask_of(body, spec=spec)
    found = encode(asked)

    assert {one.field: one.count for one in found.lost} == lost
    if wanted is None:
        assert found.body == asked.request.raw
        return
    expected = {name: value for name, value in {**body, **wanted}.items() if value is not None}
    assert json.loads(found.body) == expected
