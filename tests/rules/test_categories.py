"""The built-in categories on requests as recorded clients send them."""

from __future__ import annotations

from typing import Any

import pytest

from rules.evaluate import decide
from rules.fast import decider_of
from tests.rules.compiling import facts, ruleset
from tests.rules.test_facts import PLACEHOLDER, WEB_SEARCH, tool

RULES = ruleset("routing: {defaultProvider: a}")
MAIN_TOOLS = [
    tool(name) for name in ("Agent", "Bash", "Read", "WebFetch", "WebSearch", "TodoWrite", "mcp__x__search_code")
]
ADAPTIVE = {"thinking": {"type": "adaptive", "display": "updates"}}


def effort(word: str) -> dict[str, Any]:
    return {**ADAPTIVE, "output_config": {"effort": word}}


SEEN: list[tuple[str, dict[str, Any], dict[str, Any], str]] = [
    ("1.0 main", {"model": "claude-sonnet-4-20250514", "tools": MAIN_TOOLS, "temperature": 1}, {}, "default"),
    ("1.0 bash prefix", {"model": "claude-3-5-haiku-20241022", "max_tokens": 512, "temperature": 0, "system": "x" * 132}, {}, "background"),
    ("1.0 think hard", {"thinking": {"type": "enabled", "budget_tokens": 10_000}, "tools": MAIN_TOOLS}, {}, "thinking"),
    ("1.0 long input", {"messages": [{"role": "user", "content": "some line of a log\n" * 32_000}]}, {}, "longcontext"),
    ("1.0 web search", {"tools": [WEB_SEARCH]}, {}, "search"),
    ("2.1 main", {"model": "claude-opus-5-5", "tools": [*MAIN_TOOLS, PLACEHOLDER], **effort("medium")}, {}, "default"),
    ("2.1 low effort", effort("low"), {}, "default"),
    ("2.1 high effort", effort("high"), {}, "thinking"),
    ("2.1 xhigh effort", effort("xhigh"), {}, "thinking"),
    ("2.1 max effort", effort("max"), {}, "thinking"),
    ("2.1 adaptive alone", ADAPTIVE, {}, "default"),
    ("2.1 sonnet 4.5", {"thinking": {"type": "enabled", "budget_tokens": 31_999}}, {}, "thinking"),
    ("2.1 thinking off", {"thinking": {"type": "disabled"}, "output_config": {"effort": "max"}}, {}, "default"),
    ("2.1 haiku agent", {"model": "claude-haiku-5-5", "tools": MAIN_TOOLS}, {}, "background"),
    ("capitals", {"model": "Claude-HAIKU"}, {}, "background"),
    ("2.1 web search", {"tools": [WEB_SEARCH], "tool_choice": {"type": "auto"}}, {}, "search"),
    ("newer web search", {"tools": [*MAIN_TOOLS, {**WEB_SEARCH, "type": "web_search_20270101"}]}, {}, "search"),
    ("another server tool", {"tools": [{"type": "web_fetch_20250910", "name": "web_fetch"}]}, {}, "default"),
    ("auxiliary by hint", {"tools": MAIN_TOOLS}, {"headers": {"X-Claude-Code-Request-Class": "auxiliary"}}, "background"),
    ("subagent by hint", {"tools": MAIN_TOOLS}, {"headers": {"X-Claude-Code-Request-Class": "subagent"}}, "default"),
    ("search before background", {"model": "claude-haiku-5-5", "tools": [WEB_SEARCH]}, {}, "search"),
    ("background before thinking", {"model": "claude-haiku-5-5", **effort("high")}, {}, "background"),
    ("a count of tokens", {"max_tokens": None}, {"path": "count_tokens"}, "default"),
]  # fmt: skip


@pytest.mark.parametrize(("what", "body", "around", "category"), SEEN, ids=[row[0] for row in SEEN])
def test_recorded_requests_fall_into_their_category(
    what: str, body: dict[str, Any], around: dict[str, Any], category: str
) -> None:
    """Each row: a request as recorded, and its category."""
    assert decide(RULES, facts(body, **around)).category == category
    assert decider_of(RULES)(facts(body, **around)).category == category
