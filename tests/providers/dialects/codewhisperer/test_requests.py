"""Request bodies against the vectors' expectations and rule checker."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from msgspec.structs import replace

from providers.dialects.codewhisperer.dialect import CODEWHISPERER
from providers.dialects.codewhisperer.requests import Sent
from providers.dialects.seams import Ask, Encoded, Unencodable
from providers.spec import ModelSpec, ProviderSpec
from schemas.decode_request import decode_request
from tests.vectors.codewhisperer import cwvectors

VECTORS = cwvectors.load("requests.json")
MODEL = "CLAUDE_SONNET_4_20250514_V1_0"


def ask_of(request: Mapping[str, Any], settings: Mapping[str, Any] | None = None, model: str = MODEL) -> Ask:
    ids = iter(range(10_000))
    return Ask(
        request=decode_request(json.dumps(request).encode()),
        provider=ProviderSpec("cw", "codewhisperer", (), settings=dict(settings or {})),
        model=model,
        model_spec=None,
        headers={},
        new_id=lambda: f"{next(ids):024}",
    )


def encode(request: Mapping[str, Any], settings: Mapping[str, Any] | None = None, model: str = MODEL) -> Encoded:
    return CODEWHISPERER.encode(ask_of({"max_tokens": 100, "model": "claude-x"} | dict(request), settings, model))


def body_of(request: Mapping[str, Any], settings: Mapping[str, Any] | None = None) -> Any:
    """The body, which no rule of the service refuses."""
    body = json.loads(encode(request, settings).body)
    assert cwvectors.check_request(body) == []
    return body


def contents(body: Any) -> list[str]:
    """Every message's content, the current one last."""
    state = body["conversationState"]
    return [next(iter(entry.values()))["content"] for entry in [*state.get("history", []), state["currentMessage"]]]


def state_of(encoded: Encoded) -> Sent:
    """What the decoder is told of the request."""
    assert isinstance(encoded.dialect_state, Sent)
    return encoded.dialect_state


def losses(request: Mapping[str, Any], settings: Mapping[str, Any] | None = None) -> set[str]:
    return {lost.field for lost in encode(request, settings).lost}


def user(*content: Any) -> dict[str, Any]:
    return {
        "role": "user",
        "content": content[0] if len(content) == 1 and isinstance(content[0], str) else list(content),
    }


def assistant(*content: Any) -> dict[str, Any]:
    return {
        "role": "assistant",
        "content": content[0] if len(content) == 1 and isinstance(content[0], str) else list(content),
    }


def call(call_id: str, name: str = "Bash", **given: Any) -> dict[str, Any]:
    return {"type": "tool_use", "id": call_id, "name": name, "input": given}


def result(call_id: str, content: Any = "done", **more: Any) -> dict[str, Any]:
    return {"type": "tool_result", "tool_use_id": call_id, "content": content, **more}


BASH = {"name": "Bash", "description": "Runs a command", "input_schema": {"type": "object", "properties": {}}}
PDF = {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0="}}


MODES = [
    (case, mode) for case in VECTORS["cases"] for mode in ("pair", "prefix") if case.get("system_mode", mode) == mode
]


@pytest.mark.parametrize(("case", "mode"), MODES, ids=[f"{case['id']}-{mode}" for case, mode in MODES])
def test_every_request_vector_is_met(case: dict[str, Any], mode: str) -> None:
    """The body is one that the vectors accept, and breaks none of the service's rules."""
    options = case["options"]
    settings = {"systemMode": mode, "origin": options["origin"], "profileArn": options["profileArn"]}
    accepted = case.get("expect_any") or [case["expect"]]
    if "error" in accepted[0]:
        with pytest.raises(Unencodable) as raised:
            encode(case["request"], settings, options["modelId"])
        assert raised.value.error.kind.error_type == accepted[0]["error"]["type"]
        return
    body = json.loads(encode(case["request"], settings, options["modelId"]).body)
    assert cwvectors.check_request(body) == []
    found = [
        cwvectors.differences(wanted["body"], cwvectors.canonical_request(body))
        for wanted in accepted
        if "body" in wanted
    ]
    assert [] in found, found


@pytest.mark.parametrize("case", VECTORS["rule_cases"], ids=lambda case: case["id"])
def test_the_rule_checker_finds_what_it_should(case: dict[str, Any]) -> None:
    """The checker that judges our bodies names the rules that broken bodies break."""
    assert {found.split(":")[0] for found in cwvectors.check_request(case["body"])} == set(case["breaks"])


TURNS: list[tuple[str, list[dict[str, Any]], list[str]]] = [
    ("empty-user", [user("")], ["(no text)"]),
    ("blank-user", [user(" \n")], ["(no text)"]),
    ("empty-system-turn-is-nothing", [user("a"), {"role": "system", "content": []}], ["a"]),
    ("only-assistant", [assistant("hm")], ["(no text)", "hm", "(no text)"]),
    ("assistant-blank", [user("a"), assistant(" "), user("b")], ["a", " ", "b"]),
    (
        "thinking-only",
        [user("a"), assistant({"type": "thinking", "thinking": "t", "signature": "s"}), user("b")],
        ["a", " ", "b"],
    ),
    ("assistants-merge", [user("a"), assistant("b"), assistant("c"), user("d")], ["a", "b\nc", "d"]),
    ("unknown-role", [user("a"), {"role": "developer", "content": "b"}], ["a\nb"]),
    ("orphan-result", [user(result("x", "left over"), {"type": "text", "text": "so"})], ["left over\nso"]),
    ("reference", [user({"type": "tool_reference", "tool_name": "Grep"})], ["The tool Grep can be used now."]),
    ("mid-conversation", [user({"type": "mid_conv_system", "content": "be brief"})], ["be brief"]),
    ("unknown-with-text", [user({"type": "new_thing", "text": "x"})], ["x"]),
    ("unknown-without", [user({"type": "new_thing", "data": 1})], ["(no text)"]),
    (
        "search-result",
        [user({"type": "search_result", "source": "u", "title": "t", "content": [{"type": "text", "text": "x"}]})],
        ["t\nu\nx"],
    ),
    (
        "web-results",
        [
            user(
                {"type": "web_search_tool_result", "content": [{"type": "web_search_result", "title": "t", "url": "u"}]}
            )
        ],
        ["t u"],
    ),
    (
        "document-of-blocks",
        [
            user(
                {
                    "type": "document",
                    "title": "t",
                    "source": {"type": "content", "content": [{"type": "text", "text": "x"}]},
                }
            )
        ],
        ["t\nx"],
    ),
    (
        "pdf-before",
        [user(PDF), assistant("hm"), user("so?")],
        ["[document left out here: application/pdf cannot be read by this model]", "hm", "so?"],
    ),
]


@pytest.mark.parametrize(("messages", "wanted"), [row[1:] for row in TURNS], ids=[row[0] for row in TURNS])
def test_turns_are_alternating_and_never_empty(messages: list[dict[str, Any]], wanted: list[str]) -> None:
    """Whatever the client's turns are, the service gets ones it takes."""
    assert contents(body_of({"messages": messages})) == wanted


RESULTS: list[tuple[str, Any, list[str]]] = [
    ("text", "plain", ["plain"]),
    ("none", None, ["(no output)"]),
    ("object", {"type": "text", "text": "x"}, ["x"]),
    ("pdf", [PDF], ["[document left out here: application/pdf cannot be read by this model]"]),
    ("reference", [{"type": "tool_reference", "tool_name": "Grep"}], ["The tool Grep can be used now."]),
    (
        "broken-image",
        [{"type": "image", "source": None}],
        ["[image left out here: by None cannot be read by this model]"],
    ),
    ("text-without-text", [{"type": "text"}], ["(no output)"]),
]


@pytest.mark.parametrize(("content", "wanted"), [row[1:] for row in RESULTS], ids=[row[0] for row in RESULTS])
def test_results_are_text(content: Any, wanted: list[str]) -> None:
    """Every form of a result's content becomes its one text."""
    body = body_of({"messages": [user("go"), assistant(call("c1")), user(result("c1", content))], "tools": [BASH]})
    current = body["conversationState"]["currentMessage"]["userInputMessage"]
    assert current["userInputMessageContext"]["toolResults"] == [
        {"toolUseId": "c1", "status": "success", "content": [{"text": text} for text in wanted]}
    ]


def answers_of(body: Any) -> list[tuple[str, str, str]]:
    found = body["conversationState"]["currentMessage"]["userInputMessage"]["userInputMessageContext"]["toolResults"]
    return [(one["toolUseId"], one["status"], one["content"][0]["text"]) for one in found]


def test_each_call_is_answered_once() -> None:
    """Missing results are errors in their place, second ones join the first, and results keep the order of the calls."""
    messages = [
        user("go"),
        assistant(call("a"), call("b"), call("c")),
        user(result("c", "C"), result("a", "A"), result("a", "A2", is_error=True), result("z", "Z")),
    ]
    body = body_of({"messages": messages, "tools": [BASH]})
    assert answers_of(body) == [
        ("a", "success", "A\nA2"),
        ("b", "error", "(no result of this call was recorded)"),
        ("c", "success", "C"),
    ]
    assert contents(body)[-1] == "Z"


def test_ids_are_made_unique_in_a_conversation() -> None:
    """An id that upstreams reuse in each turn is told apart, with its result."""
    messages = [
        user("go"),
        assistant(call("call_0")),
        user(result("call_0", "first")),
        assistant(call("call_0"), call("call_0")),
        user(result("call_0", "second"), result("call_0", "third")),
    ]
    body = body_of({"messages": messages, "tools": [BASH]})
    assert [text for _, _, text in answers_of(body)] == ["second", "third"]


NAMES = ["Read", "read", "READ", "mcp__" + "x" * 80 + "1", "mcp__" + "x" * 80 + "2", "a.b", "a_b", "1st", "_x", "é", ""]


def test_names_are_restored_one_for_one() -> None:
    """Whatever the client calls its tools, each has a name of its own upstream and gets its own back."""
    tools = [{"name": name, "description": "d", "input_schema": {"type": "object"}} for name in NAMES]
    encoded = encode({"messages": [user("go")], "tools": tools})
    body = json.loads(encoded.body)
    assert cwvectors.check_request(body) == []
    entries = body["conversationState"]["currentMessage"]["userInputMessage"]["userInputMessageContext"]["tools"]
    sent = [entry["toolSpecification"]["name"] for entry in entries]
    assert [encoded.tool_names.get(name, name) for name in sent] == NAMES
    assert sent[0] == "Read"


def test_a_call_of_an_undeclared_tool_stays_a_call() -> None:
    """Its tool is declared as no longer available, for history is never written out as text."""
    body = body_of({"messages": [user("go"), assistant(call("c1", "Gone", x=1)), user(result("c1"))]})
    history = body["conversationState"]["history"]
    assert history[1]["assistantResponseMessage"]["toolUses"] == [
        {"toolUseId": "c1", "name": "Gone", "input": {"x": 1}}
    ]
    (entry,) = body["conversationState"]["currentMessage"]["userInputMessage"]["userInputMessageContext"]["tools"]
    assert entry["toolSpecification"]["name"] == "Gone"


SCHEMAS: list[tuple[str, Any, Any]] = [
    ("number", 5, {"type": "object", "properties": {}}),
    (
        "property-names-are-no-keywords",
        {"type": "object", "properties": {"$schema": {"type": "string"}, "required": {}}},
        None,
    ),
    (
        "values-are-no-schemas",
        {"type": "object", "properties": {"a": {"enum": [{"additionalProperties": 1}], "default": {"required": []}}}},
        None,
    ),
    (
        "union-at-the-top",
        {"anyOf": [{"properties": {"a": {}}, "required": ["a"]}, {"properties": {"b": {}}, "required": ["a"]}]},
        {"type": "object", "properties": {"a": {}, "b": {}}, "required": ["a"]},
    ),
    (
        "union-below",
        {
            "type": "object",
            "properties": {"a": {"anyOf": [{"type": "string", "additionalProperties": False}, {"type": "null"}]}},
        },
        {"type": "object", "properties": {"a": {"anyOf": [{"type": "string"}, {"type": "null"}]}}},
    ),
    (
        "reference-at-the-top",
        {"$ref": "#/$defs/A", "$defs": {"A": {"type": "object", "properties": {"x": {"$schema": "s"}}}}},
        {"type": "object", "properties": {"x": {}}, "$defs": {"A": {"type": "object", "properties": {"x": {}}}}},
    ),
    (
        "required-of-numbers",
        {"type": "object", "properties": {}, "required": [1]},
        {"type": "object", "properties": {}},
    ),
    ("root-of-types", {"type": ["object", "null"]}, {"type": "object", "properties": {}}),
]


@pytest.mark.parametrize(("schema", "wanted"), [row[1:] for row in SCHEMAS], ids=[row[0] for row in SCHEMAS])
def test_schemas_are_made_acceptable(schema: Any, wanted: Any) -> None:
    """Refused keywords go at schema positions and nowhere else; None: the schema is sent as it is."""
    body = body_of({"messages": [user("go")], "tools": [{"name": "T", "input_schema": schema}]})
    (entry,) = body["conversationState"]["currentMessage"]["userInputMessage"]["userInputMessageContext"]["tools"]
    assert entry["toolSpecification"]["inputSchema"]["json"] == (schema if wanted is None else wanted)


LOST: list[tuple[str, dict[str, Any], set[str]]] = [
    ("nothing-but-the-maximum", {}, {"max_tokens"}),
    (
        "sampling",
        {"temperature": 0.5, "top_p": 1, "top_k": 3, "stop_sequences": ["x"]},
        {"temperature", "top_p", "top_k", "stop_sequences", "max_tokens"},
    ),
    (
        "thinking",
        {"thinking": {"type": "adaptive"}, "output_config": {"effort": "high", "format": {}}},
        {"thinking", "output_config.effort", "output_config.format", "max_tokens"},
    ),
    (
        "citations-and-marks-within-a-result",
        {
            "messages": [
                user("go"),
                assistant(call("c")),
                user(
                    {
                        "type": "tool_result",
                        "tool_use_id": "c",
                        "content": [
                            {"type": "search_result", "title": "t", "source": "s", "citations": {"enabled": True}},
                            {"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}},
                        ],
                    }
                ),
            ],
            "tools": [BASH],
        },
        {
            "messages.content.citations",
            "messages.content.search_result",
            "messages.content.cache_control",
            "max_tokens",
        },
    ),
    (
        "closed-and-typed-objects",
        {"tools": [{**BASH, "input_schema": {"type": "object", "properties": {"a": {"additionalProperties": {}}}}}]},
        {"tools.input_schema.additionalProperties", "max_tokens"},
    ),
    (
        "open-objects",
        {"tools": [{**BASH, "input_schema": {"type": "object", "properties": {"a": {"additionalProperties": True}}}}]},
        {"max_tokens"},
    ),
    ("no-thinking", {"thinking": {"type": "disabled"}}, {"max_tokens"}),
    (
        "choice",
        {"tools": [BASH], "tool_choice": {"type": "any", "disable_parallel_tool_use": True}},
        {"tool_choice", "tool_choice.disable_parallel_tool_use", "max_tokens"},
    ),
    (
        "a-choice-of-the-vendors-tool-alone",
        {
            "tools": [{"type": "web_search_20250305", "name": "web_search"}],
            "tool_choice": {"type": "tool", "name": "web_search"},
        },
        {"tools.web_search_20250305", "tool_choice", "max_tokens"},
    ),
    (
        "server-tool",
        {"tools": [{"type": "web_search_20250305", "name": "web_search"}]},
        {"tools.web_search_20250305", "max_tokens"},
    ),
    ("typed-tool", {"tools": [{"type": "bash_20250124", "name": "bash"}]}, {"tools.bash_20250124", "max_tokens"}),
    (
        "placeholder",
        {"tools": [{"name": "DeferredToolPlaceholder", "defer_loading": True, "input_schema": {}}]},
        {"tools.DeferredToolPlaceholder", "max_tokens"},
    ),
    (
        "cache",
        {"system": [{"type": "text", "text": "s", "cache_control": {"type": "ephemeral"}}]},
        {"system.cache_control", "max_tokens"},
    ),
    ("billing", {"system": [{"type": "text", "text": "x-anthropic-billing-header: a"}]}, {"system", "max_tokens"}),
    ("new-field", {"safeguards": []}, {"safeguards", "max_tokens"}),
    ("description", {"tools": [BASH | {"description": "d" * 10_001}]}, {"tools.description", "max_tokens"}),
    (
        "thought",
        {
            "messages": [
                user("a"),
                assistant({"type": "thinking", "thinking": "t", "signature": "s"}, {"type": "text", "text": "x"}),
                user("b"),
            ]
        },
        {"messages.content.thinking", "max_tokens"},
    ),
]


@pytest.mark.parametrize(("request_", "wanted"), [row[1:] for row in LOST], ids=[row[0] for row in LOST])
def test_what_has_no_field_is_listed(request_: dict[str, Any], wanted: set[str]) -> None:
    """Nothing is dropped in silence."""
    assert losses({"messages": [user("go")]} | request_) == wanted


REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("pdf-now", {"messages": [user(PDF, {"type": "text", "text": "sum up"})]}, "application/pdf"),
    ("content-limit", {"messages": [user("x" * 600_001)]}, "prompt is too long: a message of 600001 characters"),
    ("merged-limit", {"messages": [user("x" * 300_000), user("x" * 300_000)]}, "prompt is too long"),
    ("system-limit", {"messages": [user("a")], "system": "x" * 600_001}, "prompt is too long"),
    (
        "result-limit",
        {"messages": [user("a"), assistant(call("c")), user(result("c", "x" * 800_000))], "tools": [BASH]},
        "prompt is too long: a tool result",
    ),
    (
        "history-limit",
        {"messages": [message for _ in range(5_001) for message in (user("a"), assistant("b"))] + [user("c")]},
        "prompt is too long: 10002 messages",
    ),
]


@pytest.mark.parametrize(("request_", "wanted"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_what_the_service_cannot_take_is_refused_here(request_: dict[str, Any], wanted: str) -> None:
    """Over a limit the client reads the words that make it compact the conversation; nothing is cut."""
    with pytest.raises(Unencodable) as raised:
        encode(request_)
    assert wanted in raised.value.error.message
    assert raised.value.error.kind.blame == "client"


def test_a_model_that_would_be_a_guess_is_refused() -> None:
    """The message names the model and the setting that maps it."""
    with pytest.raises(Unencodable, match=r"settings\.modelIds") as raised:
        encode({"messages": [user("a")]}, model="claude-opus-9-20990101")
    assert raised.value.error.kind.name == "model"


def test_an_unlisted_model_is_sent_as_written_and_noted() -> None:
    """It is information, not an error."""
    encoded = encode({"messages": [user("a")]}, model="my-own-model")
    assert (
        json.loads(encoded.body)["conversationState"]["currentMessage"]["userInputMessage"]["modelId"] == "my-own-model"
    )
    assert "`my-own-model`" in encoded.notes[0]


def test_the_two_dialects_of_the_service() -> None:
    """The operation stands in the path or in a header, the mode of the agent in a header or in the body."""
    request = {"messages": [user("a")]}
    rest = encode(request, {"agentMode": "vibe", "extraHeaders": {"User-Agent": "mine"}})
    assert rest.path == "/generateAssistantResponse"
    assert dict(rest.headers) == {
        "content-type": "application/json",
        "accept": "application/vnd.amazon.eventstream",
        "x-amzn-codewhisperer-optout": "true",
        "x-amzn-kiro-agent-mode": "vibe",
        "user-agent": "mine",
    }
    rpc = encode(request, {"dialect": "json-rpc", "agentMode": "vibe", "optOut": False})
    assert rpc.path == "/"
    assert dict(rpc.headers) == {
        "content-type": "application/x-amz-json-1.0",
        "accept": "application/vnd.amazon.eventstream",
        "x-amzn-codewhisperer-optout": "false",
        "x-amz-target": "AmazonCodeWhispererStreamingService.GenerateAssistantResponse",
    }
    assert json.loads(rpc.body)["agentMode"] == "vibe"
    assert "agentMode" not in json.loads(rest.body)


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ("arn:aws:codewhisperer:us-east-1:ACCOUNT:profile/PROFILE_ID", None),
        ("", None),
        ("placeholder", None),
        (
            "arn:aws:codewhisperer:us-east-1:123456789012:profile/ABC",
            "arn:aws:codewhisperer:us-east-1:123456789012:profile/ABC",
        ),
    ],
)
def test_an_unfilled_profile_is_not_sent(given: str, wanted: str | None) -> None:
    """The documentation's placeholder is no profile."""
    assert body_of({"messages": [user("a")]}, {"profileArn": given}).get("profileArn") == wanted


def test_a_credential_s_profile_is_put_in_unless_the_settings_have_one() -> None:
    """The settings win over the token file."""
    request, arn = {"messages": [user("a")]}, "arn:aws:codewhisperer:us-east-1:123456789012:profile/ABC"
    encoded = encode(request)
    assert encoded.with_profile is not None
    assert json.loads(encoded.with_profile(arn)) == json.loads(encoded.body) | {"profileArn": arn}
    assert encode(request, {"profileArn": arn}).with_profile is None


SESSION = "0f5bd0f6-4a4e-4f0a-9a93-2f6a0b8f5b11"


@pytest.mark.parametrize(
    "user_id",
    [f"user_x_account__session_{SESSION}", json.dumps({"device_id": "d", "account_uuid": "a", "session_id": SESSION})],
)
def test_a_session_is_one_conversation(user_id: str) -> None:
    """Both forms in which Claude Code packs its session give the conversation's id."""
    body = body_of({"messages": [user("a")], "metadata": {"user_id": user_id}})
    assert body["conversationState"]["conversationId"] == SESSION


def test_thinking_is_asked_for_where_the_model_takes_it() -> None:
    """Native thinking is a member of the body for models of the table that take it, tags in the text if simulated, else lost."""
    asked = {
        "messages": [user("a")],
        "thinking": {"type": "enabled", "budget_tokens": 2000},
        "output_config": {"effort": "high"},
    }
    native = encode(asked, {"thinking": "native"}, "claude-opus-4.6")
    assert json.loads(native.body)["additionalModelRequestFields"] == {
        "thinking": {"type": "adaptive", "display": "summarized"},
        "output_config": {"effort": "high"},
    }
    assert state_of(native).thinking == "native"
    old = encode(asked, {"thinking": "native"}, MODEL)
    assert "additionalModelRequestFields" not in json.loads(old.body)
    assert "thinking" in {lost.field for lost in old.lost}
    assert state_of(old).thinking == "native"
    assert state_of(encode({"messages": [user("a")]}, {"thinking": "simulated"})).thinking == "off"
    tagged = encode(asked, {"thinking": "simulated"})
    assert "<max_thinking_length>2000</max_thinking_length>" in contents(json.loads(tagged.body))[0]
    assert state_of(tagged).thinking == "simulated"


def test_capabilities_are_respected() -> None:
    """A model that is listed without images gets a note in their place, one without tools gets none."""
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0K"}}
    ask = ask_of({"model": "m", "max_tokens": 1, "messages": [user(image)], "tools": [BASH]})
    encoded = CODEWHISPERER.encode(replace(ask, model_spec=ModelSpec(MODEL, capabilities=frozenset())))
    body = json.loads(encoded.body)
    assert contents(body) == ["[an image was here, but this model takes no images]"]
    assert "userInputMessageContext" not in body["conversationState"]["currentMessage"]["userInputMessage"]


def test_the_estimate_counts_bytes_and_images() -> None:
    """A quarter of the bytes, and an image by its size."""
    few = state_of(encode({"messages": [user("x" * 400)]}))
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0K" * 40_000}}
    more = state_of(encode({"messages": [user({"type": "text", "text": "x" * 400}, image)]}))
    assert 100 < few.input_tokens < 200
    assert 200 < more.input_tokens - few.input_tokens < 400
