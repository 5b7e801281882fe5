"""The record of usage: whose prices are written, and what budgets can count."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeAlias

from engine.access.settings import items_of
from engine.configuration.checks.scope import Scope
from engine.usage.budgets import PARTS
from engine.usage.prices import Prices, prices_of
from schemas.codes import finding
from schemas.diagnostics import Diagnostic
from schemas.document import Mapping, Node, Scalar, node_at
from schemas.substitute import is_unresolved
from schemas.suggest import Names, did_you_mean
from schemas.wording import quoted

Targets: TypeAlias = dict[str | None, list[tuple[int, str]]]
"""Targets with their numbers in order, by provider; all of them under None."""


def usage(scope: Scope) -> Iterator[Diagnostic]:
    """102, 107, 401 and 409 of `usage.prices` and `budgets`."""
    for entry in scope.mapping("usage.prices"):
        provider = str(entry.key.value).partition(",")[0].strip()
        if provider not in scope.providers:
            yield _unknown("provider", provider, entry.key, scope.provider_names())
    unpriced: Targets | None = None
    for entry in scope.mapping("budgets"):
        if isinstance(entry.value, Mapping):
            if unpriced is None:
                unpriced = _unpriced(scope, prices_of(scope.root, scope.providers))
            yield from _budget(scope, entry.key, entry.value, unpriced)


def _budget(scope: Scope, name: Scalar, budget: Mapping, targets: Targets) -> Iterator[Diagnostic]:
    money, tokens = budget.entry("money"), budget.entry("tokens")
    if money is None and tokens is None:
        yield finding(
            "CCR102", "`money` or `tokens` is missing", name.span, help="say how much may be spent: `money: 100`"
        )
    if money is not None and tokens is not None:
        message = "`tokens` cannot stand beside `money`"
        yield finding("CCR107", message, tokens.key.span, help="keep one of the two, or make two budgets")
    yield from _names(scope, budget)
    unpriced = _unseen(budget, targets) if money is not None and tokens is None else []
    if money is not None and unpriced:
        shown = ", ".join(map(quoted, unpriced[:_TOLD])) + (", ..." if len(unpriced) > _TOLD else "")
        yield finding(
            "CCR409",
            f"budget {quoted(str(name.value))} does not see what {shown} cost{'s' if len(unpriced) == 1 else ''}",
            name.span,
            help="write a price under `usage.prices`, also where it is 0",
        )


_TOLD = 3


def _names(scope: Scope, budget: Mapping) -> Iterator[Diagnostic]:
    known: dict[str, Callable[[], Iterable[str]]] = {
        "key": lambda: [str(name) for item in items_of(scope.at("server.apiKeys")) if (name := _text(item, "name"))],
        "rule": lambda: [*_rules(scope), *scope.categories(), "explicit"],
        "provider": scope.provider_names,
    }
    words = {"key": "router key", "rule": "rule or category", "provider": "provider"}
    of = budget.get("of")
    for part in PARTS:
        node = node_at(of, [part]) if of is not None else None
        if node is None or part not in known:
            continue
        there = scope.names(f"{part}s of budgets", known[part])
        for item in (node,) if isinstance(node, Scalar) else items_of(node):
            if isinstance(item, Scalar) and not is_unresolved(item) and str(item.value) not in there:
                yield _unknown(words[part], str(item.value), item, there)


def _unpriced(scope: Scope, prices: Prices) -> Targets:
    """The targets in rules and categories that have no price, of each provider as many as are told and one more."""
    targets: Targets = {}
    seen: set[tuple[str, str]] = set()
    for route in scope.routes():
        for target in (route.target, *route.fallbacks):
            spec = scope.providers.get(target.provider.name)
            if spec is None or len(targets.get(spec.name, ())) > _TOLD:
                continue
            first = spec.models[0].name if spec.models else None
            model = target.model.name if target.model is not None else spec.default_model or first
            if model is None or (spec.name, model) in seen:
                continue
            seen.add((spec.name, model))
            if prices.of(spec.name, model) is None:
                for key in (None, spec.name):
                    targets.setdefault(key, []).append((len(seen), f"{spec.name},{model}"))
    return targets


def _unseen(budget: Mapping, targets: Targets) -> list[str]:
    """Those of them whose answers the budget counts, as many as are told and one more."""
    only = node_at(budget, ["of", "provider"])
    of = [None] if only is None else {str(one.value) for one in _scalars(only)}
    counted = sorted(one for provider in of for one in targets.get(provider, ())[: _TOLD + 1])
    return [target for _, target in counted[: _TOLD + 1]]


def _scalars(node: Node) -> list[Scalar]:
    return [item for item in ((node,) if isinstance(node, Scalar) else items_of(node)) if isinstance(item, Scalar)]


def _rules(scope: Scope) -> list[str]:
    """The rules by name, those without one by their number."""
    listed = items_of(scope.at("routing.customRules"))
    return [_text(rule, "name") or f"customRules[{number}]" for number, rule in enumerate(listed)]


def _text(node: Node, key: str) -> str | None:
    found = node_at(node, [key])
    return str(found.value) if isinstance(found, Scalar) and found.value is not None else None


def _unknown(what: str, name: str, at: Scalar, known: Names) -> Diagnostic:
    help_text = did_you_mean(name, known) if known else f"no {what} is configured"
    return finding("CCR401", f"there is no {what} {quoted(name)}", at.span, help=help_text)
