"""What an error of the service means: exception names, reasons, texts and statuses as tables.

Sources: the generated clients of Amazon Q Developer (exception shapes and `reason` enums); texts as the service has
been seen to answer. The same tables read HTTP answers and exceptions inside a stream.
"""

from __future__ import annotations

import msgspec
from msgspec import Struct

from providers.dialects.retry_after import retry_after_of
from providers.dialects.seams import Head
from providers.errors import KINDS, ProviderError
from providers.wire.aws_names import bare_name

LARGE_BODY_BYTES = 1_000_000
"""Over about 1.25 MB the service calls a body improperly formed; from here on the message says so."""

SIGNATURE_REFUSED = "THINKING_SIGNATURE_INVALID"
"""The reason that a mended request is made of; the message says it since the service's text need not."""

_SHOWN_CHARS = 500

_BY_REASON: dict[str, str] = {
    "INSUFFICIENT_MODEL_CAPACITY": "overloaded",
    "MODEL_TEMPORARILY_UNAVAILABLE": "overloaded",
    "MONTHLY_REQUEST_COUNT": "quota",
    "DAILY_REQUEST_COUNT": "quota",
    "OVERAGE_REQUEST_LIMIT_EXCEEDED": "quota",
    "CONVERSATION_LIMIT_EXCEEDED": "quota",
    "CONTENT_LENGTH_EXCEEDS_THRESHOLD": "context_length",
    "INVALID_MODEL_ID": "model",
    "INVALID_CONVERSATION_ID": "bad_request",
    "INVALID_KMS_GRANT": "permission",
    "TOOL_USE_RESULT_MISMATCH": "bad_request",
    "TOOL_DUPLICATE": "bad_request",
    "TOOL_CONFIG_MISSING": "bad_request",
    "REQUEST_BODY_INVALID": "bad_request",
    SIGNATURE_REFUSED: "bad_request",
    "FEATURE_NOT_SUPPORTED": "permission",
    "TEMPORARILY_SUSPENDED": "permission",
    "UNAUTHORIZED_CUSTOMIZATION_RESOURCE_ACCESS": "permission",
    "UNAUTHORIZED_WORKSPACE_CONTEXT_FEATURE_ACCESS": "permission",
}

_BY_TEXT: dict[str, str] = {
    "monthly_request_count": "quota",
    "maximum request reached for this month": "quota",
    "60-minute credit limit exceeded": "quota",
    "unexpectedly high load": "overloaded",
    "input is too long": "context_length",
    "input content length exceeds threshold": "context_length",
    "exceeded max chat context length": "context_length",
    "failed to buffer the request body: length limit exceeded": "context_length",
    "the bearer token included in the request is invalid": "credential_expired",
    "the provided credential is invalid": "credential_expired",
    "temporarily is suspended": "permission",
    "user is not authorized to make this call": "permission",
    "profilearn is required": "bad_request",
    "improperly formed request": "bad_request",
}
"""Pieces of texts in lower case, the first that occurs decides."""

_BY_NAME: dict[str, str] = {
    "ThrottlingException": "rate_limit",
    "ServiceQuotaExceededException": "quota",
    "ValidationException": "bad_request",
    "SerializationException": "bad_request",
    "ContentLengthExceededException": "context_length",
    "AccessDeniedException": "permission",
    "ExpiredTokenException": "credential_expired",
    "UnrecognizedClientException": "credential_expired",
    "InternalServerException": "server",
    "error": "server",
    "ServiceUnavailableException": "overloaded",
    "ConflictException": "conflict",
    "ResourceNotFoundException": "model",
    "UnknownOperationException": "model",
}
"""Exception names; `error` is what the stream's union calls the InternalServerException shape."""

_BY_STATUS: dict[int, str] = {
    401: "credential_expired",
    402: "quota",
    403: "permission",
    404: "model",
    408: "request_timeout",
    409: "conflict",
    413: "too_large",
    429: "rate_limit",
    502: "garbage",
    503: "unavailable",
    504: "timeout",
    529: "overloaded",
}

_MODEL_ONLY = frozenset({"INSUFFICIENT_MODEL_CAPACITY", "MODEL_TEMPORARILY_UNAVAILABLE"})

_HINTS: dict[str, str] = {
    "profilearn is required": "set `settings.profileArn`",
    "user is not authorized to make this call": "usually `settings.profileArn` is missing or another account's",
    "improperly formed request": "the service does not say which part of the request it refuses",
}


class Said(Struct, frozen=True):
    """What the service said: the exception's bare name, its text and its reason, each `""` where it said none."""

    name: str
    text: str
    reason: str


def error_of(head: Head, body: bytes, *, sent_bytes: int = 0, model: str = "") -> ProviderError:
    """A non-2xx answer. `sent_bytes` is the size of the request's body (0: unknown), `model` the id that was sent."""
    said = said_in(body, head.headers.get("x-amzn-errortype", ""))
    return error_from(
        said,
        status=head.status,
        sent_bytes=sent_bytes,
        model=model,
        retry_after_s=retry_after_of(head.headers),
    )


def error_from(
    said: Said,
    *,
    status: int | None = None,
    sent_bytes: int = 0,
    model: str = "",
    retry_after_s: float | None = None,
) -> ProviderError:
    """What was said, as our error; `status` is None inside a stream.

    A quota reason anywhere in the text wins over status and name, a reason over a text, a text over a name.
    """
    kind = KINDS[_kind_name(said, status)]
    return ProviderError(
        kind=kind,
        message=_message(kind.name, said, status, sent_bytes, model),
        status=status,
        retry_after_s=retry_after_s,
        model_only=said.reason in _MODEL_ONLY or said.reason == "INVALID_MODEL_ID",
    )


def said_in(body: bytes, error_type: str = "") -> Said:
    """Reads an error body (JSON of either dialect, HTML, cut or empty); `error_type` is the header that names the exception."""
    members = _members(body)
    name = error_type or _string(members, "code") or _string(members, "__type")
    text = _string(members, "message") or _string(members, "Message") or _string(members, "errorMessage")
    if not members:
        text = body[: 4 * _SHOWN_CHARS].decode("utf-8", "replace").strip()
    return Said(bare_name(name), text, _string(members, "reason"))


def _kind_name(said: Said, status: int | None) -> str:
    text = said.text.lower()
    quota = "quota" if "monthly_request_count" in text else None
    by_text = next((kind for piece, kind in _BY_TEXT.items() if piece in text), None)
    found = quota or _BY_REASON.get(said.reason) or by_text or _BY_NAME.get(said.name)
    if found:
        return found
    if status is None:
        return "server"
    return _BY_STATUS.get(status, "server" if status >= 500 else "bad_request")


def _message(kind: str, said: Said, status: int | None, sent_bytes: int, model: str) -> str:
    shown = said.text[:_SHOWN_CHARS] or said.name or (f"status {status}" if status else "no text")
    hint = next((hint for piece, hint in _HINTS.items() if piece in said.text.lower()), None)
    match kind:
        case "context_length":
            return f"prompt is too long: {shown}"
        case "model" if said.reason == "INVALID_MODEL_ID":
            return f"the service does not know the model `{model}`: {shown}"
        case "model":
            return f"the service does not know this operation; check `endpoint` and `settings.dialect`: {shown}"
        case "bad_request" if "improperly formed" in said.text.lower() and sent_bytes > LARGE_BODY_BYTES:
            return f"{shown} (the request has {sent_bytes} bytes; over about 1.25 MB the service answers so)"
        case "bad_request" if said.reason == SIGNATURE_REFUSED:
            return f"{shown} ({SIGNATURE_REFUSED})"
        case _:
            return f"{shown} ({hint})" if hint else shown


def _members(body: bytes) -> dict[str, object]:
    try:
        found = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _string(members: dict[str, object], key: str) -> str:
    value = members.get(key)
    return value if isinstance(value, str) else ""
