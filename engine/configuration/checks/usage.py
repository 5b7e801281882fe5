"""The record of usage: whose prices are written, and what budgets can count."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from engine.access.settings import items_of
from engine.configuration.checks.scope import Scope
from engine.usage.budgets import PARTS
from engine.usage.prices import Prices, prices_of
from schemas.codes import finding
from schemas.diagnostics import Diagnostic
from schemas.document import Mapping, Node, Scalar, node_at
from schemas.substitute import is_unresolved
from schemas.suggest import did_you_mean
from schemas.wording import quoted


def usage(scope: Scope) -> Iterator[Diagnostic]:
    """102, 107, 401 and 409 of `usage.prices` and `budgets`."""
    for entry in scope.mapping("usage.prices"):
        provider = str(entry.key.value).partition(",")[0].strip()
        if provider not in scope.providers:
            yield _unknown("provider", provider, entry.key, scope.providers)
    prices = prices_of(scope.root, scope.providers)
    for entry in scope.mapping("budgets"):
        if isinstance(entry.value, Mapping):
            yield from _budget(scope, entry.key, entry.value, prices)


def _budget(scope: Scope, name: Scalar, budget: Mapping, prices: Prices) -> Iterator[Diagnostic]:
    money, tokens = budget.entry("money"), budget.entry("tokens")
    if money is None and tokens is None:
        yield finding(
            "CCR102", "`money` or `tokens` is missing", name.span, help="say how much may be spent: `money: 100`"
        )
    if money is not None and tokens is not None:
        message = "`tokens` cannot stand beside `money`"
        yield finding("CCR107", message, tokens.key.span, help="keep one of the two, or make two budgets")
    yield from _names(scope, budget)
    unpriced = _unpriced(scope, budget, prices) if money is not None and tokens is None else []
    if money is not None and unpriced:
        shown = ", ".join(quoted(target) for target in unpriced[:3]) + (", ..." if len(unpriced) > 3 else "")
        yield finding(
            "CCR409",
            f"budget {quoted(str(name.value))} does not see what {shown} cost{'s' if len(unpriced) == 1 else ''}",
            name.span,
            help="write a price under `usage.prices`, also where it is 0",
        )


def _names(scope: Scope, budget: Mapping) -> Iterator[Diagnostic]:
    known: dict[str, Callable[[], Iterable[str]]] = {
        "key": lambda: [str(name) for item in items_of(scope.at("server.apiKeys")) if (name := _text(item, "name"))],
        "rule": lambda: [*_rules(scope), *scope.categories(), "explicit"],
        "provider": lambda: scope.providers,
    }
    words = {"key": "router key", "rule": "rule or category", "provider": "provider"}
    of = budget.get("of")
    for part in PARTS:
        node = node_at(of, [part]) if of is not None else None
        if node is None or part not in known:
            continue
        there = list(known[part]())
        for item in (node,) if isinstance(node, Scalar) else items_of(node):
            if isinstance(item, Scalar) and not is_unresolved(item) and str(item.value) not in there:
                yield _unknown(words[part], str(item.value), item, there)


def _unpriced(scope: Scope, budget: Mapping, prices: Prices) -> list[str]:
    """The targets in rules and categories whose answers the budget counts and that have no price."""
    only = node_at(budget, ["of", "provider"])
    of = None if only is None else {str(one.value) for one in _scalars(only)}
    found: dict[str, None] = {}
    for route in scope.routes():
        for target in (route.target, *route.fallbacks):
            spec = scope.providers.get(target.provider.name)
            if spec is None or (of is not None and spec.name not in of):
                continue
            first = spec.models[0].name if spec.models else None
            model = target.model.name if target.model is not None else spec.default_model or first
            if model is not None and prices.of(spec.name, model) is None:
                found[f"{spec.name},{model}"] = None
    return list(found)


def _scalars(node: Node) -> list[Scalar]:
    return [item for item in ((node,) if isinstance(node, Scalar) else items_of(node)) if isinstance(item, Scalar)]


def _rules(scope: Scope) -> list[str]:
    """The rules by name, those without one by their number."""
    listed = items_of(scope.at("routing.customRules"))
    return [_text(rule, "name") or f"customRules[{number}]" for number, rule in enumerate(listed)]


def _text(node: Node, key: str) -> str | None:
    found = node_at(node, [key])
    return str(found.value) if isinstance(found, Scalar) and found.value is not None else None


def _unknown(what: str, name: str, at: Scalar, known: Iterable[str]) -> Diagnostic:
    there = list(known)
    help_text = did_you_mean(name, there) if there else f"no {what} is configured"
    return finding("CCR401", f"there is no {what} {quoted(name)}", at.span, help=help_text)
