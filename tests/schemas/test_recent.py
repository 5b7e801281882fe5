"""What was made of tools lately is used again for exactly these tools, and nothing else changes by it."""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest
from msgspec import Raw, structs

from providers.dialects.table import dialect_of
from schemas.decode_request import decode_request
from schemas.recent import LEAST_BYTES, MOST, Recent
from schemas.request import BadRequest, Tool
from tests.providers.dialects.asking import BASE, ask_of

LONG = "a" * LEAST_BYTES


def test_only_the_same_text_in_the_same_circumstances_is_known() -> None:
    """Another text of the same length, or other circumstances, have no value."""
    recent: Recent[int] = Recent()
    recent.keep(Raw(LONG.encode()), "a", 1)

    assert recent.get(Raw(LONG.encode()), "a") == 1
    assert recent.get(Raw(LONG.encode()), "b") is None
    assert recent.get(Raw(LONG[:-1].encode() + b"b"), "a") is None


def test_it_forgets_the_longest_unused() -> None:
    """However many texts come, only so many are kept."""
    recent: Recent[int] = Recent()
    texts = [Raw(b"a" * (LEAST_BYTES + number)) for number in range(MOST + 1)]
    for number, text in enumerate(texts):
        recent.keep(text, None, number)
        recent.get(texts[0], None)

    assert recent.get(texts[0], None) == 0
    assert recent.get(texts[1], None) is None
    assert recent.get(texts[-1], None) == MOST


def _tool(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "description": LONG, "input_schema": {"type": "object", "properties": {}}, **more}


def test_tools_that_are_remembered_are_decoded_once_and_keep_nothing_of_the_request() -> None:
    """The second request has the very same tools as the first; of neither body is anything held."""
    recent: Recent[tuple[Tool, ...]] = Recent()
    bodies = [json.dumps({**BASE, "metadata": {"n": n}, "tools": [_tool("Read")]}).encode() for n in (1, 2)]
    references = [sys.getrefcount(body) for body in bodies]
    first, second = (decode_request(body, known_tools=recent) for body in bodies)

    assert second.tools is first.tools
    assert [first, second] == [decode_request(body) for body in bodies]
    tools = first.tools
    del first, second
    assert tools is not None
    assert [sys.getrefcount(body) for body in bodies] == references


@pytest.mark.parametrize("tools", [None, [], [{"name": 1}], {}, [_tool("Read"), "x"]])
def test_what_is_no_list_of_tools_is_told_the_same(tools: object) -> None:
    """With a memory or without, before and after a good request."""
    recent: Recent[tuple[Tool, ...]] = Recent()
    good, odd = (json.dumps({**BASE, "tools": one}).encode() for one in ([_tool("Read")], tools))

    for body in (odd, good, odd):
        assert _outcome(body, recent) == _outcome(body, None)


def _outcome(body: bytes, known_tools: Recent[tuple[Tool, ...]] | None) -> object:
    try:
        return decode_request(body, known_tools=known_tools)
    except BadRequest as fault:
        return str(fault)


TOOLS: list[tuple[str, list[dict[str, Any]]]] = [
    ("plain", [_tool("Read"), _tool("Write")]),
    ("with losses", [_tool("Read", cache_control={"type": "ephemeral"}), _tool("Read")]),
    ("with a name that is changed", [_tool("mcp server.read"), _tool("Write")]),
    ("with a search", [_tool("Read"), {"type": "web_search_20250305", "name": "web_search", "max_uses": 3}]),
]


@pytest.mark.parametrize("kind", ["openai", "gemini", "openai-responses", "codewhisperer"])
@pytest.mark.parametrize(("tools"), [tools for _, tools in TOOLS], ids=[name for name, _ in TOOLS])
def test_a_second_request_with_the_same_tools_is_written_as_the_first(kind: str, tools: list[dict[str, Any]]) -> None:
    """Body, losses and names are the same whether the tools were seen before or not."""
    dialect = dialect_of(kind)
    ask = ask_of({**BASE, "tools": tools, "tool_choice": {"type": "tool", "name": tools[0]["name"]}}, kind=kind)
    first = dialect.encode(structs.replace(ask, options=None))
    warm = structs.replace(ask, options=dialect.options_of(ask.provider))

    for _ in range(2):
        again = dialect.encode(warm)
        assert json.loads(again.body) == json.loads(first.body)
        assert (again.lost, again.tool_names) == (first.lost, first.tool_names)
