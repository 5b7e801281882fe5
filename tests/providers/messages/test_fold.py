"""Parts to one message: only what the rows of the dialects do not show."""

from __future__ import annotations

import json

import pytest

from providers.errors import KINDS, ProviderError
from providers.messages.fold import Fold, is_object
from providers.messages.parts import Fault, Part, Stop, Text, ToolEnd, ToolInput, ToolStart, Usage


def _folded(*parts: Part) -> Fold:
    fold = Fold("claude-test", "msg_1")
    fold.feed(parts)
    return fold


def test_a_message() -> None:
    """Every member of a message, in Anthropic's order."""
    fold = _folded(Usage(input=3), Text("a"), Text("b"), Usage(output=2), Stop("stop_sequence", "END"))
    assert json.loads(fold.finish()) == {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-test",
        "content": [{"type": "text", "text": "ab"}],
        "stop_reason": "stop_sequence",
        "stop_sequence": "END",
        "usage": {
            "input_tokens": 3,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 0,
            "output_tokens": 2,
        },
    }


def test_an_input_is_passed_on_as_it_was_written() -> None:
    """Numbers, order and escapes of a call's input are the upstream's."""
    text = '{"b": 1.0, "a": 12345678901234567890123, "c": "\\u00fc\\ud83d"}'
    fold = _folded(ToolStart(0, "toolu_1", "f"), ToolInput(0, text), Stop("tool_use"))
    assert text.encode() in fold.finish()


@pytest.mark.parametrize(
    ("parts", "kind"),
    [
        ([Text("a")], "cut"),
        ([Text("a"), Fault(ProviderError(KINDS["overloaded"], "x")), Stop("end_turn")], "overloaded"),
        ([ToolInput(0, "{}"), Stop("tool_use")], "bad_reply"),
        ([ToolStart(0, "a", "f"), ToolStart(0, "a", "f"), Stop("tool_use")], "bad_reply"),
        ([ToolStart(0, "a", "f"), ToolEnd(0), ToolInput(0, "{}"), Stop("tool_use")], "bad_reply"),
        ([ToolStart(0, "a", "f"), ToolInput(0, "{"), Stop("tool_use")], "bad_reply"),
    ],
)
def test_a_broken_reply_is_no_message(parts: list[Part], kind: str) -> None:
    """Faults and contradictions leave no message."""
    fold = _folded(*parts)
    assert fold.finish() == b""
    assert fold.fault is not None
    assert fold.fault.kind.name == kind


@pytest.mark.parametrize(
    ("text", "expected"),
    [("{}", True), (' {"a":1}\n', True), ("{}{}", False), ("[]", False), ("", False), ("{", False)],
)
def test_is_object(text: str, expected: bool) -> None:
    """One complete object and nothing else."""
    assert is_object(text) is expected
