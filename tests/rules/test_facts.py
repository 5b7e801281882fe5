"""Every fact, read from requests as real clients send them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from rules.facts import FACTS, MISSING, UNKNOWN, spec_of
from tests.rules.compiling import facts

SESSION = "11111111-2222-3333-4444-555555555555"
OLD_USER = f"user_{'a' * 64}_account__session_{SESSION}"
NEW_USER = json.dumps({"device_id": "d", "account_uuid": "", "session_id": SESSION})
BILLING = "x-anthropic-billing-header: cc_version=2.1.330.abc; cc_entrypoint=sdk-cli; cch=00000;"
SUBAGENT_BILLING = BILLING + " cc_is_subagent=true;"
WEB_SEARCH = {"type": "web_search_20250305", "name": "web_search", "max_uses": 8}
PLACEHOLDER = {"name": "DeferredToolPlaceholder", "defer_loading": True, "input_schema": {"type": "object"}}


def tool(name: str) -> dict[str, Any]:
    return {"name": name, "input_schema": {"type": "object"}}


def user(*content: Any) -> dict[str, Any]:
    return {
        "role": "user",
        "content": content[0] if len(content) == 1 and isinstance(content[0], str) else list(content),
    }


def text(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words}


IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA" * 100}}
DOCUMENT = {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "AAAA"}}


def result(content: Any) -> dict[str, Any]:
    return {"type": "tool_result", "tool_use_id": "t", "content": content}


ROWS: list[tuple[str, dict[str, Any], dict[str, Any], Any]] = [
    ("model", {"model": "claude-opus-4-8[1m]"}, {}, "claude-opus-4-8"),
    ("model", {"model": "glm-4.6[2m]"}, {}, "glm-4.6"),
    ("model", {"model": "odd[1m]x"}, {}, "odd[1m]x"),
    ("stream", {}, {}, False),
    ("stream", {"stream": True}, {}, True),
    ("stream", {}, {"path": "count_tokens"}, MISSING),
    ("maxTokens", {"max_tokens": 512}, {}, 512),
    ("maxTokens", {"max_tokens": None}, {"path": "count_tokens"}, MISSING),
    ("temperature", {"temperature": 1}, {}, 1.0),
    ("temperature", {}, {}, MISSING),
    ("toolChoice", {"tool_choice": {"type": "auto"}}, {}, "auto"),
    ("toolChoice", {}, {}, MISSING),
    ("path", {}, {}, "messages"),
    ("path", {"max_tokens": None}, {"path": "count_tokens"}, "count_tokens"),
    ("hasTools", {}, {}, False),
    ("hasTools", {"tools": []}, {}, False),
    ("hasTools", {"tools": [PLACEHOLDER]}, {}, False),
    ("hasTools", {"tools": [tool("Bash")]}, {}, True),
    ("toolCount", {"tools": [tool("Bash"), PLACEHOLDER, WEB_SEARCH]}, {}, 2),
    ("toolNames", {"tools": [tool("Bash"), PLACEHOLDER, WEB_SEARCH]}, {}, frozenset({"Bash", "web_search"})),
    ("toolNames", {}, {}, frozenset()),
    ("serverTools", {"tools": [tool("WebSearch"), WEB_SEARCH]}, {}, frozenset({"web_search_20250305"})),
    ("serverTools", {"tools": [{**tool("Bash"), "type": "custom"}]}, {}, frozenset()),
    ("thinking", {}, {}, "none"),
    ("thinking", {"thinking": {"type": "disabled"}}, {}, "disabled"),
    ("thinking", {"thinking": {"type": "adaptive", "display": "updates"}}, {}, "adaptive"),
    ("thinking", {"thinking": {"type": "enabled", "budget_tokens": 31999}}, {}, "enabled"),
    ("thinkingBudget", {"thinking": {"type": "enabled", "budget_tokens": 31999}}, {}, 31999),
    ("thinkingBudget", {"thinking": {"type": "disabled", "budget_tokens": 1}}, {}, MISSING),
    ("thinkingBudget", {}, {}, MISSING),
    ("effort", {"output_config": {"effort": "high"}}, {}, "high"),
    ("effort", {}, {}, MISSING),
    ("header.x-team", {}, {"headers": {"X-Team": "blue"}}, "blue"),
    ("header.x-team", {}, {"headers": {}}, MISSING),
    ("header.x-team", {}, {}, MISSING),
    ("betas", {}, {"headers": {"anthropic-beta": "a-1, b-2,"}}, frozenset({"a-1", "b-2"})),
    ("betas", {}, {"headers": {}}, frozenset()),
    ("betas", {}, {}, MISSING),
    ("sessionId", {"metadata": {"user_id": NEW_USER}}, {"headers": {"X-Claude-Code-Session-Id": "h"}}, "h"),
    ("sessionId", {"metadata": {"user_id": NEW_USER}}, {}, SESSION),
    ("sessionId", {"metadata": {"user_id": OLD_USER}}, {}, SESSION),
    ("sessionId", {"metadata": {"user_id": "{broken"}}, {}, MISSING),
    ("sessionId", {"metadata": {"user_id": "someone"}}, {}, MISSING),
    ("sessionId", {}, {}, MISSING),
    ("clientKey", {}, {"client_key": "ci"}, "ci"),
    ("clientKey", {}, {}, MISSING),
    ("clientIp", {}, {"client_ip": "::1"}, "::1"),
    ("clientIp", {}, {}, MISSING),
    ("tags", {}, {"tags": frozenset({"internal"})}, frozenset({"internal"})),
    ("tags", {}, {}, frozenset()),
    ("requestClass", {}, {"headers": {"x-claude-code-request-class": "auxiliary"}}, "auxiliary"),
    ("requestClass", {}, {"headers": {"x-claude-code-compaction": "auto"}}, "compaction"),
    ("requestClass", {}, {"headers": {"x-claude-code-agent-id": "7"}}, "subagent"),
    ("requestClass", {"system": [text(SUBAGENT_BILLING)]}, {}, "subagent"),
    ("requestClass", {"system": [text(BILLING)]}, {}, MISSING),
    ("agentType", {}, {"headers": {"x-claude-code-agent-type": "Explore"}}, "Explore"),
    ("agentType", {}, {}, MISSING),
    ("subagent", {}, {"headers": {"x-claude-code-agent-id": "7"}}, True),
    ("subagent", {"system": [text(SUBAGENT_BILLING)]}, {"headers": {"x-claude-code-request-class": "main"}}, False),
    ("subagent", {"system": [text(SUBAGENT_BILLING)]}, {}, True),
    ("subagent", {}, {}, False),
    ("time", {}, {"now": 5.5}, 5.5),
    ("time", {}, {}, UNKNOWN),
    ("provider.a.health", {}, {"provider_state": {"a": {"health": "down"}}}, "down"),
    ("provider.a.inflight", {}, {"provider_state": {"a": {"inflight": 3}}}, 3),
    ("budget.month.state", {}, {"budget_state": {"month": "half"}}, "half"),
    ("budget.month.state", {}, {"budget_state": {}}, UNKNOWN),
    ("budget.month.state", {}, {}, UNKNOWN),
    ("provider.a.health", {}, {"provider_state": {}}, UNKNOWN),
    ("provider.a.health", {}, {}, UNKNOWN),
    ("messageCount", {"messages": [user("a"), {"role": "system", "content": []}]}, {}, 2),
    ("messageLength", {"messages": [user("é" * 3), user(text("ab"), text("c"))]}, {}, 6),
    ("messageLength", {"system": "four"}, {}, 6),
    ("messageLength", {"system": [text(BILLING), text("four")]}, {}, 6),
    ("messageLength", {"messages": [user(result("abc")), user(result([text("de"), IMAGE]))]}, {}, 5),
    (
        "messageLength",
        {
            "messages": [
                {
                    "role": "assistant",
                    "content": [
                        {"type": "thinking", "thinking": "long", "signature": "s"},
                        {"type": "tool_use", "id": "t", "name": "Bash", "input": {"command": "ls"}},
                    ],
                },
                user(IMAGE, DOCUMENT),
            ]
        },
        {},
        0,
    ),
    ("hasImages", {"messages": [user(IMAGE)]}, {}, True),
    ("hasImages", {"messages": [user(result([IMAGE]))]}, {}, True),
    ("hasImages", {"messages": [user(result("IMAGE"))]}, {}, False),
    ("hasDocuments", {"messages": [user(DOCUMENT)]}, {}, True),
    ("hasDocuments", {"messages": [user(result([DOCUMENT]))]}, {}, True),
    ("hasDocuments", {}, {}, False),
    ("hasToolResults", {"messages": [user(result("x"))]}, {}, True),
    ("hasToolResults", {}, {}, False),
    ("lastUserText", {"messages": [user("one"), user("two")]}, {}, "two"),
    ("lastUserText", {"messages": [user("one"), user(result("r"))]}, {}, "one"),
    ("lastUserText", {"messages": [user("one"), user(text("<system-reminder>r</system-reminder>"))]}, {}, "one"),
    ("lastUserText", {"messages": [user("<system-reminder>r</system-reminder>\n\ndo it")]}, {}, "do it"),
    ("lastUserText", {"messages": [user(text("<system-reminder>r</system-reminder>"), text("do"), text("it"))]}, {}, "do\nit"),
    ("lastUserText", {"messages": [user("<system-reminder>open")]}, {}, "<system-reminder>open"),
    ("lastUserText", {"messages": [user(" hi ")]}, {}, " hi "),
    ("lastUserText", {"messages": [user("a"), {"role": "assistant", "content": "b"}]}, {}, "a"),
    ("lastUserText", {"messages": [user(result("r"))]}, {}, MISSING),
    ("systemText", {"system": [text(BILLING), text("a"), text("b")]}, {}, "a\nb"),
    ("systemText", {"system": "a"}, {}, "a"),
    ("systemText", {}, {}, ""),
]  # fmt: skip


@pytest.mark.parametrize(("fact", "body", "around", "value"), ROWS)
def test_a_fact_is_read_as_the_language_says(
    fact: str, body: dict[str, Any], around: dict[str, Any], value: Any
) -> None:
    """Each row: a fact, a request with what came around it, and the value."""
    seen = facts(body, **around).get(fact)
    assert seen == value
    assert type(seen) is type(value)


def test_every_fact_has_a_row_here() -> None:
    """No fact of the table goes untested (rollouts read another fact, keywords and tokens have tests of their own)."""
    assert set(FACTS) - {"rollout", "contentKeywords", "inputTokens"} <= {row[0] for row in ROWS}


def test_a_fact_is_computed_once_and_only_when_asked() -> None:
    """Facts nobody asks for are not computed, and the pass over the messages gives all of its facts."""
    one = facts()
    assert one.computed == frozenset()
    one.get("model")
    assert one.computed == {"model"}
    one.get("messageCount")
    assert one.computed == {
        "model", "messageCount", "messageLength", "hasImages", "hasDocuments", "hasToolResults"
    }  # fmt: skip


@pytest.mark.parametrize(
    "name", ["", "header.", "provider..health", "budget..state", "budget.a", "provider.a", "provider.a.load", "modle"]
)
def test_what_is_no_fact_has_no_row(name: str) -> None:
    """Families need their inner name."""
    assert spec_of(name) is None


def test_keywords_look_in_what_user_and_assistant_say() -> None:
    """System text, tool results and reminders do not count, and no word spans two texts."""
    body = {
        "system": "alpha",
        "messages": [
            user(text("Bravo <system-reminder>charlie</system-reminder>"), result("delta")),
            {"role": "assistant", "content": [text("ECHO"), text("fox")]},
            {"role": "system", "content": "golf"},
        ],
    }
    said = facts(body).get("contentKeywords")
    assert isinstance(said, str)
    found = [word for word in ("alpha", "bravo", "charlie", "delta", "echo", "golf", "echofox") if word in said]
    assert found == ["bravo", "echo"]
