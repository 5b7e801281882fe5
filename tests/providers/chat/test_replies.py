"""Parts as completions: each part a row, the stream and the whole as twins, errors, and the official types as judge."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from providers.chat.deltas import FINISH_REASONS
from providers.chat.form import ChatForm
from providers.chat.writer import DONE
from providers.errors import KINDS, ProviderError
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

FORM = ChatForm(1_700_000_000, include_usage=True)
OLDER = ChatForm(1_700_000_000, as_functions=True)
SOURCE: dict[str, object] = {
    "type": "web_search_result_location",
    "url": "https://x.example/",
    "title": "X",
    "cited_text": "",
    "encrypted_index": "",
}
BROKEN = Fault(ProviderError(KINDS["overloaded"], "too much"))


def streamed(parts: list[Part], form: ChatForm = FORM) -> list[dict[str, Any]]:
    """The chunks of a stream, checked by the official type, without `[DONE]`, which must come exactly where it ends well."""
    writer = form.writer("m", "msg_1", None)
    data = b"".join(writer.feed([part]) for part in parts) + writer.finish()
    assert (data.endswith(DONE), data.count(DONE)) == ((False, 0) if writer.fault else (True, 1))
    frames = [json.loads(frame.removeprefix("data: ")) for frame in data.decode().split("\n\n") if frame[6:7] == "{"]
    for frame in frames:
        if "error" not in frame:
            ChatCompletionChunk.model_validate(frame, strict=True)
    return frames


def whole(parts: list[Part], form: ChatForm = FORM) -> dict[str, Any] | None:
    """The completion, checked by the official type; None where it broke."""
    fold = form.fold("m", "msg_1")
    fold.feed(parts)
    data = fold.finish()
    if not data:
        assert fold.fault is not None
        return None
    completion: dict[str, Any] = json.loads(data)
    ChatCompletion.model_validate(completion, strict=True)
    return completion


def laid_together(frames: list[dict[str, Any]]) -> dict[str, Any]:
    """What a client makes of the chunks."""
    message: dict[str, Any] = {"content": None}
    calls: dict[int, dict[str, Any]] = {}
    for frame in frames:
        for choice in frame["choices"]:
            delta = choice["delta"]
            for name in ("content", "reasoning_content"):
                if delta.get(name):
                    message[name] = (message.get(name) or "") + delta[name]
            message["annotations"] = message.get("annotations", []) + delta.get("annotations", [])
            for call in delta.get("tool_calls", ()):
                known = calls.setdefault(call["index"], {"arguments": ""})
                known |= {"id": call["id"], "name": call["function"]["name"]} if "id" in call else {}
                known["arguments"] += call["function"]["arguments"]
            if function := delta.get("function_call"):
                known = message.setdefault("function_call", {"name": function.get("name"), "arguments": ""})
                known["arguments"] += function["arguments"]
    message["calls"] = [calls[index] for index in sorted(calls)]
    reasons = [choice["finish_reason"] for frame in frames for choice in frame["choices"] if choice["finish_reason"]]
    assert len(reasons) == 1
    return {**message, "finish": reasons[0]}


def as_laid(completion: dict[str, Any]) -> dict[str, Any]:
    """The same of a whole completion."""
    choice = completion["choices"][0]
    message = choice["message"]
    calls = [{"id": call["id"], **call["function"]} for call in message.get("tool_calls", ())]
    kept = {name: message[name] for name in ("reasoning_content", "function_call") if name in message}
    return {
        "content": message["content"],
        "annotations": message.get("annotations", []),
        "calls": calls,
        "finish": choice["finish_reason"],
        **kept,
    }


CALL: list[Part] = [ToolStart(0, "c0", "f"), ToolInput(0, '{"a":'), ToolInput(0, "1}"), ToolEnd(0)]
ROWS: dict[str, tuple[list[Part], dict[str, Any]]] = {
    "text": ([Text("a"), Text("b"), Stop("end_turn")], {"content": "ab", "finish": "stop"}),
    "thinking": ([Thinking("hm"), Text("a"), Stop("end_turn")], {"reasoning_content": "hm", "content": "a"}),
    "late thinking": ([Text("a"), Thinking("hm"), Stop("end_turn")], {"reasoning_content": "hm", "content": "a"}),
    "a call": ([*CALL, Stop("tool_use")], {"calls": [{"id": "c0", "name": "f", "arguments": '{"a":1}'}], "finish": "tool_calls", "content": None}),
    "interleaved calls": (
        [ToolStart(4, "x", "f"), ToolStart(9, "y", "g"), ToolInput(9, "{"), ToolInput(4, "{}"), ToolInput(9, "}"), Stop("tool_use")],
        {"calls": [{"id": "x", "name": "f", "arguments": "{}"}, {"id": "y", "name": "g", "arguments": "{}"}]},
    ),
    "a call that ran out of room": (
        [ToolStart(0, "x", "f"), ToolInput(0, '{"a'), Stop("max_tokens")],
        {"calls": [{"id": "x", "name": "f", "arguments": '{"a'}], "finish": "length"},
    ),
    "a citation": (
        [Text("it is"), Citation(SOURCE), Text(" so"), Citation(SOURCE), Stop("end_turn")],
        {
            "annotations": [
                {"type": "url_citation", "url_citation": {"url": "https://x.example/", "title": "X", "start_index": start, "end_index": end}}
                for start, end in ((0, 5), (5, 8))
            ]
        },
    ),
    "nothing": ([Stop("end_turn")], {"content": None, "calls": [], "finish": "stop"}),
    "what has no place": ([Text("a"), Signature("s"), Redacted("d"), Whole({"type": "server_tool_use"}), Stop("end_turn")], {"content": "a"}),
}  # fmt: skip


@pytest.mark.parametrize(("parts", "expected"), ROWS.values(), ids=ROWS)
def test_parts_make_a_completion_streamed_or_whole(parts: list[Part], expected: dict[str, Any]) -> None:
    """Both forms say the same, which is what the row says."""
    completion = whole(parts)
    assert completion is not None
    said = as_laid(completion)
    assert laid_together(streamed(parts)) == said
    assert {name: said[name] for name in expected} == expected


@pytest.mark.parametrize(("reason", "finish"), FINISH_REASONS.items())
def test_every_stop_reason_has_its_finish_reason(reason: str, finish: str) -> None:
    """The reverse of what an upstream's words become."""
    completion = whole([Text("a"), Stop(reason)])
    assert completion is not None
    assert completion["choices"][0]["finish_reason"] == finish


def test_what_has_no_place_is_listed_once() -> None:
    """Losses are told of both forms, a kind at a time."""
    parts: list[Part] = [Text("a"), Signature("s"), Signature("t"), Redacted("d"), Citation({"type": "char_location"})]
    writer, fold = FORM.writer("m", "msg_1", None), FORM.fold("m", "msg_1")
    writer.feed(parts)
    fold.feed(parts)
    assert (
        writer.lost
        == fold.lost
        == ["the signature of the thinking", "encrypted thinking", "a citation without an address"]
    )


def test_counts_are_added_up_as_this_api_does() -> None:
    """The prompt has what the cache served and took; thinking is within the completion."""
    parts: list[Part] = [
        Usage(input=20, cache_read=5, cache_write=3),
        Text("a"),
        Stop("end_turn"),
        Usage(output=7, thinking=2),
    ]
    completion = whole(parts)
    assert completion is not None
    assert completion["usage"] == {
        "prompt_tokens": 28,
        "completion_tokens": 7,
        "total_tokens": 35,
        "prompt_tokens_details": {"cached_tokens": 5, "cache_write_tokens": 3},
        "completion_tokens_details": {"reasoning_tokens": 2},
    }
    *chunks, last = streamed(parts)
    assert (last["choices"], last["usage"]) == ([], completion["usage"])
    assert [chunk["usage"] for chunk in chunks] == [None] * len(chunks)


def test_functions_are_answered_in_the_older_form() -> None:
    """One `function_call`; a second call has no place there."""
    parts: list[Part] = [*CALL, ToolStart(1, "c1", "g"), ToolInput(1, "{}"), Stop("tool_use")]
    completion = whole(parts, OLDER)
    assert completion is not None
    assert as_laid(completion)["function_call"] == {"name": "f", "arguments": '{"a":1}'}
    assert as_laid(completion)["finish"] == "function_call"
    assert laid_together(streamed(parts, OLDER)) == as_laid(completion)


@pytest.mark.parametrize(
    "parts",
    [
        [Text("a"), BROKEN],
        [Text("a")],
        [ToolInput(0, "{")],
        [ToolStart(0, "a", "f"), ToolStart(0, "a", "f")],
        [*CALL, ToolInput(0, "{}")],
        [ToolStart(0, "a", "f"), BROKEN],
    ],
    ids=["fault", "no stop", "no start", "two starts", "input after the end", "fault in a call"],
)
def test_what_breaks_ends_in_an_error(parts: list[Part]) -> None:
    """The last chunk of a stream is an error, and there is no whole completion."""
    *_, last = streamed(parts)
    assert set(last["error"]) == {"message", "type", "param", "code"}
    assert whole(parts) is None


def test_arguments_that_are_no_object_are_no_whole_completion() -> None:
    """Nothing has reached the client then, so another try is possible."""
    assert whole([ToolStart(0, "a", "f"), ToolInput(0, "[1]"), Stop("tool_use")]) is None


TEXTS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=5)
NUMBERS = st.integers(0, 2)
PARTS: st.SearchStrategy[Part] = st.one_of(
    TEXTS.map(Text),
    TEXTS.map(Thinking),
    TEXTS.map(Signature),
    st.builds(ToolStart, NUMBERS, TEXTS, TEXTS),
    st.builds(ToolInput, NUMBERS, st.sampled_from(["{}", '{"a":', "1}", "x", ""])),
    st.builds(ToolEnd, NUMBERS),
    st.just(Citation(SOURCE)),
    st.builds(Usage, NUMBERS, NUMBERS),
    st.sampled_from(["end_turn", "max_tokens", "new"]).map(Stop),
    st.just(BROKEN),
)


@given(st.lists(PARTS, max_size=15))
def test_any_parts_make_the_same_both_ways(parts: list[Part]) -> None:
    """Whatever comes in whatever order: chunks of the official type, and where there is a whole completion it says the same."""
    frames = streamed([*parts, Stop("end_turn")])
    completion = whole([*parts, Stop("end_turn")])
    if completion is not None and "error" not in frames[-1]:
        assert laid_together(frames) == as_laid(completion)
