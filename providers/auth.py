"""Credentials as request headers, and secrets compared. Pure; where a secret comes from is `providers/credentials.py`."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from msgspec.structs import replace

from providers.dialects.seams import Encoded
from providers.errors import KINDS, ProviderError
from providers.secret import Secret

Headers = tuple[tuple[str, str], ...]

KEY_HEADERS: dict[str, str] = {
    "anthropic": "x-api-key",
    "gemini": "x-goog-api-key",
}
"""Provider type -> the header that carries an `api_key`; all others take it as a bearer token, but at the hosts below."""

KEY_HEADERS_AT: dict[str, str] = {"azure.com": "api-key", "azure-api.net": "api-key"}
"""End of a host -> the header that carries an `api_key` there."""

KEYED_TYPES = frozenset(("anthropic", "gemini"))
"""Provider types whose `apiKey` is an `api_key` where nothing else is said; everywhere else a lone secret is a bearer token."""

FORWARDED = ("authorization", "x-api-key")

SHORTEST_ECHO = 6
"""Shorter credentials are no secrets, and replacing them would garble ordinary words."""

PROFILE = ":profile"
"""Among a credential's headers: the profile it belongs to, which a dialect may put into the body. Never sent as a header."""


class CredentialFailed(Exception):  # noqa: N818 - carries the ProviderError
    """There is nothing to prove ourselves with; blame: us."""

    def __init__(self, message: str, kind: str = "credential") -> None:
        super().__init__(message)
        self.error = ProviderError(KINDS[kind], message)


def auth_headers(kind: str, provider_type: str, secret: Secret, endpoint: str = "") -> Headers:
    """The headers for `authentication.type` `bearer` or `api_key`. Raises `CredentialFailed` for what no header can carry."""
    value = secret.reveal()
    if not value or not value.isascii() or not value.isprintable() or " " in value:
        raise CredentialFailed("the credential is empty or holds characters that a header cannot carry")
    name = _key_header(provider_type, endpoint) if kind == "api_key" else None
    return ((name, value),) if name else (("authorization", f"Bearer {value}"),)


def _key_header(provider_type: str, endpoint: str) -> str | None:
    if provider_type in KEY_HEADERS:
        return KEY_HEADERS[provider_type]
    host = urlsplit(endpoint).hostname or ""
    return next((name for end, name in KEY_HEADERS_AT.items() if host.endswith("." + end)), None)


def forwarded_headers(client: Mapping[str, str]) -> Headers:
    """The client's own credentials, passed on as they came (`authentication.type: forward`)."""
    return tuple((name, client[name]) for name in FORWARDED if client.get(name))


def signed(encoded: Encoded, credential: Headers) -> tuple[Headers, bytes]:
    """Headers and body of the request with the credential of an instance."""
    headers = (*encoded.headers.items(), *(pair for pair in credential if not pair[0].startswith(":")))
    profile = next((value for name, value in credential if name == PROFILE), None)
    if profile is None or encoded.with_profile is None:
        return headers, encoded.body
    return headers, encoded.with_profile(profile)


def without_secrets(error: ProviderError, credential: Headers) -> ProviderError:
    """The error with every echo of the credential it was sent with replaced by `***`: some upstreams repeat a refused key."""
    if not credential:
        return error
    message = scrubbed(error.message.encode("utf-8", "surrogatepass"), credential).decode("utf-8", "surrogatepass")
    verbatim = scrubbed(error.verbatim, credential) if error.verbatim is not None else None
    return replace(error, message=message, verbatim=verbatim)


def scrubbed(text: bytes, credential: Headers) -> bytes:
    """The text with every echo of the credential replaced by `***`."""
    for name, value in credential:
        secret = value.rpartition(" ")[2]
        if name != PROFILE and len(secret) >= SHORTEST_ECHO:
            text = text.replace(secret.encode(), b"***")
    return text
