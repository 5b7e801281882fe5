"""What Bedrock's refusals mean, as answers and as exceptions inside a stream: by the exception's name, then as any other's.

Source: the errors of `InvokeModelWithResponseStream` in the API reference of Amazon Bedrock, and AWS's common errors.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace

from providers.dialects import refusals
from providers.dialects.refusal_text import redacted, said_in
from providers.dialects.seams import Ask, Head
from providers.errors import KINDS, ProviderError
from providers.wire.aws_names import bare_name

NAME_KINDS: Mapping[str, str] = {
    "throttlingexception": "rate_limit",
    "servicequotaexceededexception": "quota",
    "validationexception": "bad_request",
    "accessdeniedexception": "permission",
    "resourcenotfoundexception": "model",
    "modelnotreadyexception": "unavailable",
    "modeltimeoutexception": "timeout",
    "modelerrorexception": "server",
    "modelstreamerrorexception": "server",
    "internalserverexception": "server",
    "serviceunavailableexception": "overloaded",
    "expiredtokenexception": "credential_expired",
    "unrecognizedclientexception": "credential",
    "invalidsignatureexception": "credential",
    "incompletesignatureexception": "credential",
    "missingauthenticationtokenexception": "credential",
    "invalidclienttokenid": "credential",
    "signaturedoesnotmatch": "credential",
    "optinrequired": "billing",
}
"""Exception names in lower case (inside a stream they begin with a small letter) -> kind."""

_BY_WORDS = frozenset(("context_length", "model", "overloaded"))
"""Kinds that the wording tells better than the name."""


def error_of(ask: Ask, head: Head, body: bytes) -> ProviderError:
    """What a non-2xx answer means."""
    return _named(refusals.error_of(ask, head, body), bare_name(head.headers.get("x-amzn-errortype", "")))


def exception_of(ask: Ask, name: str, payload: bytes) -> ProviderError:
    """What an exception inside a stream means."""
    shown = bare_name(name) or "an exception"
    said = redacted(said_in(payload).message, ask)
    kind = NAME_KINDS.get(shown.lower(), "server")
    if kind == "bad_request":
        kind = refusals.kind_of(400, (), said)
    message = f"`{ask.provider.name}` broke off: {said or shown}"
    return ProviderError(KINDS[kind], message)


def _named(error: ProviderError, name: str) -> ProviderError:
    kind = NAME_KINDS.get(name.lower())
    if kind is None or error.kind.name in _BY_WORDS:
        return error
    return replace(error, kind=KINDS[kind])
