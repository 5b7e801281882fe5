"""Where the credentials of an instance come from: the configuration, a token file, an AWS token file. The edge to the disk."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import msgspec

from providers.auth import PROFILE, CredentialFailed, Headers, auth_headers, forwarded_headers
from providers.aws.signing import AwsSigner
from providers.aws.tokens import TokenFile, TokenFiles, TokenUnusable
from providers.dialects.bedrock.settings import region_of
from providers.secret import Secret
from providers.spec import InstanceSpec, ProviderSpec

__all__ = ["CredentialFailed", "CredentialSource", "credential_source", "token_in"]

MAX_FILE_BYTES = 1_048_576
TOKEN_KEYS = ("accessToken", "access_token", "token", "apiKey", "api_key")


class CredentialSource(Protocol):
    """What one instance is asked with."""

    async def headers(self, *, refresh: bool = False, client: Mapping[str, str] | None = None) -> Headers:
        """The headers to send now; `client` are the downstream request's, for `forward`.

        `refresh`: the last ones were refused as expired. Raises `CredentialFailed`.
        """
        ...


def credential_source(
    provider: ProviderSpec, instance: InstanceSpec, token_files: TokenFiles | None = None
) -> CredentialSource:
    """The source for an instance. With `token_files`, the token file of a `codewhisperer` provider is kept fresh.

    Such a provider without any credential in the configuration uses the token file that the environment names.
    """
    credentials = instance.credentials
    given = credentials.api_key or credentials.token
    if credentials.type == "forward":
        return _Forward()
    if credentials.type == "sigv4":
        profile = provider.settings.get("profile")
        return AwsSigner(lambda url: region_of(url, provider.settings), profile if isinstance(profile, str) else "")
    if given is not None:
        return _Fixed(credentials.type, provider.type, given, instance.endpoint)
    if token_files is not None and provider.type == "codewhisperer":
        file = token_files.at(credentials.token_path)
        if file is not None:
            return _Aws(file)
    if credentials.token_path is not None:
        return _File(credentials.type, provider.type, credentials.token_path, instance.endpoint)
    return _Nothing()


def token_in(content: bytes) -> Secret | None:
    """The token that a file's content is or holds: plain text, or a JSON object with `accessToken` or the like."""
    text = content.decode("utf-8", "replace").strip()
    if not text.startswith("{"):
        return Secret(text) if text else None
    try:
        members = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return None
    found = next((members[key] for key in TOKEN_KEYS if isinstance(members.get(key), str) and members[key]), None)
    return Secret(found) if found else None


class _Nothing:
    """`authentication.type: none`, or nothing said."""

    async def headers(self, *, refresh: bool = False, client: Mapping[str, str] | None = None) -> Headers:  # noqa: ARG002
        return ()


class _Forward:
    """The client's own credentials."""

    async def headers(self, *, refresh: bool = False, client: Mapping[str, str] | None = None) -> Headers:
        if refresh:
            raise CredentialFailed("the client's own credential was refused", "forwarded_credential")
        return forwarded_headers(client or {})


class _Fixed:
    """A key written in the configuration (or filled in there from a variable)."""

    def __init__(self, kind: str, provider_type: str, secret: Secret, endpoint: str) -> None:
        self._kind, self._provider_type, self._secret, self._endpoint = kind, provider_type, secret, endpoint

    async def headers(self, *, refresh: bool = False, client: Mapping[str, str] | None = None) -> Headers:  # noqa: ARG002
        if refresh:
            raise CredentialFailed("the credential was refused, and it is a fixed one that cannot be refreshed")
        return auth_headers(self._kind, self._provider_type, self._secret, self._endpoint)


class _File:
    """A token file that another program writes; read again whenever it changed."""

    def __init__(self, kind: str, provider_type: str, path: str, endpoint: str) -> None:
        self._kind, self._provider_type, self._path, self._endpoint = kind, provider_type, path, endpoint
        self._file = Path(os.path.expanduser(path))
        self._stamp: tuple[int, int, int] | None = None
        self._secret: Secret | None = None

    async def headers(self, *, refresh: bool = False, client: Mapping[str, str] | None = None) -> Headers:  # noqa: ARG002
        refused = self._secret if refresh else None
        if refresh:
            self._stamp = None
        secret = self._read()
        if secret is None:
            raise CredentialFailed(f"the token file `{self._path}` holds no token")
        if secret == refused:
            raise CredentialFailed(
                f"the token in `{self._path}` was refused; log in again with the program that wrote it"
            )
        return auth_headers(self._kind, self._provider_type, secret, self._endpoint)

    def _read(self) -> Secret | None:
        try:
            found = self._file.stat()
            stamp = (found.st_mtime_ns, found.st_size, found.st_ino)
            if stamp != self._stamp:
                with self._file.open("rb") as file:
                    self._secret = token_in(file.read(MAX_FILE_BYTES))
                self._stamp = stamp
        except OSError as error:
            self._stamp = None
            reason = (error.strerror or "unreadable").lower()
            raise CredentialFailed(f"the token file `{self._path}` cannot be read: {reason}") from error
        return self._secret


class _Aws:
    """A token file of AWS's or Kiro's login, refreshed by `providers/aws/tokens.py`."""

    def __init__(self, file: TokenFile) -> None:
        self._file = file
        self._sent: Secret | None = None

    async def headers(self, *, refresh: bool = False, client: Mapping[str, str] | None = None) -> Headers:  # noqa: ARG002
        try:
            if refresh and self._sent is not None:
                token = await self._file.after_refusal(self._sent)
            else:
                token = await self._file.token()
        except TokenUnusable as unusable:
            raise CredentialFailed(unusable.error.message, unusable.error.kind.name) from unusable
        self._sent = token.token
        profile = ((PROFILE, token.profile_arn),) if token.profile_arn else ()
        return (*auth_headers("bearer", "codewhisperer", token.token), *token.headers, *profile)
