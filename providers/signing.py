"""An encoded request with the address and the credential of one instance. Pure but for what a signature needs."""

from __future__ import annotations

from providers.auth import Headers, signed
from providers.aws.signing import AwsSigner
from providers.credentials import CredentialSource
from providers.dialects.seams import Encoded
from providers.endpoint import url_of
from providers.spec import InstanceSpec
from providers.upstream import HOP_HEADER, UpstreamRequest


def request_to(
    instance: InstanceSpec, encoded: Encoded, source: CredentialSource, credential: Headers, hops: str | None = None
) -> UpstreamRequest:
    """The request to send; `hops` are the routers that it came through."""
    headers, body = signed(encoded, credential)
    if hops is not None:
        headers += ((HOP_HEADER, hops),)
    request = UpstreamRequest("POST", url_of(instance.endpoint, encoded.path, encoded.query), headers, body)
    return source.sign(request, credential) if isinstance(source, AwsSigner) else request
