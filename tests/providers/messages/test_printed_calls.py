"""Calls printed as text: which are taken for calls, and that no text is lost or late."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.messages.printed_calls import MAX_HELD_CHARS, PrintedCall, PrintedCalls

NAMES = {"f": "f", "g_sent": "g"}
F1 = PrintedCall("f", '{"a": 1}')

ROWS: list[tuple[str, str, str, tuple[PrintedCall, ...]]] = [
    ("a call alone", 'Tool call: f({"a": 1})', "", (F1,)),
    ("with a bullet", '⏺ Tool call: f({"a": 1})', "", (F1,)),
    ("in brackets", '[Called f with args: {"a": 1}]', "", (F1,)),
    ("behind a line of text", 'I will.\nTool call: f({"a": 1})\n\n', "I will.\n", (F1,)),
    ("two calls", 'Tool call: f({"a": 1})\n\n[Called g_sent with args: {}]\n', "", (F1, PrintedCall("g", "{}"))),
    ("a name as it was sent is the client's again", "Tool call: g_sent({})", "", (PrintedCall("g", "{}"),)),
    ("braces within strings do not count", 'Tool call: f({"a": "})"})', "", (PrintedCall("f", '{"a": "})"}'),)),
    ("behind a closed fence", '```\nx\n```\nTool call: f({"a": 1})', "```\nx\n```\n", (F1,)),
]

LEFT_ALONE = [
    ("in the midst of a line", 'So Tool call: f({"a": 1})'),
    ("indented", '  Tool call: f({"a": 1})'),
    ("of a tool that is not declared", 'Tool call: rm({"a": 1})'),
    ("within a fence", '```\nTool call: f({"a": 1})\n```'),
    ("within an open fence", '~~~\nTool call: f({"a": 1})'),
    ("with text behind it", 'Tool call: f({"a": 1}) and so on'),
    ("with text after it", 'Tool call: f({"a": 1})\nThis is what I did.'),
    ("with a second call in the same line", 'Tool call: f({"a": 1}) Tool call: f({"a": 1})'),
    ("with a second call indented", 'Tool call: f({"a": 1})\n  Tool call: f({"a": 1})'),
    ("that is cut", 'Tool call: f({"a": 1'),
    ("without its end", 'Tool call: f({"a": 1}'),
    ("that is no JSON", "Tool call: f({a: 1})"),
    ("that is no object", "Tool call: f([1])"),
    ("only begun", "Tool ca"),
    ("a word that begins alike", "Tools are fine.\nTool call: not really"),
    ("nothing", ""),
]


def _run(pieces: list[str]) -> tuple[str, tuple[PrintedCall, ...]]:
    printed = PrintedCalls(NAMES)
    text = "".join(printed.feed(piece) for piece in pieces)
    rest, calls = printed.end()
    return text + rest, calls


def _cuts(text: str) -> list[list[str]]:
    return [[text], list(text), [text[: len(text) // 2], text[len(text) // 2 :]]]


@pytest.mark.parametrize(("text", "left", "calls"), [pytest.param(*row[1:], id=row[0]) for row in ROWS])
def test_a_printed_call_is_a_call(text: str, left: str, calls: tuple[PrintedCall, ...]) -> None:
    """Each form becomes its call, however it is cut; text before it stays."""
    for pieces in _cuts(text):
        assert _run(pieces) == (left, calls)


@pytest.mark.parametrize("text", [pytest.param(text, id=says) for says, text in LEFT_ALONE])
def test_prose_that_shows_a_call_is_left_alone(text: str) -> None:
    """Whatever can be prose stays text, unchanged."""
    for pieces in _cuts(text):
        assert _run(pieces) == (text, ())


def test_text_that_cannot_become_a_call_is_not_held() -> None:
    """Only a line that begins like a call waits."""
    printed = PrintedCalls(NAMES)
    assert printed.feed("Hello") == "Hello"
    assert printed.feed(" Tool\nTo") == " Tool\n"
    assert printed.feed("ol x") == "Tool x"


def test_what_is_held_is_bounded() -> None:
    """A call of endless arguments is text after all."""
    printed = PrintedCalls(NAMES)
    text = 'Tool call: f({"a": "' + "x" * MAX_HELD_CHARS
    assert printed.feed(text) == text


@given(
    st.lists(
        st.sampled_from(
            ["Tool call: f(", '{"a": 1}', ")", "\n", " ", "```", "x", "⏺ ", "[Called f with args: ", "]", '{"b":']
        ),
        max_size=14,
    )
)
def test_no_text_is_lost(tokens: list[str]) -> None:
    """Without calls the text is what came; with calls it is a beginning of it; the cut does not matter."""
    text = "".join(tokens)
    came = [_run(pieces) for pieces in (*_cuts(text), tokens)]
    assert all(one == came[0] for one in came)
    left, calls = came[0]
    assert text.startswith(left) if calls else left == text
