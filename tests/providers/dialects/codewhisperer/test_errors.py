"""HTTP errors of the service against the vectors."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from providers.dialects.codewhisperer.errors import error_of
from providers.dialects.codewhisperer.replies import ReplyDecoder
from providers.dialects.codewhisperer.requests import Sent
from providers.dialects.seams import Head
from providers.errors import KINDS
from providers.messages.parts import Fault
from tests.vectors.codewhisperer import cwvectors

CASES = cwvectors.load("errors.json")["cases"]
RETRIES = {
    "never": "never",
    "same": "same",
    "other_credential": "other",
    "other_model": "never",
    "after_refresh": "refresh",
}
"""`other_model` is not for the instance to decide: a fallback target is another model."""


def body_of(case: dict[str, Any]) -> bytes:
    body = case["body"]
    return body.encode() if isinstance(body, str) else json.dumps(body).encode()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_every_error_vector_is_met(case: dict[str, Any]) -> None:
    """Type, status and retry are those the vectors accept, a 200 without a stream included."""
    head = Head(case["status"], case["headers"])
    if case["status"] == 200:
        decoder = ReplyDecoder(Sent("i", "m", "off", 1, None), {}, head)
        (fault,) = [*decoder.feed(body_of(case)), *decoder.finish()]
        assert isinstance(fault, Fault)
        error = fault.error
    else:
        error = error_of(head, body_of(case), model="the-model")
        assert error.status == case["status"]
    found = (error.kind.error_type, error.kind.status, error.kind.retry)
    wanted = [one for one in case["expect_any"] if found == (one["type"], one["status"], RETRIES[one["retry"]])]
    assert wanted, (found, case["expect_any"])
    assert wanted[0].get("message_contains", "") in error.message
    assert error.message


ROWS: list[tuple[str, int, Any, str, str]] = [
    ("monthly-in-the-text", 400, {"message": "quota: MONTHLY_REQUEST_COUNT reached"}, "quota", "MONTHLY"),
    ("capacity-is-of-the-model", 429, {"reason": "INSUFFICIENT_MODEL_CAPACITY"}, "overloaded", "429"),
    ("model-is-named", 400, {"message": "no", "reason": "INVALID_MODEL_ID"}, "model", "`the-model`"),
    (
        "profile-is-named",
        400,
        {"message": "profileArn is required for this request."},
        "bad_request",
        "settings.profileArn",
    ),
    ("wrong-target", 404, {"__type": "UnknownOperationException"}, "model", "settings.dialect"),
    ("too-large", 413, "", "too_large", "413"),
    ("gateway", 503, "<html>", "unavailable", "<html>"),
    ("teapot", 418, b"\xff\xfe", "bad_request", "\ufffd"),
    ("array", 500, [1], "server", "[1]"),
]


@pytest.mark.parametrize(("status", "body", "kind", "said"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_rows_beyond_the_vectors(status: int, body: Any, kind: str, said: str) -> None:
    """Each answer has a kind and a message that helps."""
    raw = body if isinstance(body, bytes) else body_of({"body": body})
    error = error_of(Head(status, {}), raw, model="the-model")
    assert error.kind == KINDS[kind]
    assert said in error.message


def test_a_large_body_is_named_as_a_possible_reason() -> None:
    """The service calls a body over its limit improperly formed; the message says so from one megabyte on."""
    body = b'{"message":"Improperly formed request."}'
    assert "1200000 bytes" in error_of(Head(400, {}), body, sent_bytes=1_200_000).message
    assert "bytes" not in error_of(Head(400, {}), body, sent_bytes=900_000).message


def test_a_wait_is_passed_on() -> None:
    """`retry-after` in seconds is what the pool rests for."""
    assert error_of(Head(429, {"retry-after": "7"}), b"").retry_after_s == 7.0


@given(st.integers(300, 599), st.binary(max_size=80), st.text(max_size=40))
@settings(max_examples=60, deadline=None)
def test_any_answer_is_an_error(status: int, body: bytes, error_type: str) -> None:
    """No bytes and no header make the reader fail."""
    assert error_of(Head(status, {"x-amzn-errortype": error_type}), body).message
