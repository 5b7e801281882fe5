"""The subagent tag leaves the request before it is sent."""

from __future__ import annotations

import json
from typing import Any

import pytest

from rules.explicit import without_tag
from schemas.decode_request import decode_request
from tests.rules.compiling import BASE

TAG = "<CCR-SUBAGENT-MODEL>a,a1</CCR-SUBAGENT-MODEL>"


def text(words: str, **more: Any) -> dict[str, Any]:
    return {"type": "text", "text": words, **more}


CUT: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"system": f"{TAG}be kind"}, {"system": "be kind"}),
    (
        {"system": [text("a"), text(f"b{TAG}", cache_control={"type": "ephemeral"})]},
        {"system": [text("a"), text("b", cache_control={"type": "ephemeral"})]},
    ),
    ({"system": [text("a"), text(TAG)]}, {"system": [text("a")]}),
    ({"system": [text(TAG)]}, {"system": [text("")]}),
    (
        {"messages": [{"role": "user", "content": f"{TAG}hi"}, {"role": "assistant", "content": f"{TAG}x"}]},
        {"messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": f"{TAG}x"}]},
    ),
    (
        {"messages": [{"role": "user", "content": [text(f"é{TAG}"), {"type": "new", "x": [1]}]}], "unknown": {"a": TAG}},
        {"messages": [{"role": "user", "content": [text("é"), {"type": "new", "x": [1]}]}], "unknown": {"a": TAG}},
    ),
]  # fmt: skip


@pytest.mark.parametrize(("body", "wanted"), CUT)
@pytest.mark.parametrize("ascii_only", [False, True])
def test_the_tag_is_cut_out_and_nothing_else(body: dict[str, Any], wanted: dict[str, Any], ascii_only: bool) -> None:
    """Each row: members with a tag and without it; bytes, fields and decoded parts agree afterwards."""
    data = json.dumps({**BASE, **body}, ensure_ascii=ascii_only).encode()
    cut = without_tag(decode_request(data))
    assert json.loads(cut.raw) == {**BASE, **wanted}
    again = decode_request(cut.raw)
    assert (again.messages, again.system) == (cut.messages, cut.system)
    assert {name: bytes(raw) for name, raw in again.fields.items()} == {
        name: bytes(raw) for name, raw in cut.fields.items()
    }


def test_an_escaped_tag_is_found_too() -> None:
    """JSON may write any character as an escape."""
    data = json.dumps({**BASE, "system": f"{TAG}x"}).replace("<", "\\u003c").encode()
    assert json.loads(without_tag(decode_request(data)).raw)["system"] == "x"


@pytest.mark.parametrize(
    "body", [{}, {"system": "<CCR-SUBAGENT-MODEL>open"}, {"messages": [{"role": "assistant", "content": TAG}]}]
)
def test_a_request_without_a_tag_is_the_same_object(body: dict[str, Any]) -> None:
    """Nothing is written anew where nothing changes."""
    request = decode_request(json.dumps({**BASE, **body}).encode())
    assert without_tag(request) is request
