"""Parts to an event stream: the exact events, and what happens to parts that come out of order."""

from __future__ import annotations

import pytest

from providers.errors import KINDS, ProviderError
from providers.messages.grammar import State
from providers.messages.parts import (
    Citation,
    Fault,
    Part,
    Redacted,
    Signature,
    Stop,
    Text,
    Thinking,
    ToolEnd,
    ToolInput,
    ToolStart,
    Usage,
    Whole,
)
from providers.messages.writer import PING, Writer, error_event
from tests.conftest import Golden
from tests.fakes.grammar_check import checked, events_of
from tests.fakes.official_sdk import accumulated

CUT = ProviderError(KINDS["cut"], "it was cut")


def _written(*parts: Part, **options: int) -> bytes:
    writer = Writer("claude-test", "msg_1", **options)
    return b"".join(writer.feed([part]) for part in parts) + writer.finish()


def _kinds(data: bytes) -> list[str]:
    return [
        event["type"].removeprefix("content_") + (f" {event['index']}" if "index" in event else "")
        for event in events_of(data)
    ]


def test_a_message_of_every_kind_of_block(golden: Golden) -> None:
    """The stream of a message with every part there is, byte for byte."""
    data = _written(
        Usage(input=10, cache_read=4),
        Thinking("h"),
        Thinking("m"),
        Signature("c2ln"),
        Redacted("eA=="),
        Text("Hel"),
        Text('lo "ü" \u2028'),
        Citation({"type": "char_location", "cited_text": "x"}),
        ToolStart(0, "toolu_1", "f"),
        ToolInput(0, '{"a":'),
        ToolInput(0, "1}"),
        ToolEnd(0),
        Whole({"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "q"}}),
        Whole({"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": []}),
        Stop("tool_use"),
        Usage(output=7, thinking=2, web_searches=1),
    )
    assert checked(events_of(data)) is State.ENDED
    golden("messages/every_block.sse", data)
    message = accumulated(data)
    assert [block["type"] for block in message["content"]] == [
        "thinking", "redacted_thinking", "text", "tool_use", "server_tool_use", "web_search_tool_result",
    ]  # fmt: skip
    assert message["content"][4]["input"] == {"query": "q"}
    assert message["usage"]["input_tokens"] == 10
    assert message["usage"]["output_tokens"] == 7


def test_usage_may_come_after_the_stop() -> None:
    """The end waits for usage; without usage it comes with the end of the body."""
    writer = Writer("m", "msg_1")
    assert (_kinds(writer.feed([Text("a"), Stop("end_turn")]))[-1], writer.ended) == ("block_stop 0", False)
    assert (_kinds(writer.feed([Usage(output=3)])), writer.ended) == (["message_delta", "message_stop"], True)
    assert _kinds(_written(Text("a"), Stop("end_turn")))[-2:] == ["message_delta", "message_stop"]


def test_an_estimate_stands_until_the_upstream_has_counted() -> None:
    """`message_start` carries the estimate, `message_delta` only what is known."""
    events = events_of(_written(Text("a"), Stop("end_turn"), input_estimate=50))
    assert events[0]["message"]["usage"] == {
        "input_tokens": 50,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "output_tokens": 0,
    }
    assert events[-2]["usage"] == {"output_tokens": 0}


def test_a_later_call_waits_until_the_earlier_one_ends() -> None:
    """Calls that interleave come one after the other, each as soon as it can."""
    writer = Writer("m", "msg_1")
    first = writer.feed([ToolStart(0, "a", "f"), ToolStart(1, "b", "g"), ToolInput(1, "{"), ToolInput(0, "{}")])
    assert _kinds(first) == ["message_start", "block_start 0", "block_delta 0"]
    assert _kinds(writer.feed([ToolEnd(0)])) == ["block_stop 0", "block_start 1", "block_delta 1"]
    assert _kinds(writer.feed([ToolInput(1, "}")])) == ["block_delta 1"]
    assert _kinds(writer.feed([Stop("tool_use")])) == ["block_stop 1"]


def test_text_behind_an_open_call_waits() -> None:
    """What follows a call that is open comes behind it, in order."""
    data = _written(
        ToolStart(0, "a", "f"), Text("x"), ToolStart(1, "b", "g"), Thinking("t"), ToolInput(0, "{}"), ToolInput(1, "{}"),
        Text("y"), Stop("tool_use"),
    )  # fmt: skip
    types = [block["type"] for block in accumulated(data)["content"]]
    assert types == ["tool_use", "text", "tool_use", "thinking", "text"]


def test_what_waits_is_bounded() -> None:
    """Over its limit a stream ends in an error instead of growing."""
    writer = Writer("m", "msg_1", max_waiting_bytes=1_000)
    writer.feed([ToolStart(0, "a", "f"), ToolStart(1, "b", "g")])
    data = b"".join(writer.feed([ToolInput(1, "x" * 100)]) for _ in range(20))
    assert _kinds(data) == ["error"]
    assert writer.fault is not None
    assert writer.fault.kind.name == "bad_reply"


@pytest.mark.parametrize(
    "parts",
    [
        pytest.param([ToolInput(0, "{}")], id="input without a call"),
        pytest.param([ToolStart(0, "a", "f"), ToolStart(0, "b", "f")], id="a call twice"),
        pytest.param([ToolStart(0, "a", "f"), ToolEnd(0), ToolInput(0, "{}")], id="input after its end"),
        pytest.param([Text("a"), Fault(CUT)], id="a fault"),
        pytest.param([Fault(CUT)], id="only a fault"),
        pytest.param([Text("a")], id="no stop"),
        pytest.param([Text("a"), Stop("end_turn"), Fault(CUT)], id="a fault after the stop"),
    ],
)
def test_a_broken_stream_ends_in_an_error(parts: list[Part]) -> None:
    """Contradictions and faults end in `error`, and nothing follows."""
    writer = Writer("m", "msg_1")
    data = writer.feed(parts) + writer.finish()
    assert events_of(data)[-1]["type"] == "error"
    assert checked(events_of(data)) is State.ENDED
    assert writer.feed([Text("more"), Stop("end_turn")]) + writer.finish() == b""


def test_nothing_follows_the_stop() -> None:
    """Content behind the stop is not written."""
    data = _written(Usage(output=1), Text("a"), Stop("end_turn"), Text("b"), ToolStart(0, "a", "f"), Stop("max_tokens"))
    message = accumulated(data)
    assert (message["content"], message["stop_reason"]) == ([{"type": "text", "text": "a"}], "end_turn")


def test_a_citation_without_text_is_listed_as_lost() -> None:
    """It has no place in the grammar."""
    writer = Writer("m", "msg_1")
    writer.feed([Thinking("a"), Citation({"type": "char_location"})])
    assert writer.lost == ["a citation without its text"]


def test_a_lone_surrogate_is_replaced() -> None:
    """UTF-8 cannot hold it."""
    data = _written(Text("a\ud83d"), ToolStart(0, "x", "f\udc00"), ToolInput(0, "{}"), Stop("tool_use"))
    content = accumulated(data)["content"]
    assert content[0]["text"] == "a\ufffd"
    assert content[1]["name"] == "f\ufffd"


def test_pings_and_error_events_are_events() -> None:
    """What the exchange adds is in the same form."""
    assert events_of(PING) == [{"type": "ping"}]
    assert events_of(error_event(CUT)) == [{"type": "error", "error": {"type": "api_error", "message": "it was cut"}}]
