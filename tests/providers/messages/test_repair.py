"""What is mended between decoder and writer, and what is left alone."""

from __future__ import annotations

import pytest

from providers.errors import KINDS, ProviderError
from providers.messages.parts import Fault, Part, Stop, Text, Thinking, ToolEnd, ToolInput, ToolStart, Usage
from providers.messages.printed_calls import PrintedCalls
from providers.messages.repair import FIXES, Repair
from tests.fakes.replies import ids

F = ToolStart(0, "a", "f")
G = ToolStart(1, "b", "g")
STOP = Stop("tool_use")
CUT = Fault(ProviderError(KINDS["cut"], "it was cut"))
PRINTED = 'Tool call: f({"a": 1})'

ROWS: list[tuple[str, list[Part], list[Part], list[str]]] = [
    ("text passes", [Text("a"), Stop("end_turn")], [Text("a"), Stop("end_turn")], []),
    (
        "input streams through, and its end is told",
        [F, ToolInput(0, '{"a"'), ToolInput(0, ":1}"), STOP],
        [F, ToolInput(0, '{"a"'), ToolInput(0, ":1}"), ToolEnd(0), STOP],
        [],
    ),
    (
        "a complete call ends when another block begins",
        [F, ToolInput(0, "{}"), Text("x"), STOP],
        [F, ToolInput(0, "{}"), ToolEnd(0), Text("x"), STOP],
        [],
    ),
    (
        "an open call stays open when another begins",
        [F, ToolInput(0, "{"), G, ToolInput(1, "{}"), ToolInput(0, "}"), STOP],
        [F, ToolInput(0, "{"), G, ToolInput(1, "{}"), ToolInput(0, "}"), ToolEnd(0), ToolEnd(1), STOP],
        [],
    ),
    (
        "calls begin in their order, whichever has input first",
        [F, G, ToolInput(1, "{}"), ToolInput(0, "{}"), STOP],
        [F, G, ToolInput(1, "{}"), ToolInput(0, "{}"), ToolEnd(0), ToolEnd(1), STOP],
        [],
    ),
    ("absent input", [F, STOP], [F, ToolInput(0, "{}"), ToolEnd(0), STOP], ["set_empty_input_object"]),
    ("white space as input", [F, ToolInput(0, " \n"), STOP], [F, ToolInput(0, "{}"), ToolEnd(0), STOP], ["set_empty_input_object"]),
    ("null", [F, ToolInput(0, "null"), STOP], [F, ToolInput(0, "{}"), ToolEnd(0), STOP], ["set_empty_input_object"]),
    ("what only begins like null", [F, ToolInput(0, "nop "), STOP], [F, ToolInput(0, "nop "), ToolEnd(0), STOP], []),
    (
        "absent input, its end told by the decoder",
        [F, ToolEnd(0), G, ToolInput(1, "{}"), STOP],
        [F, ToolInput(0, "{}"), ToolEnd(0), G, ToolInput(1, "{}"), ToolEnd(1), STOP],
        ["set_empty_input_object"],
    ),
    (
        "a string that holds an object",
        [F, ToolInput(0, '"{\\"a'), ToolInput(0, '\\":1} "'), STOP],
        [F, ToolInput(0, '{"a":1}'), ToolEnd(0), STOP],
        ["parsed_string_input_to_object"],
    ),
    ("a string that holds no object", [F, ToolInput(0, '"[1]"'), STOP], [F, ToolInput(0, '"[1]"'), ToolEnd(0), STOP], []),
    ("a string that never ends", [F, ToolInput(0, '"a'), STOP], [F, ToolInput(0, '"a'), ToolEnd(0), STOP], []),
    ("a string with a tail", [F, ToolInput(0, '"{}" x'), STOP], [F, ToolInput(0, '"{}" x'), ToolEnd(0), STOP], []),
    ("a broken object is sent as received", [F, ToolInput(0, "{a}"), STOP], [F, ToolInput(0, "{a}"), ToolEnd(0), STOP], []),
    ("a missing id", [ToolStart(0, None, "f"), ToolInput(0, "{}"), STOP], [ToolStart(0, "toolu_1", "f"), ToolInput(0, "{}"), ToolEnd(0), STOP], ["generated_tool_id"]),
    ("a stop that forgot its calls", [F, ToolInput(0, "{}"), Stop("end_turn")], [F, ToolInput(0, "{}"), ToolEnd(0), STOP], ["reconciled_stop_reason"]),
    ("a stop for calls without any", [Text("a"), STOP], [Text("a"), Stop("end_turn")], ["reconciled_stop_reason"]),
    ("a refusal stays one", [F, ToolInput(0, "{}"), Stop("refusal")], [F, ToolInput(0, "{}"), ToolEnd(0), Stop("refusal")], []),
    ("nothing follows the stop but usage and faults", [Text("a"), Stop("end_turn"), Text("b"), Usage(output=1), CUT], [Text("a"), Stop("end_turn"), Usage(output=1), CUT], []),
    ("a fault ends it, and a call in progress is not completed", [F, ToolInput(0, "{"), CUT, Text("x")], [F, ToolInput(0, "{"), CUT], []),
    ("printed calls stay text unless asked for", [Text(PRINTED), Stop("end_turn")], [Text(PRINTED), Stop("end_turn")], []),
]  # fmt: skip


@pytest.mark.parametrize(("parts", "mended", "fixes"), [pytest.param(*row[1:], id=row[0]) for row in ROWS])
def test_parts_are_mended(parts: list[Part], mended: list[Part], fixes: list[str]) -> None:
    """Each row, in one batch and part by part."""
    for batches in ([parts], [[part] for part in parts]):
        repair = Repair(ids())
        assert [part for batch in batches for part in repair.feed(batch)] == mended
        assert repair.fixes == fixes
        assert set(fixes) <= set(FIXES)


EXTRACTED: list[tuple[str, list[Part], list[Part], list[str]]] = [
    (
        "a printed call becomes a call",
        [Text("I will.\nTool ca"), Text('ll: f({"a": 1})'), Stop("end_turn")],
        [Text("I will.\n"), ToolStart(0, "toolu_1", "f"), ToolInput(0, '{"a": 1}'), ToolEnd(0), Stop("tool_use")],
        ["extracted_tool_f", "reconciled_stop_reason"],
    ),
    ("not when text follows", [Text(PRINTED), Text(" done"), Stop("end_turn")], [Text(f"{PRINTED} done"), Stop("end_turn")], []),
    ("not when the reply was cut", [Text(PRINTED), Stop("max_tokens")], [Text(PRINTED), Stop("max_tokens")], []),
    ("not when it broke", [Text(PRINTED), CUT], [Text(PRINTED), CUT], []),
    ("not when thinking follows", [Text(PRINTED), Thinking("t"), Stop("end_turn")], [Text(PRINTED), Thinking("t"), Stop("end_turn")], []),
    (
        "not beside a real call",
        [F, ToolInput(0, "{}"), Text(PRINTED), STOP],
        [F, ToolInput(0, "{}"), ToolEnd(0), Text(PRINTED), STOP],
        [],
    ),
    ("not before a real call", [Text(PRINTED), F, ToolInput(0, "{}"), STOP], [Text(PRINTED), F, ToolInput(0, "{}"), ToolEnd(0), STOP], []),
]  # fmt: skip


@pytest.mark.parametrize(("parts", "mended", "fixes"), [pytest.param(*row[1:], id=row[0]) for row in EXTRACTED])
def test_printed_calls_are_extracted_when_asked_for(parts: list[Part], mended: list[Part], fixes: list[str]) -> None:
    """With the option a printed call becomes real, but only where it cannot be prose."""
    repair = Repair(ids(), PrintedCalls({"f": "f"}))
    assert [part for one in parts for part in repair.feed([one])] == mended
    assert repair.fixes == fixes


def test_an_id_is_given_once_in_a_conversation() -> None:
    """A call whose id an earlier one has, in the history or in this reply, gets one of its own; the ids are asked for once."""
    asked: list[int] = []

    def used() -> tuple[str, ...]:
        asked.append(1)
        return ("a",)

    repair = Repair(ids(), used_ids=used)
    assert (repair.feed([Text("x")]), asked) == ([Text("x")], [])
    mended = repair.feed([F, ToolInput(0, "{}"), ToolEnd(0), G, ToolInput(1, "{}"), ToolEnd(1)])
    mended += repair.feed([ToolStart(2, "b", "h"), ToolInput(2, "{}"), STOP])
    starts = [part for part in mended if isinstance(part, ToolStart)]
    assert starts == [ToolStart(0, "toolu_1", "f"), G, ToolStart(2, "toolu_2", "h")]
    assert (repair.fixes, asked) == (["renewed_tool_id", "renewed_tool_id"], [1])


@pytest.mark.parametrize(
    "parts",
    [
        pytest.param([ToolInput(0, "{}")], id="input without a call"),
        pytest.param([F, F], id="a call twice"),
        pytest.param([ToolStart(0, "a", "")], id="no name"),
        pytest.param([F, ToolInput(0, "{}"), ToolEnd(0), ToolInput(0, "{}")], id="input after its end"),
    ],
)
def test_contradictions_are_faults(parts: list[Part]) -> None:
    """What cannot be put in order is not guessed at."""
    mended = Repair(ids()).feed(parts)
    assert isinstance(mended[-1], Fault)
    assert mended[-1].error.kind.name == "bad_reply"
