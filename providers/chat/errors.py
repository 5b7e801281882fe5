"""Errors as the Chat Completions API tells them, from what the router itself knows them as: Anthropic's error types.

Source: the OpenAI API's error codes; clients choose their exception by the HTTP status and read `message`, `code`, `param`.
"""

from __future__ import annotations

from collections.abc import Mapping

TYPES: Mapping[str, tuple[str, str | None]] = {
    "invalid_request_error": ("invalid_request_error", None),
    "authentication_error": ("authentication_error", "invalid_api_key"),
    "billing_error": ("insufficient_quota", "insufficient_quota"),
    "permission_error": ("permission_error", None),
    "not_found_error": ("invalid_request_error", "not_found"),
    "conflict_error": ("conflict_error", None),
    "request_too_large": ("invalid_request_error", "request_too_large"),
    "rate_limit_error": ("rate_limit_error", "rate_limit_exceeded"),
    "api_error": ("server_error", None),
    "timeout_error": ("server_error", "timeout"),
    "overloaded_error": ("server_error", "overloaded"),
}
"""Anthropic error type -> this API's `type` and `code`."""

STATUSES: Mapping[int, int] = {529: 503}
"""HTTP statuses that only Anthropic has -> the nearest that every client knows."""


def chat_error(
    error_type: str, message: str, *, param: str | None = None, code: str | None = None
) -> dict[str, object]:
    """The error object, the same in an HTTP error body and in a stream; `code` is more exact than the type's own."""
    kind, usual_code = TYPES.get(error_type, ("server_error", None))
    return {"error": {"message": message, "type": kind, "param": param, "code": code or usual_code}}
