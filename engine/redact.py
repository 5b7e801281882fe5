"""Text with the secrets taken out, for whatever must be shown and was not made by us (upstream errors, headers)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping

# Headers that carry credentials, whatever their value looks like.
SECRET_HEADERS = frozenset(
    {
        "authorization",
        "proxy-authorization",
        "x-api-key",
        "x-ccr-key",
        "api-key",
        "x-goog-api-key",
        "cookie",
        "set-cookie",
        "x-amz-security-token",
    }
)

# Shapes of well-known credentials; the first group stays, to tell what was there.
_SHAPES = re.compile(
    r"(sk-(?:ant-|or-|proj-)?)[A-Za-z0-9_\-]{8,}"
    r"|(AIza)[A-Za-z0-9_\-]{20,}"
    r"|(gh[pousr]_)[A-Za-z0-9]{20,}"
    r"|((?:AKIA|ASIA))[A-Z0-9]{12,}"
    r"|(eyJ)[A-Za-z0-9_\-]{10,}\.[A-Za-z0-9_\-]{10,}(?:\.[A-Za-z0-9_\-]+)?"
    r"|((?i:bearer\s+))[A-Za-z0-9._~+/\-]{8,}=*"
    r"|((?i:[?&](?:api_?key|key|token|access_token)=))[^&\s\"']+"
)


def redact(text: str) -> str:
    """`text` with everything that looks like a credential replaced by `***`."""
    return _SHAPES.sub(lambda found: next((group for group in found.groups() if group is not None), "") + "***", text)


def redact_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers with secret ones as a short hash (the same secret gives the same hash)."""
    return {name: digest_of(value) if name in SECRET_HEADERS else redact(value) for name, value in headers.items()}


def digest_of(secret: str) -> str:
    """A stand-in that tells two secrets apart and gives neither away."""
    return "sha256:" + hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()[:8]
