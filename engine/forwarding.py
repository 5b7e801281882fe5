"""Upstreams that are asked with the credentials that the client itself brings. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from providers.auth import CredentialFailed, Headers
from providers.spec import InstanceSpec, ProviderSpec
from rules.evaluate import route_of
from rules.nodes import RuleSet, Target


def forwards_credentials(rules: RuleSet, providers: Mapping[str, ProviderSpec]) -> bool:
    """Whether some rule or category leads, perhaps as a fallback, to an instance with `authentication: {type: forward}`."""
    routes = [rule.route for rule in rules.rules if rule.enabled] + [route_of(one) for one in rules.categories]
    reached = {
        target.provider for route in routes for target in (route.to, *route.fallbacks) if isinstance(target, Target)
    }
    return any(
        instance.credentials.type == "forward"
        for name in reached & providers.keys()
        for instance in providers[name].instances
    )


def check_forwarded(instance: InstanceSpec, credential: Headers, client_key: str | None) -> None:
    """Raises `CredentialFailed` where the client brought a router key (named `client_key`) and nothing besides to forward.

    Without router keys it is up to the upstream whether it wants a credential.
    """
    if client_key is not None and not credential and instance.credentials.type == "forward":
        raise CredentialFailed(
            "the router key is not passed on, and no credential of the client is left to forward: send the router key in "
            "`x-ccr-key`, and the upstream's own in `x-api-key` or as bearer token",
            "forwarded_credential",
        )
