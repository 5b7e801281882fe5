"""Ids of calls that the vendor refuses: replaced, each with its result, and nothing else is touched."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest

from providers.dialects.anthropic.requests import encode
from tests.providers.dialects.anthropic.asks import BASE, HI, ask_of


def turns_of(*ids: list[str]) -> list[dict[str, Any]]:
    """A conversation whose turns make calls of those ids and get their results in that order."""
    turns: list[dict[str, Any]] = [HI]
    for row in ids:
        calls = [{"type": "tool_use", "id": one, "name": "f", "input": {"n": 1.0}, "future": [one]} for one in row]
        results = [{"type": "tool_result", "tool_use_id": one, "content": f"{at}"} for at, one in enumerate(row)]
        turns += [
            {"role": "assistant", "content": [{"type": "text", "text": "é"}, *calls]},
            {"role": "user", "content": results},
        ]
    return turns


def sent_ids(turns: list[dict[str, Any]]) -> list[list[str]]:
    return [
        [block.get("id") or block["tool_use_id"] for block in turn["content"] if block["type"] != "text"]
        for turn in turns[1:]
    ]


IDS: list[tuple[str, list[list[str]], list[list[str]], int]] = [
    ("those of the vendor stay", [["toolu_01", "toolu-02"], ["call_1"]], [["toolu_01", "toolu-02"], ["call_1"]], 0),
    ("other characters", [["functions.Read:0"], ["functions.Read:1"]], [["functions_Read_0"], ["functions_Read_1"]], 2),
    ("two that would become one", [["a.b", "a:b"], ["a_b"]], [["a_b", "a_b_2"], ["a_b_3"]], 2),
    ("one in each turn", [["call_0"], ["call_0"], ["call_0"]], [["call_0"], ["call_0_2"], ["call_0_3"]], 2),
    ("one for two calls of a turn", [["c", "c"], ["d"]], [["c", "c_2"], ["d"]], 1),
    ("nothing", [[""]], [["call"]], 1),
]


@pytest.mark.parametrize(("ids", "sent", "lost"), [row[1:] for row in IDS], ids=[row[0] for row in IDS])
def test_ids_are_such_as_the_vendor_takes(ids: list[list[str]], sent: list[list[str]], lost: int) -> None:
    """Each row: the ids of the turns, those sent, and how many calls that concerns."""
    turns = turns_of(*ids)
    encoded = encode(ask_of({**BASE, "messages": turns}))
    again = json.loads(encoded.body)["messages"]
    assert sent_ids(again) == [row for row in sent for _ in "cr"]
    assert sum(one.count for one in encoded.lost if one.field == "messages.content.tool_use.id") == lost
    for before, after in zip(turns[1:], again[1:], strict=True):
        for block, other in zip(before["content"], after["content"], strict=True):
            ids_of = {"id": other.get("id"), "tool_use_id": other.get("tool_use_id")}
            assert {**block, **{name: one for name, one in ids_of.items() if one is not None}} == other


def test_what_a_conversation_was_told_stays_so() -> None:
    """The ids of a conversation that goes on are those of its beginning, so that the vendor's cache still fits."""
    rows = [["a:b"], ["a_b"], ["a:b", "x"]]
    bodies = [json.loads(encode(ask_of({**BASE, "messages": turns_of(*rows[:size])})).body) for size in (1, 2, 3)]
    for short, long in itertools.pairwise(bodies):
        assert long["messages"][: len(short["messages"])] == short["messages"]


def test_an_upstream_that_keeps_what_is_unsigned_gets_its_own_ids_back() -> None:
    """It is none of the vendor's, and may have given them itself."""
    body = json.dumps({**BASE, "messages": turns_of(["functions.Read:0"])}).encode()
    assert encode(ask_of(body, settings={"unsignedThinking": "keep"})).body == body


def test_a_result_without_its_call_has_a_good_id_too() -> None:
    """The vendor says that it answers nothing, and not that its id is wrong."""
    stray = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "s:1", "content": "r"}]}
    sent = json.loads(encode(ask_of({**BASE, "messages": [*turns_of(["a:b"]), stray]})).body)["messages"]
    assert sent[-1]["content"][0]["tool_use_id"] == "s_1"


def test_other_bytes_stay() -> None:
    """Of blocks that are no calls, and of the members of calls."""
    odd = b'{ "type":"text", "text":"a\\u00e9 b" }'
    call = b'{"type":"tool_use","id":"a:b","name":"f","input":{ "x" : 1.0e2 }}'
    body = (
        b'{"model":"claude-x","max_tokens":9,"messages":[{"role":"user","content":[' + odd + b"]},"
        b'{"role":"assistant","content":[' + call + b"]}]}"
    )
    sent = encode(ask_of(body)).body
    assert odd in sent
    assert call.replace(b"a:b", b"a_b") in sent
