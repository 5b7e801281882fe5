"""Refusals of Anthropic-format upstreams: what they mean, and that their bodies stay as they are."""

from __future__ import annotations

import json
from typing import Any

import pytest

from providers.dialects.anthropic.errors import TYPE_KINDS, error_in_reply, error_of
from providers.dialects.seams import Head
from providers.errors import KINDS
from tests.providers.dialects.anthropic.asks import BASE, ask_of


def body_of(kind: str, message: str) -> bytes:
    return json.dumps({"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_1"}).encode()


ROWS: list[tuple[int, bytes, str]] = [
    (400, body_of("invalid_request_error", "messages: at least one message is required"), "bad_request"),
    (400, body_of("invalid_request_error", "prompt is too long: 210000 tokens > 200000 maximum"), "context_length"),
    (
        400,
        body_of("invalid_request_error", "input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000"),
        "context_length",
    ),
    (400, body_of("invalid_request_error", "Your credit balance is too low to access the Anthropic API."), "billing"),
    (401, body_of("authentication_error", "invalid x-api-key"), "credential"),
    (402, body_of("billing_error", "pay"), "billing"),
    (403, body_of("permission_error", "not allowed"), "permission"),
    (404, body_of("not_found_error", "model: claude-9"), "model"),
    (413, body_of("request_too_large", "Request exceeds the maximum size"), "too_large"),
    (429, body_of("rate_limit_error", "slow down"), "rate_limit"),
    (500, body_of("api_error", "Internal server error"), "server"),
    (503, body_of("overloaded_error", "Overloaded"), "overloaded"),
    (529, body_of("overloaded_error", "Overloaded"), "overloaded"),
]


@pytest.mark.parametrize(("status", "body", "kind"), ROWS)
def test_what_a_refusal_means(status: int, body: bytes, kind: str) -> None:
    """By status and wording; the body is kept for the client."""
    error = error_of(ask_of(BASE), Head(status, {}), body)
    assert (error.kind.name, error.status, error.verbatim) == (kind, status, body)


@pytest.mark.parametrize(("status", "body", "kind"), ROWS)
def test_refused_credentials_of_the_client_are_its_own_affair(status: int, body: bytes, kind: str) -> None:
    """With `forward` nothing rests for them, and nothing else is tried."""
    error = error_of(ask_of(BASE, forward=True), Head(status, {}), body)
    own = kind in ("credential", "permission", "billing")
    assert error.kind.name == ("forwarded_credential" if own else kind)
    assert error.verbatim == body


@pytest.mark.parametrize(
    ("body", "verbatim"),
    [
        (b'{"error": {"message": "bad", "type": "x", "code": "400"}}', True),
        (b'{"error": "bad"}', True),
        (b'{"detail": "bad"}', False),
        (b"<html><title>Bad Gateway</title></html>", False),
        (b"", False),
        (b'{"type": "error", "error": {"ty', False),
    ],
)
def test_only_json_errors_are_untouched(body: bytes, verbatim: bool) -> None:
    """A page or a cut body would be no error to the client, so it gets one of ours."""
    assert error_of(ask_of(BASE), Head(502, {}), body).verbatim == (body if verbatim else None)


def test_headers_the_client_reads() -> None:
    """Limits, advice and the vendor's own, under their names; the upstream's request id under one of ours."""
    headers = {
        "content-type": "application/json",
        "server": "x",
        "retry-after": "7",
        "x-should-retry": "true",
        "anthropic-ratelimit-unified-reset": "1700000000",
        "anthropic-organization-id": "o",
        "request-id": "req_upstream",
        "set-cookie": "a=b",
    }
    error = error_of(ask_of(BASE), Head(429, headers), body_of("rate_limit_error", "slow down"))
    assert dict(error.headers) == {
        "retry-after": "7",
        "x-should-retry": "true",
        "anthropic-ratelimit-unified-reset": "1700000000",
        "anthropic-organization-id": "o",
        "x-ccr-upstream-request-id": "req_upstream",
    }
    assert error.retry_after_s == 7


@pytest.mark.parametrize(("type_", "kind"), TYPE_KINDS.items())
def test_errors_inside_a_stream(type_: str, kind: str) -> None:
    """They have no status, so their type says what they are."""
    value: Any = {"type": "error", "error": {"type": type_, "message": "it failed"}}
    assert error_in_reply(ask_of(BASE), value).kind.name == kind
    assert kind in KINDS


def test_a_stream_error_may_say_more_than_its_type() -> None:
    """The wording decides where the type is the general one."""
    value: Any = {"error": {"type": "invalid_request_error", "message": "prompt is too long: 9 tokens > 8 maximum"}}
    assert error_in_reply(ask_of(BASE), value).kind.name == "context_length"
    assert error_in_reply(ask_of(BASE), {"error": None}).kind.name == "server"
