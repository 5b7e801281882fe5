"""What refusals of OpenAI-compatible upstreams mean: a row per form, status and wording."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from providers.dialects.refusals import error_in_reply, error_of
from providers.dialects.seams import Head
from providers.errors import KINDS
from providers.spec import Credentials
from tests.providers.dialects.asking import BASE, KEY, ask_of, rows

ROWS = rows("refusals") + rows("refusals_of_servers")


@pytest.mark.parametrize("row", ROWS, ids=[row["name"] for row in ROWS])
def test_a_refusal_means(row: dict[str, Any]) -> None:
    """Kind, message and wait of the row's answer."""
    error = error_of(ask_of(BASE), Head(row["status"], row.get("headers", {})), row["body"].encode())
    assert error.kind is KINDS[row["kind"]]
    assert error.status == row["status"]
    assert error.retry_after_s == (None if "retry_after_s" not in row else pytest.approx(row["retry_after_s"]))
    assert error.model_only is row.get("model_only", False)
    if "message" in row:
        assert error.message == row["message"]


@pytest.mark.parametrize(
    ("value", "kind", "message"),
    [
        ({"error": {"code": 429, "message": "slow down"}}, "rate_limit", "`p` answered 429: slow down"),
        ({"error": {"code": "502", "message": "bad gateway"}}, "server", "`p` answered 502: bad gateway"),
        ({"error": {"message": "kaput"}}, "server", "`p` answered 500: kaput"),
        ({"error": "overloaded"}, "overloaded", "`p` answered 500: overloaded"),
        ({"error": {"type": "overloaded_error", "message": "busy"}}, "overloaded", "`p` answered 500: busy"),
        ({"error": {"code": 777}}, "server", "`p` answered 500"),
    ],
)
def test_an_error_inside_a_200_means(value: object, kind: str, message: str) -> None:
    """The status that the error names itself decides; without one it is the upstream's fault."""
    error = error_in_reply(ask_of(BASE), Head(200, {}), value)
    assert (error.kind.name, error.message, error.status) == (kind, message, 200)


def test_a_forwarded_credential_is_the_clients_own() -> None:
    """Where the client's own credential is forwarded, its refusal is not retried with another."""
    ask = ask_of(BASE)
    instance = dataclasses.replace(ask.provider.instances[0], credentials=Credentials("forward"))
    ask = structs.replace(ask, provider=structs.replace(ask.provider, instances=(instance,)))
    assert error_of(ask, Head(401, {}), b"").kind.name == "forwarded_credential"


@given(
    st.integers(300, 599), st.binary(max_size=80) | st.text(max_size=80).map(lambda text: f"<html>{text}{KEY}".encode())
)
def test_any_refusal_means_something(status: int, body: bytes) -> None:
    """No body raises, and no message is long, of several lines or holds the key."""
    message = error_of(ask_of(BASE), Head(status, {"retry-after": "x"}), body).message
    assert KEY not in message
    assert len(message) < 700
    assert "\n" not in message
