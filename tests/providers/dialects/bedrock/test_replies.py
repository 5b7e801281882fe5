"""Bedrock's replies: the binary stream passed through, the same as parts, and every way of breaking."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.dialects.bedrock.dialect import BEDROCK
from providers.dialects.bedrock.errors import error_of
from providers.dialects.bedrock.replies import BinaryThrough, decoder_of
from providers.dialects.seams import Ask, Decoder, Encoded, Head
from providers.errors import KINDS
from providers.messages.grammar import State
from providers.reply import Reply
from tests.fakes.bedrock import EVENT_STREAM, Invoke, chunk
from tests.fakes.cuts import same_at_every_cut, same_for_every_cut
from tests.fakes.grammar_check import checked, events_of
from tests.fakes.official_sdk import accumulated, parsed
from tests.fakes.replies import ask_of, streamed, whole
from tests.fakes.upstream import Call
from tests.providers.dialects.asking import BASE, KEY
from tests.providers.dialects.asking import ask_of as asked
from tests.vectors.codewhisperer import cwvectors

SAID = Invoke("hello 😀", (Call("f", {"a": 1}, "toolu_1"),), fragment=3)
BINARY = Head(200, {"content-type": f"{EVENT_STREAM}; charset=x"})


def decoder() -> Decoder:
    return decoder_of(ask_of(), BINARY)


def through(ask: Ask, pieces: list[bytes]) -> tuple[bytes, Any, bool]:
    """The bytes for the client, the fault's kind, and whether it was streamed at all."""
    reply: Reply = BinaryThrough(ask, lambda text: text)
    data = b""
    for piece in pieces:
        given = reply.feed(piece)
        assert reply.started or not given
        data += given
        if reply.stopped or reply.fault is not None:
            break
    data += reply.finish()
    return data, reply.fault and (reply.fault.kind.name, reply.fault.message), reply.started


def test_a_stream_passes_as_it_came() -> None:
    """Every event is the upstream's own, members that nobody knows included; only the model is the client's."""
    data, fault, _ = same_for_every_cut(lambda pieces: through(ask_of(), pieces), b"".join(SAID.blobs()))
    assert fault is None
    events = events_of(data)
    wanted = list(SAID.events())
    wanted[0]["message"]["model"] = "claude-test"
    assert events == wanted
    assert checked(events) is State.ENDED
    assert accumulated(data)["content"] == SAID.message()["content"]


def test_stream_and_message_are_the_same_as_parts() -> None:
    """As parts, for clients of other formats, both forms make the same message."""
    body = b"".join(SAID.blobs())
    same_at_every_cut(decoder, body)
    came = streamed(decoder, body)
    folded = whole(decoder, body)
    assert accumulated(came.data)["content"] == parsed(folded.data)["content"] == SAID.message()["content"]
    message = whole(
        lambda: decoder_of(ask_of(), Head(200, {"content-type": "application/json"})),
        json.dumps(SAID.message()).encode(),
    )
    assert parsed(message.data) == parsed(folded.data)


BROKEN: list[tuple[str, bytes, str, bool]] = [
    ("exception", b"".join(Invoke("hello", exception=("throttlingException", "slow")).blobs()), "rate_limit", True),
    (
        "exception-first",
        b"".join(cwvectors.encode_frames([{"exception": "modelTimeoutException", "payload": {}}])),
        "timeout",
        False,
    ),
    (
        "too-long",
        b"".join(
            cwvectors.encode_frames(
                [{"exception": "validationException", "payload": {"message": "Input is too long for requested model."}}]
            )
        ),
        "context_length",
        False,
    ),
    ("cut-in-a-frame", b"".join(Invoke("hello", cut_bytes=9).blobs()[:-1])[:-9], "cut", True),
    ("cut-between-frames", b"".join(Invoke("hello").blobs()[:3]), "cut", True),
    ("damaged", b"".join(Invoke("hello").blobs()[:3]) + b"\0" * 40, "garbage", True),
    ("no-base64", b"".join(cwvectors.encode_frames([{"event": "chunk", "payload": {"bytes": "*"}}])), "garbage", False),
    ("no-event", b"".join(cwvectors.encode_frames([chunk([1])])), "garbage", False),
    ("nothing", b"", "empty", False),
]


@pytest.mark.parametrize(("body", "kind", "started"), [row[1:] for row in BROKEN], ids=[row[0] for row in BROKEN])
def test_a_stream_that_breaks_says_why(body: bytes, kind: str, started: bool) -> None:
    """Passed through or as parts, before the first word or after it, the fault is the same."""
    data, fault, was_started = same_for_every_cut(lambda pieces: through(ask_of(), pieces), body)
    assert (fault[0], was_started) == (kind, started)
    assert not started or events_of(data)[-1]["type"] == "error"
    same_at_every_cut(decoder, body)
    came = streamed(decoder, body)
    assert came.fault is not None
    assert came.fault.kind.name == kind


PIECES = st.sampled_from([*SAID.blobs(), b"\0\0\0", b"event: x\n\n", *cwvectors.encode_frames([chunk({"type": 7})])])


@given(st.lists(PIECES | st.binary(max_size=12), max_size=8))
def test_no_bytes_break_it(pieces: list[bytes]) -> None:
    """Any bytes give a reply that keeps its promises, at every cut."""
    body = b"".join(pieces)
    data, _, started = same_for_every_cut(lambda cut: through(ask_of(), cut), body, seeds=1)
    assert started or data == b""
    same_at_every_cut(decoder, body, seeds=1)


ODD = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["", "a", "text", "tool_use", "text_delta"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["type", "message", "index", "delta", "content_block", "usage", "text", "content"]), inner, max_size=4)
    ),
    max_leaves=10,
)  # fmt: skip
KINDS_OF_EVENTS = st.sampled_from(
    ["message_start", "content_block_start", "content_block_delta", "content_block_stop", "message_delta", "message_stop", "error", "new\nline"]
)  # fmt: skip


@given(st.lists(st.tuples(KINDS_OF_EVENTS, st.dictionaries(st.sampled_from(["message", "index", "delta", "content_block", "usage", "error"]), ODD)), max_size=6))  # fmt: skip
def test_no_event_breaks_it(events: list[tuple[str, dict[str, Any]]]) -> None:
    """Members of any type anywhere in an event give parts with one end."""
    frames = [chunk({"type": kind, **members}) for kind, members in events]
    body = b"".join(cwvectors.encode_frames(frames))
    same_at_every_cut(decoder, body, seeds=1)
    same_for_every_cut(lambda cut: through(ask_of(), cut), body, seeds=1)


def test_the_form_decides_what_passes() -> None:
    """What is not in the form that the client asked for goes the way of parts."""
    ask = ask_of()
    encoded = Encoded("/", b"", {})
    assert BEDROCK.reply(ask, encoded, Head(200, {"content-type": "application/json"}), bytes) is not None
    assert BEDROCK.reply(ask, encoded, BINARY, bytes) is None
    assert BEDROCK.passed_on(Head(200, {"x-amzn-requestid": "r"})) == (("x-ccr-upstream-request-id", "r"),)


REFUSALS: list[tuple[int, str, str, str]] = [
    (429, "ThrottlingException:http://x", "Too many tokens, please wait before trying again.", "rate_limit"),
    (400, "ServiceQuotaExceededException", "quota", "quota"),
    (400, "ValidationException", "Input is too long for requested model.", "context_length"),
    (400, "ValidationException", "prompt is too long: 250000 tokens > 200000 maximum", "context_length"),
    (400, "ValidationException", "messages.0: bad", "bad_request"),
    (400, "ValidationException", "Invocation of model ID m with on-demand throughput is not supported", "model"),
    (403, "AccessDeniedException", "You don't have access to the model", "permission"),
    (403, "ExpiredTokenException", "expired", "credential_expired"),
    (403, "UnrecognizedClientException", "invalid", "credential"),
    (403, "InvalidSignatureException", "signature", "credential"),
    (404, "ResourceNotFoundException", "none", "model"),
    (408, "ModelTimeoutException", "slow", "timeout"),
    (424, "ModelErrorException", "oops", "server"),
    (429, "ModelNotReadyException", "not ready", "unavailable"),
    (500, "InternalServerException", "oops", "server"),
    (503, "ServiceUnavailableException", "busy", "overloaded"),
    (503, "", "busy", "unavailable"),
]


@pytest.mark.parametrize(("status", "name", "said", "kind"), REFUSALS)
def test_a_refusal_means(status: int, name: str, said: str, kind: str) -> None:
    """By the exception's name, unless the wording says more."""
    head = Head(status, {"x-amzn-errortype": name})
    error = error_of(asked(BASE, kind="bedrock"), head, json.dumps({"message": said}).encode())
    assert (error.kind, error.status) == (KINDS[kind], status)


@given(st.integers(300, 599), st.binary(max_size=60) | st.text(max_size=40).map(lambda text: f"{text}{KEY}".encode()))
def test_any_refusal_means_something(status: int, body: bytes) -> None:
    """No body raises, and no message holds the key."""
    assert KEY not in error_of(asked(BASE, kind="bedrock"), Head(status, {"x-amzn-errortype": "#:"}), body).message
