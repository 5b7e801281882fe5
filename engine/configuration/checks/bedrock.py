"""What a provider of type `bedrock` needs before its first request: a region, and something that signs."""

from __future__ import annotations

from collections.abc import Iterator

from engine.configuration.checks.scope import Scope
from providers.dialects.bedrock.settings import region_of
from providers.extras import can_sign
from schemas.codes import finding
from schemas.diagnostics import Diagnostic
from schemas.document import Mapping
from schemas.wording import quoted


def bedrock(scope: Scope) -> Iterator[Diagnostic]:
    """102: no region where one is needed. 104: requests are to be signed, and botocore is not installed."""
    for entry in scope.provider_entries():
        spec = scope.providers.get(str(entry.key.value))
        if spec is None or spec.type != "bedrock" or not isinstance(entry.value, Mapping):
            continue
        signs = any(one.credentials.type == "sigv4" for one in spec.instances)
        if any(not one.endpoint or (signs and not region_of(one.endpoint, spec.settings)) for one in spec.instances):
            yield finding(
                "CCR102",
                f"{quoted(spec.name)} names no region, and neither does its endpoint",
                entry.key.span,
                help="write `settings: {region: us-east-1}` or `region: ${AWS_REGION}`",
            )
        if signs and not can_sign():
            yield finding(
                "CCR104",
                f"requests of {quoted(spec.name)} are to be signed, and `botocore` is not installed",
                entry.key.span,
                help="`pip install ccr-router[bedrock]`, or give a key of Bedrock's as `authentication: {token: ...}`",
            )
