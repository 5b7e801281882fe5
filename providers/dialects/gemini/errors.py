"""What Gemini's refusals mean: the common tables, and what `details` say besides.

    RetryInfo     when to come back (there is no header for it); the common tables read it too
    QuotaFailure  which quota: one of a day is used up, one of a minute is a limit on the rate; and of which model
    ErrorInfo     `API_KEY_INVALID` and the like

Source: `google.rpc.Status` and its error details.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec.structs import replace

from providers.dialects import refusals
from providers.dialects.seams import Ask, Head
from providers.errors import KINDS, ProviderError
from providers.wire.json_text import value_of

REASON_KINDS: Mapping[str, str] = {
    "API_KEY_INVALID": "credential",
    "API_KEY_SERVICE_BLOCKED": "permission",
    "ACCESS_TOKEN_EXPIRED": "credential_expired",
    "CONSUMER_SUSPENDED": "permission",
    "BILLING_DISABLED": "billing",
    "SERVICE_DISABLED": "permission",
}
"""`reason` of an `ErrorInfo` -> kind."""


def error_of(ask: Ask, head: Head, body: bytes) -> ProviderError:
    """What a non-2xx answer means."""
    try:
        value = value_of(body)
    except ValueError:
        value = None
    return _detailed(ask, refusals.error_of(ask, head, body), value)


def error_in_reply(ask: Ask, head: Head, error: object) -> ProviderError:
    """What an error inside a 200 means."""
    value = {"error": error}
    return _detailed(ask, refusals.error_in_reply(ask, head, value), value)


def _detailed(ask: Ask, error: ProviderError, value: object) -> ProviderError:
    for detail in _details(value):
        kind = str(detail.get("@type", "")).rpartition(".")[2]
        if (
            kind == "ErrorInfo"
            and str(detail.get("reason")) in REASON_KINDS
            and error.kind.name != "forwarded_credential"
        ):
            error = replace(error, kind=KINDS[REASON_KINDS[str(detail["reason"])]])
        elif kind == "QuotaFailure" and error.kind.name in ("rate_limit", "quota"):
            error = _of_quota(ask, error, detail)
    return error


def _of_quota(ask: Ask, error: ProviderError, detail: Mapping[str, Any]) -> ProviderError:
    violations = detail.get("violations")
    for violation in violations if isinstance(violations, list) else ():
        if not isinstance(violation, dict):
            continue
        daily = "PerDay" in str(violation.get("quotaId", ""))
        dimensions = violation.get("quotaDimensions")
        model = dimensions.get("model") if isinstance(dimensions, dict) else None
        error = replace(
            error,
            kind=KINDS["quota" if daily or error.kind.name == "quota" else "rate_limit"],
            model_only=error.model_only or model == ask.model,
        )
    return error


def _details(value: object) -> Iterator[Mapping[str, Any]]:
    if isinstance(value, list) and value:
        value = value[0]
    error = value.get("error") if isinstance(value, dict) else None
    details = error.get("details") if isinstance(error, dict) else None
    for detail in details if isinstance(details, list) else ():
        if isinstance(detail, dict):
            yield detail
