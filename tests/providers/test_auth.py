"""Credentials as headers."""

from __future__ import annotations

import pytest

from providers.auth import CredentialFailed, auth_headers, forwarded_headers, without_secrets
from providers.errors import KINDS, ProviderError
from providers.secret import Secret


@pytest.mark.parametrize(
    ("kind", "provider_type", "header"),
    [
        ("bearer", "openai", ("authorization", "Bearer k")),
        ("bearer", "anthropic", ("authorization", "Bearer k")),
        ("api_key", "openai", ("authorization", "Bearer k")),
        ("api_key", "anthropic", ("x-api-key", "k")),
        ("api_key", "gemini", ("x-goog-api-key", "k")),
        ("bearer", "gemini", ("authorization", "Bearer k")),
    ],
)
def test_header_of_a_credential(kind: str, provider_type: str, header: tuple[str, str]) -> None:
    """`bearer` is a bearer token everywhere, `api_key` what the provider's API calls a key."""
    assert auth_headers(kind, provider_type, Secret("k")) == (header,)


@pytest.mark.parametrize(
    ("kind", "endpoint", "header"),
    [
        (
            "api_key",
            "https://mine.openai.azure.com/openai/deployments/d/chat/completions?api-version=v",
            ("api-key", "k"),
        ),
        ("api_key", "https://mine.azure-api.net/v1", ("api-key", "k")),
        ("api_key", "https://azure.com.example/v1", ("authorization", "Bearer k")),
        ("bearer", "https://mine.openai.azure.com/openai/v1", ("authorization", "Bearer k")),
    ],
)
def test_azure_has_a_header_for_keys(kind: str, endpoint: str, header: tuple[str, str]) -> None:
    """A key goes where that vendor looks for keys; a token of its login is a bearer token as everywhere."""
    assert auth_headers(kind, "openai", Secret("k"), endpoint) == (header,)


@pytest.mark.parametrize("value", ["", "a b", "a\nb", "canaryé", "a\0"])
def test_unsendable_credential_is_ours_to_mend(value: str) -> None:
    """What no header can carry is refused without being shown."""
    with pytest.raises(CredentialFailed) as failed:
        auth_headers("bearer", "openai", Secret(value))

    assert failed.value.error.kind.name == "credential"
    assert not value or value not in failed.value.error.message


def test_forwarded_headers_are_the_clients_own() -> None:
    """Only what proves the client is passed on."""
    client = {"authorization": "Bearer c", "x-api-key": "c", "cookie": "no"}

    assert forwarded_headers(client) == (("authorization", "Bearer c"), ("x-api-key", "c"))


def test_refused_key_is_not_repeated() -> None:
    """An upstream that says which key it refused is shown without it, in our words and in its own."""
    said = ProviderError(KINDS["credential"], "bad key canary-1", verbatim=b'{"key": "canary-1"}')

    for credential in ((("x-api-key", "canary-1"),), (("authorization", "Bearer canary-1"),)):
        clean = without_secrets(said, credential)
        assert (clean.message, clean.verbatim) == ("bad key ***", b'{"key": "***"}')
    assert without_secrets(said, (("x-api-key", "k"), (":profile", "bad key"))) == said
