"""Limits: rates that can be read, names, and limits that would hold less than they say."""

from __future__ import annotations

from collections.abc import Iterator

from engine.access.settings import items_of
from engine.configuration.checks.scope import Scope
from engine.limits.settings import KINDS, rate_of, rates_in
from engine.usage.prices import prices_of
from schemas.codes import finding
from schemas.diagnostics import Diagnostic
from schemas.document import Mapping, Node, Scalar, node_at
from schemas.substitute import is_unresolved
from schemas.wording import quoted

_AMOUNTS = (*KINDS, "concurrent")


def limits(scope: Scope) -> Iterator[Diagnostic]:
    """102, 106, 108, 411 and 811 of `server.limits` and of the `limits` of router keys."""
    of_server = [item for item in items_of(scope.at("server.limits")) if isinstance(item, Mapping)]
    of_keys = [
        found
        for item in items_of(scope.at("server.apiKeys"))
        if isinstance(found := node_at(item, ["limits"]), Mapping)
    ]
    seen: set[str] = set()
    for item in of_server:
        yield from _named_once(item.get("name"), seen)
        per = item.get("per")
        if isinstance(per, Scalar) and per.value == "key" and scope.at("server.apiKeys") is None:
            message = "this limit holds for nobody: there are no router keys"
            yield finding("CCR411", message, per.span, help="set `server.apiKeys`, or limit per `address` or `router`")
    has_prices = bool(prices_of(scope.root, scope.providers))
    for item in (*of_server, *of_keys):
        yield from _amounts(item, has_prices)
    yield from _counted_apart(scope, [*of_server, *of_keys])


def _named_once(name: Node | None, seen: set[str]) -> Iterator[Diagnostic]:
    if isinstance(name, Scalar) and isinstance(name.value, str):
        if name.value in seen:
            yield finding("CCR108", f"limit {quoted(name.value)} is defined twice", name.span)
        seen.add(name.value)


def _amounts(limit: Mapping, has_prices: bool) -> Iterator[Diagnostic]:
    if not any(limit.get(key) is not None for key in _AMOUNTS):
        yield finding("CCR102", f"a limit has one of {', '.join(map(quoted, _AMOUNTS))}", limit.span)
    for kind, written in rates_in(limit):
        if not isinstance(written.value, str) or is_unresolved(written):
            continue
        try:
            rate_of(written.value, kind)
        except ValueError as problem:
            yield finding("CCR106", f"{quoted(written.value)} {problem}", written.span, help="write `60/minute`")
    money = limit.entry("money")
    if money is not None and not has_prices:
        message = "this limit never counts anything: no model has a price"
        yield finding("CCR411", message, money.key.span, help="set `usage.prices`")


def _counted_apart(scope: Scope, written: list[Mapping]) -> Iterator[Diagnostic]:
    workers = scope.at("server.workers")
    count = workers.value if isinstance(workers, Scalar) else None
    if not written or not isinstance(count, int) or count <= 1 or scope.at("state") is not None:
        return
    message = f"each of the {count} workers counts for itself, so that {count} times as much is let through"
    yield finding("CCR811", message, written[0].span, help="set `state`, so that they count together")
