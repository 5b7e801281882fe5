"""Every stream of the vectors, as parts and as what the client reads, however its bytes are cut."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from providers.dialects.codewhisperer.replies import ReplyDecoder
from providers.dialects.codewhisperer.requests import Sent
from providers.dialects.seams import Head
from providers.errors import KINDS, ProviderError
from providers.messages.parts import (
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
)
from providers.reply import Reply
from providers.translate import translated
from tests.vectors.codewhisperer import cwvectors

CASES = cwvectors.load("streams.json")["cases"]
CHUNKINGS: list[Any] = ["whole", "bytes", {"size": 13}, {"seed": 1}, {"seed": 2}]
STREAM = Head(200, {"content-type": "application/vnd.amazon.eventstream"})
MODEL = "claude-sonnet-4-20250514"
RETRIES = {"same": "same", "other_credential": "other", "never": "never"}


def decoder(
    *, thinking: str = "off", names: dict[str, str] | None = None, head: Head = STREAM, **sent: Any
) -> ReplyDecoder:
    known: dict[str, Any] = {
        "issuer": "i",
        "model_id": "m",
        "input_tokens": 250,
        "window_tokens": None,
    }
    return ReplyDecoder(Sent(thinking=thinking, **(known | sent)), names or {}, head)


def parts_of(data: bytes, plan: Any = "whole", **how: Any) -> list[Part]:
    """All parts of a body."""
    one = decoder(**how)
    return [part for chunk in cwvectors.chunks(data, plan) for part in one.feed(chunk)] + list(one.finish())


def events(*frames: tuple[str, Any]) -> bytes:
    """A body of events."""
    return b"".join(cwvectors.encode_frames([{"event": name, "payload": payload} for name, payload in frames]))


def said(text: str) -> tuple[str, Any]:
    return ("assistantResponseEvent", {"content": text})


def called(call_id: str | None, **more: Any) -> tuple[str, Any]:
    return ("toolUseEvent", ({"toolUseId": call_id} if call_id else {}) | more)


def read(case: dict[str, Any], plan: Any, *, stream: bool) -> tuple[Reply, bytes]:
    """A case's reply and all bytes the client gets."""
    ids = iter(range(1000))
    reply = translated(
        decoder(thinking=case["request"]["thinking"]),
        stream=stream,
        model=case["request"]["model"],
        message_id="msg_1",
        new_id=lambda: f"{next(ids):024}",
        declared_tools=case["request"]["tools"],
        extract_printed_calls=True,
    )
    out = b"".join(reply.feed(chunk) for chunk in cwvectors.chunks(cwvectors.encode_case(case), plan))
    return reply, (out + reply.finish()).replace(b"ccr:i:", b"")


def accepted(case: dict[str, Any], *outcomes: str) -> list[dict[str, Any]]:
    return [wanted for wanted in case.get("expect_any") or [case["expect"]] if wanted["outcome"] in outcomes]


def error_fits(wanted: dict[str, Any], error: ProviderError | None) -> list[str]:
    if error is None:
        return ["no error"]
    found = {"type": error.kind.error_type, "message": error.message}
    differences: list[str] = cwvectors.differences(wanted["error"], found)
    differences += cwvectors.differences(wanted["http_status"], error.kind.status)
    return differences + ([] if error.kind.retry == RETRIES[wanted["retryable"]] else [f"retry {error.kind.retry}"])


def message_fits(wanted: dict[str, Any], message: dict[str, Any]) -> list[str]:
    found = {key: message[key] for key in ("content", "stop_reason", "usage")}
    differences: list[str] = cwvectors.differences({key: wanted[key] for key in found}, found)
    return differences


def assembled(data: bytes) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """The message that a client makes of a stream, and the error. What a break left open counts if it is text.

    A call that the token limit cut is streamed as received; a client cannot use it, so it is left out here.
    """
    message: dict[str, Any] = {}
    content: list[dict[str, Any]] = []
    pieces: list[str] = []
    error: dict[str, Any] | None = None
    open_block: dict[str, Any] | None = None
    for name, event in sse_events(data):
        match name:
            case "message_start":
                assert not message
                message = event["message"]
            case "content_block_start":
                assert open_block is None
                assert event["index"] == len(pieces)
                open_block = event["content_block"]
                pieces.append("")
            case "content_block_delta":
                assert event["index"] == len(pieces) - 1
                pieces[-1] += added(open_block, event["delta"])
            case "content_block_stop":
                assert open_block is not None
                if open_block["type"] == "tool_use":
                    open_block["input"] = parsed(pieces[-1])
                content.append(open_block)
                open_block = None
            case "message_delta":
                message |= event["delta"]
                message["usage"] = message["usage"] | event["usage"]
            case "error":
                error = event["error"]
            case "message_stop":
                message["stopped"] = True
    if open_block and open_block["type"] == "text":
        content.append(open_block)
    cut = [block for block in content if block["type"] == "tool_use" and block["input"] is None]
    # at `max_tokens` a call is sent as received, and text may have come behind it
    assert not cut or message["stop_reason"] == "max_tokens"
    return message | {"content": [block for block in content if block not in cut]}, error


def parsed(text: str) -> dict[str, Any] | None:
    try:
        value: dict[str, Any] = json.loads(text)
    except ValueError:
        return None
    return value


def added(block: dict[str, Any] | None, delta: dict[str, Any]) -> str:
    """Adds a delta to its block; the piece of a call's input that it is."""
    assert block is not None
    match delta["type"]:
        case "text_delta":
            block["text"] += delta["text"]
        case "thinking_delta":
            block["thinking"] += delta["thinking"]
        case "signature_delta":
            block["signature"] = delta["signature"]
        case "input_json_delta":
            return str(delta["partial_json"])
    return ""


def sse_events(data: bytes) -> Iterable[tuple[str, dict[str, Any]]]:
    for block in data.decode().split("\n\n"):
        lines = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line)
        if lines:
            yield lines["event"], json.loads(lines["data"])


@pytest.mark.parametrize("plan", CHUNKINGS, ids=str)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_every_stream_vector_gives_its_message(case: dict[str, Any], plan: Any) -> None:
    """Not streamed: the message that the vectors accept, or the error with its status and retry."""
    reply, data = read(case, plan, stream=False)
    if reply.fault is not None:
        wanted = accepted(case, "error", "partial")
        assert [] in [error_fits(one, reply.fault) for one in wanted], (reply.fault, wanted)
        assert data == b""
        return
    message = json.loads(data)
    wanted = accepted(case, "message")
    assert [] in [message_fits(one, message) for one in wanted], (message, wanted)
    assert message["id"].startswith("msg_")
    assert (message["type"], message["role"], message["model"]) == ("message", "assistant", case["request"]["model"])
    assert message["stop_sequence"] is None


@pytest.mark.parametrize("plan", CHUNKINGS, ids=str)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_every_stream_vector_gives_its_events(case: dict[str, Any], plan: Any) -> None:
    """Streamed: blocks in order, one open at a time, and the same message; or the blocks so far and one error event."""
    reply, data = read(case, plan, stream=True)
    message, error = assembled(data)
    if not reply.started:
        wanted = accepted(case, "error", "partial")
        assert [] in [error_fits(one, reply.fault) for one in wanted], (reply.fault, wanted)
        assert data == b""
    elif reply.fault is not None:
        wanted = accepted(case, "partial", "error")
        assert error is not None
        assert [] in [
            error_fits(one, reply.fault) + cwvectors.differences(one.get("partial_content", []), message["content"])
            for one in wanted
        ], (reply.fault, message, wanted)
        assert "stopped" not in message
    else:
        wanted = accepted(case, "message")
        assert [] in [message_fits(one, message) for one in wanted], (message, wanted)
        assert message["stopped"]


def content_of(data: bytes, **how: Any) -> list[Part]:
    """The parts without the counts."""
    return [part for part in parts_of(data, **how) if not isinstance(part, Usage)]


def fault_of(parts: Sequence[Part]) -> ProviderError:
    assert isinstance(parts[-1], Fault)
    return parts[-1].error


def test_input_streams_as_it_comes() -> None:
    """Each fragment is given on with the frame that brought it; the call is over only when its input is whole."""
    one = decoder()
    frames = [
        called("c", name="Bash"),
        called("c", input='{"a":'),
        called("c", input="1}"),
        called("c", stop=True),
    ]
    given_on = [[part for part in one.feed(events(frame)) if not isinstance(part, Usage)] for frame in frames]
    assert given_on == [
        [],
        [ToolStart(0, "c", "Bash"), ToolInput(0, '{"a":')],
        [ToolInput(0, "1}")],
        [ToolEnd(0)],
    ]


def test_names_are_the_client_s() -> None:
    """A name that was changed on the way out is changed back."""
    parts = content_of(events(called("c", name="short", input="{}", stop=True)), names={"short": "a.very.long.name"})
    assert parts[0] == ToolStart(0, "c", "a.very.long.name")


CALLS: list[tuple[str, list[tuple[str, Any]], list[Part]]] = [
    (
        "order-of-appearance",
        [called("a", name="A"), called("b", name="B", input="{}", stop=True), called("a", input="{}", stop=True)],
        [
            ToolStart(0, "a", "A"),
            ToolStart(1, "b", "B"),
            ToolInput(1, "{}"),
            ToolEnd(1),
            ToolInput(0, "{}"),
            ToolEnd(0),
        ],
    ),
    (
        "whole-then-object",
        [called("a", name="A", input='{"x":1}'), called("a", input={"x": 1}, stop=True)],
        [ToolStart(0, "a", "A"), ToolInput(0, '{"x":1}'), ToolEnd(0)],
    ),
    (
        "two-nameless-ids",
        [called(None, name="A", input="{}"), called(None, name="B", input="{}", stop=True)],
        [
            ToolStart(0, None, "A"),
            ToolInput(0, "{}"),
            ToolStart(1, None, "B"),
            ToolInput(1, "{}"),
            ToolEnd(1),
            ToolEnd(0),
        ],
    ),
    (
        "string-input-is-left-to-repair",
        [called("a", name="A", input='"{}"', stop=True)],
        [ToolStart(0, "a", "A"), ToolInput(0, '"{}"'), ToolEnd(0)],
    ),
    (
        "half-characters",
        [
            said("\ud83d"),
            said("\ude00!"),
            called("a", name="A", input='{"x":"\ud83d'),
            called("a", input='\ude00"}', stop=True),
        ],
        [Text("😀!"), ToolStart(0, "a", "A"), ToolInput(0, '{"x":"'), ToolInput(0, '😀"}'), ToolEnd(0)],
    ),
    (
        "escaped-half-character",
        [called("a", name="A", input='{"x":"\\ud83d'), called("a", input='"}', stop=True)],
        [ToolStart(0, "a", "A"), ToolInput(0, '{"x":"\\ud83d'), ToolInput(0, '"}'), ToolEnd(0)],
    ),
    (
        "huge-number",
        [called("a", name="A", input='{"x":1e999}', stop=True)],
        [ToolStart(0, "a", "A"), ToolInput(0, '{"x":1e999}'), ToolEnd(0)],
    ),
    (
        "fragment-that-looks-like-a-repetition",
        [called("a", name="A", input='{"x":"{}'), called("a", input='{}"}', stop=True)],
        [ToolStart(0, "a", "A"), ToolInput(0, '{"x":"{}'), ToolInput(0, '{}"}'), ToolEnd(0)],
    ),
]


@pytest.mark.parametrize(("frames", "wanted"), [row[1:] for row in CALLS], ids=[row[0] for row in CALLS])
def test_calls_are_put_together(frames: list[tuple[str, Any]], wanted: list[Part]) -> None:
    """Whatever form a call comes in, its parts are in order and its end is certain."""
    data = b"".join(
        cwvectors.encode_frame([(":event-type", name), (":message-type", "event")], json.dumps(payload).encode())
        for name, payload in frames
    )
    assert content_of(data) == [*wanted, Stop("tool_use")]


BROKEN_CALLS: list[tuple[str, list[tuple[str, Any]], str]] = [
    ("cut", [called("a", name="A", input='{"x":')], "the input of the call of `A` was cut"),
    ("stopped-cut", [called("a", name="A", input='{"x":', stop=True)], "was cut"),
    ("then-text", [called("a", name="A", input='{"x":', stop=True), said("and")], "was cut"),
    (
        "then-call",
        [called("a", name="A", input="{", stop=True), called("b", name="B", input="{}", stop=True)],
        "was cut",
    ),
    ("list", [called("a", name="A", input="[]", stop=True)], "is no object"),
    ("number", [called("a", name="A", input="1", stop=True)], "is no object"),
    ("garbage-after", [called("a", name="A", input="{} x", stop=True)], "was cut"),
    ("two-inputs", [called("a", name="A", input='{"x":1}'), called("a", input={"x": 2})], "two different inputs"),
    ("no-name", [called("a", input="{}", stop=True)], "without a name"),
    ("wrong-type", [("toolUseEvent", {"toolUseId": 5, "name": "A"})], "cannot be read"),
    ("malformed", [said("I will"), ("metadataEvent", {"stopReason": "MALFORMED_TOOL_USE"})], "could not read"),
]


@pytest.mark.parametrize(("frames", "said_"), [row[1:] for row in BROKEN_CALLS], ids=[row[0] for row in BROKEN_CALLS])
def test_a_call_that_cannot_be_used_is_told(frames: list[tuple[str, Any]], said_: str) -> None:
    """No call is completed or emptied: the reply breaks, and the client reads why."""
    parts = parts_of(events(*frames))
    assert said_ in fault_of(parts).message
    assert not any(isinstance(part, Stop) for part in parts)


def test_the_token_limit_explains_a_cut_call() -> None:
    """With MAX_TOKENS the cut call is left without an end, and the turn ends as cut."""
    frames = [called("a", name="A", input='{"x":', stop=True), ("metadataEvent", {"stopReason": "MAX_TOKENS"})]
    assert content_of(events(*frames)) == [ToolStart(0, "a", "A"), ToolInput(0, '{"x":'), Stop("max_tokens")]


THINKING: list[tuple[str, str, list[str], list[Part]]] = [
    ("plain", "simulated", ["<thinking>a</thinking>\n\nb"], [Thinking("a"), Text("b"), Stop("end_turn")]),
    ("no-tag", "simulated", ["<think", "er> x"], [Text("<thinker> x"), Stop("end_turn")]),
    ("later-tag", "simulated", ["a <thinking>b</thinking>"], [Text("a <thinking>b</thinking>"), Stop("end_turn")]),
    (
        "second-tag",
        "simulated",
        ["<thinking>a</thinking>b<thinking>c</thinking>"],
        [Thinking("a"), Text("b<thinking>c</thinking>"), Stop("end_turn")],
    ),
    ("unclosed", "simulated", ["<thinking>a</thin"], [Thinking("a"), Thinking("</thin"), Stop("max_tokens")]),
    ("only-space", "simulated", [" "], [Text(" "), Stop("end_turn")]),
    ("tag-cut", "simulated", ["<thi"], [Text("<thi"), Stop("end_turn")]),
    ("not-simulated", "native", ["<thinking>a</thinking>"], [Text("<thinking>a</thinking>"), Stop("end_turn")]),
]


@pytest.mark.parametrize(
    ("thinking", "texts", "wanted"), [row[1:] for row in THINKING], ids=[row[0] for row in THINKING]
)
def test_tags_are_thinking_only_where_we_asked_for_them(thinking: str, texts: list[str], wanted: list[Part]) -> None:
    """Tags count at the very start of a reply whose request asked for them, and nowhere else."""
    assert content_of(events(*map(said, texts)), thinking=thinking) == wanted


def test_thinking_reaches_only_who_asked() -> None:
    """The service's own thinking, its signature and what it encrypted."""
    data = events(
        ("reasoningContentEvent", {"text": "a"}),
        ("reasoningContentEvent", {"signature": "s"}),
        ("reasoningContentEvent", {"redactedContent": "cg=="}),
        said("b"),
    )
    assert content_of(data, thinking="native") == [
        Thinking("a"),
        Signature("ccr:i:s"),
        Redacted("ccr:i:cg=="),
        Text("b"),
        Stop("end_turn"),
    ]
    assert content_of(data) == [Text("b"), Stop("end_turn")]


def test_a_stop_reason_of_tomorrow_is_kept_by_name() -> None:
    """It ends the turn as an ordinary one, and the log can say what the service said."""
    ended = ("metadataEvent", {"stopReason": "BRAND_NEW"})
    assert parts_of(events(said("a"), ended))[-1] == Stop("end_turn", unknown="BRAND_NEW")
    assert parts_of(events(called("a", name="A", input="{}", stop=True), ended))[-1] == Stop(
        "tool_use", unknown="BRAND_NEW"
    )


def test_counts_of_the_service_win_over_ours() -> None:
    """Counted tokens are given as counted, cache included; otherwise estimates, or the percentage where configured."""
    tokens = {"uncachedInputTokens": 10, "outputTokens": 3, "cacheReadInputTokens": 5, "cacheWriteInputTokens": 2}
    counted = events(said("x" * 40), ("metadataEvent", {"tokenUsage": tokens}))
    assert parts_of(counted)[-2] == Usage(input=10, output=3, cache_read=5, cache_write=2)
    reported = events(said("x" * 40), ("contextUsageEvent", {"contextUsagePercentage": 5.0}))
    assert parts_of(reported)[0] == Usage(input=250)
    assert parts_of(reported)[-2] == Usage(input=250, output=10)
    assert parts_of(reported, window_tokens=200_000)[-2] == Usage(input=9_990, output=10)


def test_a_tail_that_breaks_after_the_end_costs_nothing() -> None:
    """Once the service said that the model stopped, damage and cuts behind it do not spoil the reply."""
    whole = events(said("a"), ("metadataEvent", {"stopReason": "END_TURN"}))
    for tail in (b"\x00", b"garbage that is no frame", events(("meteringEvent", {}))[:-1]):
        assert content_of(whole + tail) == [Text("a"), Stop("end_turn")]
    assert fault_of(parts_of(events(said("a")) + b"\x00")).kind.name == "cut"


def test_a_connection_that_breaks_is_no_end() -> None:
    """A reset between frames of a reply without a stop reason is an error; after one it is not."""
    error = ProviderError(KINDS["cut"], "reset")
    for frames, broken in (([said("a")], True), ([said("a"), ("metadataEvent", {"stopReason": "END_TURN"})], False)):
        for stream in (True, False):
            reply = translated(decoder(), stream=stream, model="m", message_id="msg_1", new_id=lambda: "x")
            reply.feed(events(*frames))
            reply.fail(error)
            assert (reply.fault is not None) is broken


@pytest.mark.parametrize(
    ("content_type", "body", "kind"),
    [
        ("application/json", b'{"message":"Improperly formed request."}', "garbage"),
        ("application/x-amz-json-1.0", b'{"__type":"x#ThrottlingException","message":"slow"}', "rate_limit"),
        ("text/html; charset=utf-8", b"<html>", "garbage"),
        ("text/plain", b"", "garbage"),
    ],
)
def test_an_answer_that_is_no_stream_is_an_error(content_type: str, body: bytes, kind: str) -> None:
    """A 200 of another type gives no message; what it says of itself decides."""
    parts = parts_of(body * 3 if kind == "garbage" else body, head=Head(200, {"content-type": content_type}))
    assert fault_of(parts).kind == KINDS[kind]


@given(st.binary(max_size=400), st.integers(0, 2**16), st.sampled_from(["off", "native", "simulated"]))
@settings(max_examples=80, deadline=None)
def test_any_bytes_end_in_a_stop_or_a_fault(data: bytes, seed: int, thinking: str) -> None:
    """Fuzz: no bytes make the decoder fail, and it always comes to an end."""
    assert isinstance(parts_of(data, {"seed": seed}, thinking=thinking)[-1], (Stop, Fault))


EVENTS = st.sampled_from(
    [
        "assistantResponseEvent",
        "toolUseEvent",
        "reasoningContentEvent",
        "metadataEvent",
        "contextUsageEvent",
        "invalidStateEvent",
        "error",
        "x",
    ]
)
TEXT = st.sampled_from(
    ["", "a", "{", "}", "{}", '{"x":1}', '"', "<thinking>", "</thinking>", "\ud83d", "\ude00", "[", "null"]
)
SCALAR = st.one_of(TEXT, st.none(), st.booleans(), st.integers(-1, 3), st.just({}), st.just({"x": 1}))
PAYLOAD = st.dictionaries(
    st.sampled_from(
        ["content", "toolUseId", "name", "input", "stop", "text", "signature", "stopReason", "tokenUsage", "message"]
    ),
    SCALAR,
    max_size=4,
)
PLAUSIBLE = st.one_of(
    st.tuples(st.just("assistantResponseEvent"), st.fixed_dictionaries({"content": TEXT})),
    st.tuples(
        st.just("toolUseEvent"),
        st.fixed_dictionaries(
            {"toolUseId": st.sampled_from(["a", "b"]), "name": st.just("N")},
            optional={"input": st.one_of(TEXT, st.just({}), st.just({"x": 1})), "stop": st.booleans()},
        ),
    ),
    st.tuples(
        st.just("metadataEvent"), st.fixed_dictionaries({"stopReason": st.sampled_from(["END_TURN", "MAX_TOKENS"])})
    ),
)


@given(
    st.lists(st.one_of(PLAUSIBLE, st.tuples(EVENTS, PAYLOAD)), max_size=8),
    st.integers(0, 2**16),
    st.sampled_from(["off", "simulated"]),
)
@settings(max_examples=150, deadline=None)
def test_any_events_give_orderly_parts_in_any_chunking(frames: list[tuple[str, Any]], seed: int, thinking: str) -> None:
    """Calls start before their input, end at most once and only with whole JSON; one Stop or Fault comes last; cuts change nothing."""
    data = b"".join(
        cwvectors.encode_frame([(":event-type", name), (":message-type", "event")], json.dumps(payload).encode())
        for name, payload in frames
    )
    parts = parts_of(data, thinking=thinking)
    assert parts == parts_of(data, {"seed": seed}, thinking=thinking)
    assert [isinstance(part, (Stop, Fault)) for part in parts] == [False] * (len(parts) - 1) + [True]
    held: dict[int, str] = {}
    ended: set[int] = set()
    for part in parts:
        match part:
            case ToolStart(call=call):
                assert call == len(held)
                held[call] = ""
            case ToolInput(call=call, json=text):
                assert call not in ended
                assert text
                held[call] += text
            case ToolEnd(call=call):
                assert call not in ended
                assert isinstance(json.loads(held[call]), (dict, str, type(None)))
                ended.add(call)
            case Text(text=text) | Thinking(text=text):
                assert text.encode()
            case Stop(reason=reason):
                assert (set(held) - ended == set()) or reason == "max_tokens"


@given(st.lists(PLAUSIBLE, max_size=8), st.integers(0, 2**16), st.booleans())
@settings(max_examples=60, deadline=None)
def test_any_events_reach_the_client_in_grammar(frames: list[tuple[str, Any]], seed: int, stream: bool) -> None:
    """Behind the translation every stream is a whole message, or the beginning of one and an error event."""
    data = b"".join(
        cwvectors.encode_frame([(":event-type", name), (":message-type", "event")], json.dumps(payload).encode())
        for name, payload in frames
    )
    reply = translated(decoder(), stream=stream, model="m", message_id="msg_1", new_id=lambda: "x")
    out = b"".join(reply.feed(chunk) for chunk in cwvectors.chunks(data, {"seed": seed})) + reply.finish()
    if not stream:
        assert (reply.fault is None) == bool(out)
    elif out:
        message, error = assembled(out)
        assert ("stopped" in message) == (error is None) == (reply.fault is None)
