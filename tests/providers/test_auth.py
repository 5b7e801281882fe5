"""Credentials as headers."""

from __future__ import annotations

import pytest

from providers.auth import CredentialFailed, auth_headers, forwarded_headers, same_secret
from providers.secret import Secret


@pytest.mark.parametrize(
    ("kind", "provider_type", "header"),
    [
        ("bearer", "openai", ("authorization", "Bearer k")),
        ("bearer", "anthropic", ("authorization", "Bearer k")),
        ("api_key", "openai", ("authorization", "Bearer k")),
        ("api_key", "anthropic", ("x-api-key", "k")),
    ],
)
def test_header_of_a_credential(kind: str, provider_type: str, header: tuple[str, str]) -> None:
    """`bearer` is a bearer token everywhere, `api_key` what the provider's API calls a key."""
    assert auth_headers(kind, provider_type, Secret("k")) == (header,)


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


def test_same_secret() -> None:
    """Equal is equal, whatever else comes."""
    assert [same_secret(Secret("kéy"), other) for other in ("kéy", "key", "", "\ud800")] == [True, False, False, False]
