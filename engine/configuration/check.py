"""The checks that need more than one part of a configuration: names, endpoints, secrets, the address."""

from __future__ import annotations

from collections.abc import Mapping as MappingType

from engine.configuration.checks.access import access
from engine.configuration.checks.bedrock import bedrock
from engine.configuration.checks.client_keys import client_keys
from engine.configuration.checks.conditions import conditions
from engine.configuration.checks.deployment import deployment
from engine.configuration.checks.limits import limits
from engine.configuration.checks.mappings import mappings
from engine.configuration.checks.models import models
from engine.configuration.checks.references import references
from engine.configuration.checks.scope import Scope
from engine.configuration.checks.usage import usage
from providers.spec import ProviderSpec
from schemas.diagnostics import Diagnostic
from schemas.document import Mapping


def check(
    root: Mapping,
    providers: MappingType[str, ProviderSpec],
    *,
    public: bool = False,
    texts: MappingType[str, str] | None = None,
) -> list[Diagnostic]:
    """Every finding 108, 4xx and 8xx of a tree whose `${...}` are replaced; the tree may have wrong shapes in it.

    `public`: the user allowed an address that other machines reach. `texts` are the files, for fixes.
    """
    scope = Scope(root, providers, texts or {})
    return [
        *references(scope),
        *mappings(scope),
        *conditions(scope),
        *models(scope),
        *deployment(scope, public=public),
        *access(scope),
        *client_keys(scope),
        *limits(scope),
        *bedrock(scope),
        *usage(scope),
    ]
