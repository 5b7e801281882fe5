"""What an Anthropic-format upstream's refusal means, and what of it the client gets untouched.

Claude Code decides by the wording of error bodies, so a body in the vendor's form is passed on as it is, with its status.
Source: the error list of the Anthropic API.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec
from msgspec.structs import replace

from providers.dialects import refusals
from providers.dialects.anthropic.headers import forwards, passed_on
from providers.dialects.refusal_text import redacted, said_of
from providers.dialects.seams import Ask, Head
from providers.errors import KINDS, ProviderError

TYPE_KINDS: Mapping[str, str] = {
    "invalid_request_error": "bad_request",
    "authentication_error": "credential",
    "billing_error": "billing",
    "permission_error": "permission",
    "not_found_error": "model",
    "conflict_error": "conflict",
    "request_too_large": "too_large",
    "rate_limit_error": "rate_limit",
    "timeout_error": "timeout",
    "overloaded_error": "overloaded",
    "api_error": "server",
}
"""The error types of the vendor -> kind, for errors inside a 200, which have no status."""

_NO_CREDIT = re.compile(r"credit balance is too low", re.IGNORECASE)
_OF_THE_CLIENT = frozenset(("credential", "credential_expired", "permission", "billing"))
"""Kinds that speak of the credential: of the client's, where that is what was sent."""


def error_of(ask: Ask, head: Head, body: bytes) -> ProviderError:
    """What a non-2xx answer means; its body goes to the client as it is where it is a JSON error."""
    error = refusals.error_of(ask, head, body)
    kind = "billing" if _NO_CREDIT.search(error.message) and error.kind.name == "bad_request" else error.kind.name
    if kind in _OF_THE_CLIENT and forwards(ask.provider):
        kind = "forwarded_credential"
    verbatim = body if _is_error(body) else None
    return replace(error, kind=KINDS[kind], verbatim=verbatim, headers=passed_on(head.headers))


def error_in_reply(ask: Ask, value: object) -> ProviderError:
    """What an error inside a 200 means: `value` is the decoded event, or a body."""
    said = said_of(value)
    kind = next((TYPE_KINDS[code] for code in said.codes if code in TYPE_KINDS), None)
    if kind is None or kind in ("bad_request", "server"):
        kind = refusals.kind_of(said.status or KINDS[kind or "server"].status, (), said.message)
    if kind in _OF_THE_CLIENT and forwards(ask.provider):
        kind = "forwarded_credential"
    message = redacted(said.message, ask) or "no reason given"
    return ProviderError(KINDS[kind], f"`{ask.provider.name}` broke off: {message}")


def _is_error(body: bytes) -> bool:
    """Whether a body is a JSON object with an error in it."""
    try:
        value = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return isinstance(value, dict) and isinstance(value.get("error"), dict | str)
