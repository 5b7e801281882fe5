"""Requests to AWS services signed with Signature Version 4: keys as botocore finds them, the edge to its files and its clock.

botocore is an extra of this program (`ccr-router[bedrock]`), so it is looked for when the first request is signed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from providers.auth import CredentialFailed, Headers
from providers.extras import MISSING_BOTOCORE, can_sign
from providers.upstream import UpstreamRequest

ACCESS_KEY, SECRET_KEY, SESSION_TOKEN = ":aws-access-key", ":aws-secret-key", ":aws-session-token"
"""Among a credential's headers: what a signature is made with. Never sent as headers."""


class AwsSigner:
    """The credential source of one instance with `authentication.type: sigv4`.

    Keys come from the environment, the profile's files, a login or the machine, in botocore's order; it refreshes those
    that expire. `region_of` gives the region of a URL.
    """

    def __init__(self, region_of: Callable[[str], str], profile: str = "", signing_name: str = "bedrock") -> None:
        self._region_of = region_of
        self._profile = profile or None
        self._signing_name = signing_name
        self._keys: Any = None

    async def headers(self, *, refresh: bool = False, client: Mapping[str, str] | None = None) -> Headers:  # noqa: ARG002
        """The keys to sign with now. Raises `CredentialFailed`."""
        if not can_sign():
            raise CredentialFailed(MISSING_BOTOCORE)
        if refresh or self._keys is None or getattr(self._keys, "refresh_needed", bool)():
            return await asyncio.to_thread(self._found, refresh)
        return self._found(False)

    def sign(self, request: UpstreamRequest, credential: Headers) -> UpstreamRequest:
        """The request with its signature; `credential` is what `headers` gave."""
        from botocore.auth import SigV4Auth
        from botocore.awsrequest import AWSRequest
        from botocore.credentials import Credentials

        keys = dict(credential)
        signing = Credentials(keys[ACCESS_KEY], keys[SECRET_KEY], keys.get(SESSION_TOKEN))
        unsigned = AWSRequest(request.method, request.url, dict(request.headers), request.body)
        SigV4Auth(signing, self._signing_name, self._region_of(request.url)).add_auth(unsigned)
        headers = tuple((name.lower(), str(value)) for name, value in unsigned.headers.items())
        return UpstreamRequest(request.method, request.url, headers, request.body)

    def _found(self, anew: bool) -> Headers:
        from botocore.exceptions import BotoCoreError
        from botocore.session import Session

        try:
            if anew or self._keys is None:
                self._keys = Session(profile=self._profile).get_credentials()
            frozen = None if self._keys is None else self._keys.get_frozen_credentials()
        except BotoCoreError as error:
            raise CredentialFailed(f"no AWS credentials: {error}") from error
        if frozen is None or not frozen.access_key:
            raise CredentialFailed("no AWS credentials were found: set `AWS_PROFILE`, or `settings.profile`, or keys")
        token = ((SESSION_TOKEN, frozen.token),) if frozen.token else ()
        return ((ACCESS_KEY, frozen.access_key), (SECRET_KEY, frozen.secret_key), *token)
