"""Why an upstream did not answer: one error type, its kinds as a table.

A `ProviderError` says who is to blame and whether another try can help; `engine/replies.py` makes the client's reply of it.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from msgspec import Struct


class Blame(StrEnum):
    """Whose fault a failure is. Client mistakes never mark an instance as bad."""

    CLIENT = "client"
    US = "us"
    UPSTREAM = "upstream"


Retry = Literal["never", "same", "other", "refresh"]
"""What may help: nothing; the same instance or another; only another credential or instance; once more after refreshing the token."""


class Kind(Struct, frozen=True):
    """A row of the error table: the Anthropic error type and HTTP status the client reads, whose fault, what may help."""

    name: str
    error_type: str
    status: int
    blame: Blame
    retry: Retry


def _rows(*kinds: Kind) -> dict[str, Kind]:
    return {kind.name: kind for kind in kinds}


_CLIENT, _US, _UP = Blame.CLIENT, Blame.US, Blame.UPSTREAM

KINDS: dict[str, Kind] = _rows(
    Kind("connect", "api_error", 502, _UP, "same"),
    Kind("timeout", "timeout_error", 504, _UP, "same"),
    Kind("cut", "api_error", 502, _UP, "same"),
    Kind("garbage", "api_error", 502, _UP, "same"),
    Kind("redirect", "api_error", 502, _UP, "other"),
    Kind("path", "api_error", 502, _UP, "other"),
    Kind("empty", "api_error", 502, _UP, "same"),
    Kind("silent", "api_error", 502, _UP, "same"),
    Kind("server", "api_error", 500, _UP, "same"),
    Kind("unavailable", "api_error", 503, _UP, "same"),
    Kind("overloaded", "overloaded_error", 529, _UP, "same"),
    Kind("rate_limit", "rate_limit_error", 429, _UP, "same"),
    Kind("quota", "rate_limit_error", 429, _UP, "other"),
    Kind("conflict", "api_error", 409, _UP, "same"),
    Kind("request_timeout", "timeout_error", 408, _UP, "same"),
    Kind("credential", "authentication_error", 401, _US, "other"),
    Kind("credential_expired", "authentication_error", 401, _US, "refresh"),
    Kind("billing", "billing_error", 402, _US, "other"),
    Kind("permission", "permission_error", 403, _US, "other"),
    Kind("forwarded_credential", "authentication_error", 401, _CLIENT, "never"),
    Kind("model", "not_found_error", 404, _US, "never"),
    Kind("bad_request", "invalid_request_error", 400, _CLIENT, "never"),
    Kind("context_length", "invalid_request_error", 400, _CLIENT, "never"),
    Kind("too_large", "request_too_large", 413, _CLIENT, "never"),
    Kind("unprocessable", "invalid_request_error", 422, _CLIENT, "never"),
    Kind("bad_reply", "api_error", 502, _UP, "same"),
    Kind("loop", "api_error", 508, _US, "never"),
    Kind("busy", "overloaded_error", 529, _US, "other"),
)
"""Kind name -> what it means. `bad_reply` is a reply whose content cannot be used (an unparsable call); `busy` is our own limit.
`empty` is an answer without a reply in it, `silent` a whole reply in which the model says nothing and ends its turn: others
are asked, and if none of them says more the client gets just that.

`redirect` is an answer that points elsewhere, which is never followed: a credential would go where nobody sent it.
`path` is a 404 or 405 that is about the address, not about the model.
"""


class ProviderError(Struct, frozen=True):
    """One failed attempt or one broken stream.

    `message` is for the client and never holds a secret; `status` is the upstream's own where it answered (None else);
    `retry_after_s` as the upstream asked; `model_only` is true when only this model is limited, not the instance;
    `verbatim` is the upstream's own error body where it is already Anthropic's form and must reach the client untouched,
    `headers` are those of its headers that the client reads.
    """

    kind: Kind
    message: str
    status: int | None = None
    retry_after_s: float | None = None
    model_only: bool = False
    verbatim: bytes | None = None
    headers: tuple[tuple[str, str], ...] = ()

    @property
    def retryable(self) -> bool:
        """Whether another try, on whatever instance, may help."""
        return self.kind.retry != "never"


def error_object(error_type: str, message: str, details: dict[str, object] | None = None) -> dict[str, object]:
    """Anthropic's error object, the same in an HTTP error body and in a stream's `event: error`."""
    error: dict[str, object] = {"type": error_type, "message": message}
    if details:
        error["details"] = details
    return {"type": "error", "error": error}
