"""What decides, in its order, and where it leads: the tree that the page and `ccr top` draw. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from engine.gateway import model_of
from providers.spec import ProviderSpec
from rules.evaluate import EXPLICIT
from rules.nodes import Category, Reject, Route, Rule, RuleSet, Target

JSON = dict[str, object]

CLIENTS_OWN = "*"
"""The model of a target that has none of its own: the one that the client asked for."""


def tree_of(rules: RuleSet, providers: Mapping[str, ProviderSpec]) -> list[JSON]:
    """`{name, kind, line, enabled, targets, reject}` of each rule, the explicit choice and each category.

    `targets` are `provider,model`, the fallbacks behind the first; `reject` is `{status, message}` or null.
    """
    entries = [_entry(one, "rule", one.route, providers) for one in rules.rules]
    if rules.explicit_models:
        entries.append(
            {"name": EXPLICIT, "kind": "explicit", "line": None, "enabled": True, "targets": [], "reject": None}
        )
    return entries + [_entry(one, "category", one.route, providers) for one in rules.categories]


def _entry(one: Rule | Category, kind: str, route: Route | None, providers: Mapping[str, ProviderSpec]) -> JSON:
    reject = route.to if route is not None and isinstance(route.to, Reject) else None
    return {
        "name": one.name,
        "kind": kind,
        "line": one.span.line if kind == "rule" else None,
        "enabled": one.enabled if isinstance(one, Rule) else route is not None,
        "targets": [] if route is None else _targets(route, providers),
        "reject": None if reject is None else {"status": reject.status, "message": reject.message},
    }


def _targets(route: Route, providers: Mapping[str, ProviderSpec]) -> Sequence[str]:
    to = (route.to,) if isinstance(route.to, Target) else ()
    return [
        f"{target.provider},{model_of(providers[target.provider], target, CLIENTS_OWN)}"
        for target in (*to, *route.fallbacks)
    ]
