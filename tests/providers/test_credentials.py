"""Where an instance's credentials come from."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from providers.credentials import CredentialFailed, CredentialSource, credential_source, token_in
from providers.secret import Secret
from providers.spec import Credentials, InstanceSpec, ProviderSpec


def source_of(credentials: Credentials, provider_type: str = "openai") -> CredentialSource:
    instance = InstanceSpec("a", "https://a.test", credentials)
    return credential_source(ProviderSpec("p", provider_type, (instance,)), instance)


@pytest.mark.parametrize(
    ("content", "token"),
    [
        (b"abc\n", "abc"),
        (b'{"accessToken": "abc", "expiresAt": "2030"}', "abc"),
        (b'{"token": "abc", "accessToken": null}', "abc"),
        (b"", None),
        (b"{}", None),
        (b'{"accessToken": 5}', None),
        (b'{"accessToken": "ab', None),
        (b"{\xff", None),
    ],
)
def test_token_in_a_file(content: bytes, token: str | None) -> None:
    """Plain text, or JSON with the token under one of the usual names."""
    assert token_in(content) == (Secret(token) if token else None)


async def test_fixed_credentials() -> None:
    """A key of the configuration is sent as it is; once refused, it is final."""
    source = source_of(Credentials("api_key", Secret("k")), "anthropic")

    assert await source.headers() == (("x-api-key", "k"),)
    with pytest.raises(CredentialFailed):
        await source.headers(refresh=True)


async def test_no_credentials() -> None:
    """`none` sends nothing."""
    assert await source_of(Credentials()).headers() == ()


async def test_forwarded_credentials() -> None:
    """`forward` sends the client's own; their refusal is the client's to read."""
    source = source_of(Credentials("forward"))

    assert await source.headers(client={"x-api-key": "c"}) == (("x-api-key", "c"),)
    with pytest.raises(CredentialFailed) as failed:
        await source.headers(refresh=True)
    assert failed.value.error.kind.name == "forwarded_credential"


async def test_token_file_is_read_again_when_it_changes(tmp_path: Path) -> None:
    """Another content is sent from the next request on."""
    path = tmp_path / "token"
    path.write_text("one")
    source = source_of(Credentials("bearer", token_path=str(path)))
    assert await source.headers() == (("authorization", "Bearer one"),)

    path.write_text('{"accessToken": "two"}')
    assert await source.headers() == (("authorization", "Bearer two"),)


async def test_refused_token_is_looked_for_in_the_file_once_more(tmp_path: Path) -> None:
    """After a refusal the file is read again; the same token again is an error that says what to do."""
    path = tmp_path / "token"
    path.write_text("old")
    source = source_of(Credentials("bearer", token_path=str(path)))
    await source.headers()
    stamp = path.stat()

    with pytest.raises(CredentialFailed, match="log in again"):
        await source.headers(refresh=True)
    path.write_text("new")
    os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    assert await source.headers(refresh=True) == (("authorization", "Bearer new"),)


@pytest.mark.parametrize("content", [None, "", '{"canary": "canary"}', "canary canary"])
async def test_unusable_token_file_names_the_path_not_the_content(tmp_path: Path, content: str | None) -> None:
    """The message says which file, and nothing of what is in it."""
    path = tmp_path / "token"
    if content is not None:
        path.write_text(content)

    with pytest.raises(CredentialFailed) as failed:
        await source_of(Credentials("bearer", token_path=str(path))).headers()

    assert failed.value.error.kind.name == "credential"
    assert "canary" not in failed.value.error.message


async def test_home_is_expanded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`~` in `tokenPath` is the user's home; the message keeps what was written."""
    monkeypatch.setenv("HOME", str(tmp_path))
    source = source_of(Credentials("bearer", token_path="~/token"))
    with pytest.raises(CredentialFailed, match="`~/token` cannot be read"):
        await source.headers()

    (tmp_path / "token").write_text("t")
    assert await source.headers() == (("authorization", "Bearer t"),)
