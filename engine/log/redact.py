"""Text with the secrets taken out, for whatever must be shown and was not made by us (upstream errors, headers)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from schemas.known_patterns import HIDDEN, Shape, is_hinted, joined
from schemas.surrogates import text_of_body
from schemas.wrapped import unwrapped

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
"""Headers that carry credentials, whatever their value looks like."""

MARK = "***"
BASE64_CHARS = 10_000


def redact(text: str) -> str:
    """`text` with everything that looks like a credential replaced by `***`, behind the hint that tells what was there."""
    if not is_hinted(text):  # nearly always
        return text
    found = sorted(row for shape in HIDDEN for row in _cuts(shape, text))
    if not found:
        return text
    pieces, at = [], 0
    for start, behind, _, hint in found:
        if start >= at:
            pieces += [text[at:start], hint, MARK]
        at = max(at, -behind)
    return "".join([*pieces, text[at:]])


def _cuts(shape: Shape, text: str) -> Iterator[tuple[int, int, int, str]]:
    """Start, end and hint of what is cut, so that of several from one place on the longest, and best known, comes first."""
    for start, end in shape.spans(text):
        hint = next((hint for hint in shape.hints if text.startswith(hint, start)), "")
        yield start, -end, -len(hint), hint


def may_hold_secret(value: object) -> bool:
    """Whether it is worth to redact a value, however it is nested: cheap, for what is written with each request."""
    if type(value) is str:
        return is_hinted(value)
    if value is None or type(value) in _NUMBERS:
        return False
    if isinstance(value, Mapping):
        return any(may_hold_secret(name) or may_hold_secret(inner) for name, inner in value.items())
    return not isinstance(value, (list, tuple)) or any(map(may_hold_secret, value))


_NUMBERS = frozenset({bool, int, float})


def redacted(value: Any) -> Any:
    """A JSON value with every text redacted, but for long base64 ones."""
    if isinstance(value, str):
        return value if len(value) > BASE64_CHARS and _BASE64.fullmatch(value) else redact(_without_wrapped(value))
    if isinstance(value, list):
        return [redacted(item) for item in value]
    if isinstance(value, dict):
        return {redact(name): redacted(item) for name, item in value.items()}
    return value


def _without_wrapped(text: str) -> str:
    """The text with `***` for each stretch of base64 in which there is a credential."""
    cuts = joined(span for span, inner in unwrapped(text) if redact(inner) != inner)
    for start, end in reversed(cuts):
        text = f"{text[:start]}{MARK}{text[end:]}"
    return text


def redacted_body(body: bytes) -> Any:
    """A body as a JSON value, redacted; as redacted text where it is none, or nested too deeply to be looked into."""
    try:
        return redacted(msgspec.json.decode(text_of_body(body)[0]))
    except (ValueError, RecursionError):
        return redact(body.decode("utf-8", "replace"))


_BASE64 = re.compile(r"[A-Za-z0-9+/=]+")


def redact_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers with secret ones as a short hash (the same secret gives the same hash)."""
    return {name: digest_of(value) if name in SECRET_HEADERS else redact(value) for name, value in headers.items()}


def digest_of(secret: str) -> str:
    """A stand-in that tells two secrets apart and gives neither away."""
    return "sha256:" + hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()[:8]
