"""What a client reads when it gets no message: every refusal and failure becomes an error of its API here, and only here.

The router knows errors by Anthropic's types; a client of Chat Completions reads them as `providers/chat/errors.py` has
them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Literal

import msgspec
from msgspec import Struct

from providers.chat.errors import STATUSES, chat_error
from providers.chat.writer import closing_error
from providers.errors import ProviderError, error_object

Api = Literal["messages", "chat"]
"""Which API a client speaks: Anthropic's Messages, or Chat Completions."""

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


_CODES = {"context_length": "context_length_exceeded", "model": "model_not_found", "quota": "insufficient_quota"}
"""Kind of a provider's error -> what clients of Chat Completions look for; other kinds have their type's word."""


class Refusal(Struct, frozen=True):
    """An error reply before its request id is known. `verbatim` is an upstream's own Anthropic body, sent untouched.

    `param` and `code` are for clients of Chat Completions: the place of what is wrong, and an exact word for it.
    `at_door`: whoever asked was not let in.
    """

    status: int
    error_type: str
    message: str
    details: Mapping[str, object] | None = None
    headers: tuple[tuple[str, str], ...] = ()
    verbatim: bytes | None = None
    param: str | None = None
    code: str | None = None
    at_door: bool = False

    def status_for(self, api: Api) -> int:
        """The HTTP status."""
        return STATUSES.get(self.status, self.status) if api == "chat" else self.status

    def body(self, request_id: str, api: Api = "messages") -> bytes:
        """The JSON body, in the shape of the API's errors."""
        if api == "chat":
            return msgspec.json.encode(chat_error(self.error_type, self.message, param=self.param, code=self.code))
        if self.verbatim is not None:
            return self.verbatim
        shape = error_object(self.error_type, self.message, dict(self.details) if self.details else None)
        return msgspec.json.encode({**shape, "request_id": request_id})

    def closing_event(self, api: Api) -> bytes:
        """The event that ends a stream that cannot be completed."""
        if api == "chat":
            return closing_error(self.error_type, self.message, self.code)
        event = msgspec.json.encode(error_object(self.error_type, self.message))
        return b"event: error\ndata: " + event + b"\n\n"


class Refused(Exception):  # noqa: N818 - carries what the client is told
    """The request ends here with this reply."""

    def __init__(self, reply: Refusal, headers: Iterable[tuple[str, str]] = ()) -> None:
        super().__init__(reply.message)
        self.reply = reply
        self.headers = headers


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
    code = _CODES.get(error.kind.name)
    if error.verbatim is not None and error.status is not None:
        return Refusal(error.status, error.kind.error_type, error.message, None, headers, error.verbatim, code=code)
    return Refusal(error.kind.status, error.kind.error_type, error.message, None, headers, code=code)
