"""Whether a configuration asks an upstream with the credentials that the client itself brings. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from providers.spec import ProviderSpec
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
