"""What a client reads when it gets no message: every refusal and failure becomes an Anthropic error here, and only here."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from providers.errors import ProviderError, error_object

# Status and Anthropic error type of what the router itself refuses (source: the Anthropic API's error list).
STATUS_TYPES: dict[int, str] = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    405: "invalid_request_error",
    408: "timeout_error",
    409: "conflict_error",
    411: "invalid_request_error",
    413: "request_too_large",
    415: "invalid_request_error",
    421: "invalid_request_error",
    422: "invalid_request_error",
    429: "rate_limit_error",
    431: "invalid_request_error",
    500: "api_error",
    501: "api_error",
    502: "api_error",
    503: "api_error",
    504: "timeout_error",
    508: "api_error",
    529: "overloaded_error",
}


@dataclass(frozen=True, slots=True)
class Refusal:
    """An error reply before its request id is known. `verbatim` is an upstream's own Anthropic body, sent untouched."""

    status: int
    error_type: str
    message: str
    details: Mapping[str, object] | None = None
    headers: tuple[tuple[str, str], ...] = ()
    verbatim: bytes | None = field(default=None, repr=False)

    def body(self, request_id: str) -> bytes:
        """The JSON body; shape of the Anthropic API's errors."""
        if self.verbatim is not None:
            return self.verbatim
        shape = error_object(self.error_type, self.message, dict(self.details) if self.details else None)
        return msgspec.json.encode({**shape, "request_id": request_id})


def refusal(status: int, message: str, details: Mapping[str, object] | None = None) -> Refusal:
    """The router's own refusal with this HTTP status."""
    kind = STATUS_TYPES.get(status, "invalid_request_error" if status < 500 else "api_error")
    return Refusal(status, kind, message, details)


def refusal_of(error: ProviderError) -> Refusal:
    """What the client reads of a failed exchange.

    `retry-after` is passed on in whole seconds, rounded up (Claude Code reads whole seconds only), unless the upstream
    speaks the client's format itself: then its own headers pass as they are.
    """
    headers = error.headers
    if error.retry_after_s is not None and not any(name == "retry-after" for name, _ in headers):
        headers = (*headers, ("retry-after", str(max(1, math.ceil(error.retry_after_s)))))
    if error.verbatim is not None and error.status is not None:
        return Refusal(error.status, error.kind.error_type, error.message, None, headers, error.verbatim)
    return Refusal(error.kind.status, error.kind.error_type, error.message, None, headers)
