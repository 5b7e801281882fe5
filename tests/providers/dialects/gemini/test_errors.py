"""What Gemini's refusals mean: a row per form, status and detail."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.dialects.gemini.errors import error_of
from providers.dialects.seams import Head
from providers.errors import KINDS
from tests.providers.dialects.asking import BASE, KEY, ask_of, rows

ROWS = rows("gemini_errors")


@pytest.mark.parametrize("row", ROWS, ids=[row["name"] for row in ROWS])
def test_a_refusal_means(row: dict[str, Any]) -> None:
    """Kind, message and wait of the row's answer."""
    error = error_of(ask_of(BASE, kind="gemini"), Head(row["status"], row.get("headers", {})), row["body"].encode())
    assert error.kind is KINDS[row["kind"]]
    assert error.status == row["status"]
    assert error.retry_after_s == row.get("retry_after_s")
    assert error.model_only is row.get("model_only", False)
    if "message" in row:
        assert error.message == row["message"]


@given(st.integers(300, 599), st.binary(max_size=80) | st.text(max_size=40).map(lambda text: f"[{text}{KEY}".encode()))
def test_any_refusal_means_something(status: int, body: bytes) -> None:
    """No body raises, and no message holds the key."""
    error = error_of(ask_of(BASE, kind="gemini"), Head(status, {}), body)
    assert KEY not in error.message
