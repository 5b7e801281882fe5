"""What must hold for any reply: grammar, twins, cuts, and that nothing raises."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from providers.errors import KINDS, ProviderError
from providers.messages.fold import Fold
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
from providers.messages.repair import Repair
from providers.messages.writer import Writer
from tests.fakes.cuts import same_at_every_cut
from tests.fakes.grammar_check import checked, events_of
from tests.fakes.official_sdk import accumulated, parsed
from tests.fakes.replies import ask_of, chunk, ids, openai_decoder, ran, sse, streamed, whole

TEXTS = st.text(st.characters(codec=None), max_size=8)
CALLS = st.integers(0, 3)
COUNTS = st.none() | st.integers(0, 10**6)
INPUTS = st.sampled_from(["{}", '{"a":', "1}", "", " ", "null", '"{}"', "x", "}", '"', "[1]"]) | TEXTS
PARTS: st.SearchStrategy[Part] = st.one_of(
    TEXTS.map(Text),
    TEXTS.map(Thinking),
    TEXTS.map(Signature),
    TEXTS.map(Redacted),
    st.builds(ToolStart, CALLS, st.none() | TEXTS, TEXTS),
    st.builds(ToolInput, CALLS, INPUTS),
    st.builds(ToolEnd, CALLS),
    st.just(Citation({"type": "char_location", "cited_text": "x"})),
    st.sampled_from(["web_search_tool_result", "server_tool_use", "text", "tool_use", "new_block"]).map(
        lambda kind: Whole({"type": kind, "text": "", "id": "x", "name": "n", "input": {}, "content": []})
    ),
    st.builds(Usage, COUNTS, COUNTS, COUNTS, COUNTS, COUNTS, COUNTS),
    st.sampled_from(["end_turn", "tool_use", "max_tokens", "refusal", "x"]).map(Stop),
    st.just(Fault(ProviderError(KINDS["overloaded"], "x"))),
)


@given(st.lists(PARTS, max_size=25), st.booleans())
def test_any_parts_make_a_stream_that_obeys_the_grammar(parts: list[Part], mended: bool) -> None:
    """Whatever a decoder says, the client reads whole blocks and one end."""
    writer = Writer("m", "msg_1")
    repair = Repair(ids())
    data = b"".join(writer.feed(repair.feed([part]) if mended else [part]) for part in parts) + writer.finish()
    assert checked(events_of(data)) is State.ENDED


@given(st.lists(PARTS, max_size=25))
def test_streamed_and_folded_parts_are_the_same_message(parts: list[Part]) -> None:
    """Where both forms end well, the SDK reads the same message from both."""
    repair = Repair(ids())
    mended = repair.feed([*parts, Stop("end_turn")])
    writer, fold = Writer("m", "msg_1"), Fold("m", "msg_1")
    stream = b""
    for part in mended:
        if not writer.ended:
            stream += writer.feed([part])
            fold.feed([part])
    stream += writer.finish()
    message = fold.finish()
    if writer.fault is not None:
        assert fold.fault is not None
    elif fold.fault is None and not fold.lost:
        assert accumulated(stream) == parsed(message)


WORDS = st.text('ab {}"\\ü\n', min_size=1, max_size=6)
VALUES = st.recursive(st.none() | st.integers(0, 9) | WORDS, lambda inner: st.lists(inner, max_size=3), max_leaves=4)
OBJECTS = st.dictionaries(WORDS, VALUES, max_size=3)
MESSAGES = st.tuples(st.text("xyü", max_size=6), st.text("abü ", max_size=12), st.lists(OBJECTS, max_size=3))


@given(MESSAGES, st.randoms(use_true_random=False))
def test_a_stream_is_its_whole_twin(message: tuple[str, str, list[Any]], rng: Any) -> None:
    """A completion and the same completion as a stream, its calls interleaved, make the same message."""
    thought, text, inputs = message
    calls: list[dict[str, Any]] = [
        {"id": f"call_{number}", "function": {"name": f"f{number}", "arguments": json.dumps(value)}}
        for number, value in enumerate(inputs)
    ]
    finish = "tool_calls" if calls else "stop"
    usage = {"prompt_tokens": 9, "completion_tokens": 4}
    said = {"content": text, "reasoning_content": thought, "tool_calls": calls or None}
    body = json.dumps({"choices": [{"index": 0, "message": said, "finish_reason": finish}], "usage": usage}).encode()

    chunks = [chunk({"reasoning_content": char}) for char in thought] + [chunk({"content": char}) for char in text]
    left: list[list[str]] = []
    for number, call in enumerate(calls):
        first = {"index": number, "id": call["id"], "function": {"name": call["function"]["name"], "arguments": ""}}
        chunks.append(chunk({"tool_calls": [first]}))
        left.append(list(call["function"]["arguments"]))
    while any(left):
        number = rng.choice([number for number, pieces in enumerate(left) if pieces])
        chunks.append(chunk({"tool_calls": [{"index": number, "function": {"arguments": left[number].pop(0)}}]}))
    stream = sse([*chunks, chunk({}, finish), {"choices": [], "usage": usage}])

    ask = ask_of()
    folded = ran(openai_decoder(ask), [body], stream=False)
    if not (thought or text or calls):
        assert folded.fault is not None
        assert folded.fault.kind.name == "silent"
        return
    assert ran(openai_decoder(ask), [stream], stream=False).data == folded.data
    assert accumulated(ran(openai_decoder(ask), [stream], stream=True).data) == parsed(folded.data)
    assert accumulated(ran(openai_decoder(ask), [body], stream=True).data) == parsed(folded.data)


TOKENS = st.sampled_from(
    [b"data: ", b"\n\n", b"\r\n", b"[DONE]", b"{", b"}", b'{"choices":[', b"]}", b'{"delta":', b'{"content":"a"}', b'"', b"\\ud83d",
     b'"finish_reason":"stop"', b",", b'"error":', b"event: error\n", b"<html>", b"\xff\xfe", b"\xef\xbb\xbf", b"null", b"[", b": c\n\n",
     b'{"tool_calls":[{"index":0,"function":{"name":"f","arguments":"{"}}]}', b'data: {"choices":[{"delta":{"content":"a"}}]}\n\n',
     b'data: {"choices":[{"delta":{},"finish_reason":"stop"}]}\n\n']
)  # fmt: skip


@given(
    st.lists(TOKENS | st.binary(max_size=6), max_size=12),
    st.sampled_from(["text/event-stream", "application/json", ""]),
)
def test_no_bytes_break_the_decoder(tokens: list[bytes], content_type: str) -> None:
    """Any bytes give parts with one end, at every cut, and a reply that keeps its promises."""
    ask, body = ask_of(), b"".join(tokens)
    same_at_every_cut(lambda: openai_decoder(ask_of(), content_type), body, seeds=1)
    streamed(lambda: openai_decoder(ask, content_type), body)
    whole(lambda: openai_decoder(ask, content_type), body)


ODD = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["", "a", "stop", "error", "0", "{}", "f"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "choices",
                    "index",
                    "delta",
                    "message",
                    "content",
                    "tool_calls",
                    "function",
                    "name",
                    "arguments",
                    "id",
                    "type",
                    "text",
                    "reasoning",
                    "reasoning_details",
                    "annotations",
                    "url_citation",
                    "url",
                    "usage",
                    "prompt_tokens",
                    "finish_reason",
                    "error",
                    "data",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(st.lists(ODD, max_size=6), st.booleans())
def test_no_chunk_breaks_the_decoder(values: list[Any], as_choice: bool) -> None:
    """Members of any type anywhere in a chunk give parts with one end."""
    chunks = [{"choices": [{"delta": value, "finish_reason": value}]} if as_choice else value for value in values]
    body = sse(chunks)
    same_at_every_cut(lambda: openai_decoder(ask_of()), body, seeds=1)
    ask = ask_of()
    streamed(lambda: openai_decoder(ask), body)
    whole(lambda: openai_decoder(ask), json.dumps(chunks[0] if chunks else None).encode())
