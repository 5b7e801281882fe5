"""Who may come in: router keys, address ranges, and that what a key is allowed exists."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator
from collections.abc import Mapping as MappingType

from msgspec import Struct

from engine.access.addresses import network_of
from engine.access.keys import SHORTEST_KEY, read_expiry, read_hash
from engine.access.settings import budgets_in, items_of
from engine.configuration.checks.scope import Scope
from engine.usage.budgets import Budget, budgets_of
from schemas.codes import finding
from schemas.diagnostics import Diagnostic
from schemas.document import Mapping, Node, Scalar, node_at
from schemas.edits import renaming_whole
from schemas.substitute import is_unresolved
from schemas.suggest import Names
from schemas.wording import quoted

_RANGES = ("server.access.allow", "server.access.deny", "server.trustedProxies")


def access(scope: Scope) -> Iterator[Diagnostic]:
    """102, 106, 107, 108, 401, 411 and 801 of `server.apiKeys`, `server.access` and `server.trustedProxies`."""
    for path in _RANGES:
        for item in items_of(scope.at(path)):
            yield from _readable(item, network_of, "is no address and no range", "write `10.0.0.0/8` or `::1`")
    known = _Known(
        {budget.name: budget for budget in budgets_of(scope.root)},
        scope.names("budgets", lambda: (str(entry.key.value) for entry in scope.mapping("budgets"))),
    )
    seen: set[str] = set()
    for item in items_of(scope.at("server.apiKeys")):
        if isinstance(item, Mapping):
            yield from _key(scope, item, seen, known)


class _Known(Struct, frozen=True):
    """The budgets that there are: those that can be read, and the names of all."""

    budgets: MappingType[str, Budget]
    written: Names


def _key(scope: Scope, key: Mapping, seen: set[str], known: _Known) -> Iterator[Diagnostic]:
    name, stored, written = key.get("name"), key.get("hash"), key.get("key")
    if isinstance(name, Scalar) and isinstance(name.value, str):
        if name.value in seen:
            advice = "a new key beside an old one has a name of its own, until the old one is revoked"
            yield finding("CCR108", f"router key {quoted(name.value)} is defined twice", name.span, help=advice)
        seen.add(name.value)
    if stored is None and written is None:
        yield finding("CCR102", "`hash` or `key` is missing", key.span, help="`ccr keys add NAME` makes a key")
    if stored is not None and written is not None:
        yield finding("CCR107", "`key` cannot stand beside `hash`", written.span, help="keep one of the two")
    yield from _readable(
        stored, read_hash, "is no hash of a router key", "`ccr keys add NAME` makes one", shown="`hash`"
    )
    yield from _readable(key.get("expires"), read_expiry, "is no day and no time with its zone", "write `2027-01-31`")
    is_given = isinstance(written, Scalar) and ("$${" in written.raw or not is_unresolved(written))
    if isinstance(written, Scalar) and isinstance(written.value, str) and is_given:
        value = written.value
        if "${" not in written.raw:
            help_text = "write `${NAME}` for an environment variable, or `hash`, which `ccr keys add` makes"
            yield finding("CCR801", "`key` of a router key is written in the file", written.span, help=help_text)
        if len(value) < SHORTEST_KEY or not value.isascii() or not value.isprintable() or " " in value:
            message = f"`key` is shorter than {SHORTEST_KEY} characters, or holds some that a header cannot carry"
            yield finding("CCR106", message, written.span, help="`ccr keys add NAME` makes a good one")
    yield from _allowance(scope, key.get("allow"))
    yield from _budgets(key, known)


def _budgets(key: Mapping, known: _Known) -> Iterator[Diagnostic]:
    written = key.get("name")
    name = written.value if isinstance(written, Scalar) else None
    for item in budgets_in(key):
        budget = known.budgets.get(str(item.value))
        if is_unresolved(item) or (budget is None and str(item.value) in known.written):
            continue
        if budget is None:
            near = known.written.nearest(str(item.value))
            help_text = f"did you mean {quoted(near)}?" if near else "budgets stand under `budgets`"
            fix = renaming_whole(item, known.written)
            yield finding("CCR401", f"there is no budget {quoted(str(item.value))}", item.span, help=help_text, fix=fix)
        elif isinstance(name, str) and name not in budget.of.get("key", {name}):
            message = f"what is spent with {quoted(name)} does not count towards budget {quoted(budget.name)}"
            yield finding("CCR411", message, item.span, help=f"add {quoted(name)} to `of.key` of the budget")


def _allowance(scope: Scope, node: Node | None) -> Iterator[Diagnostic]:
    if not isinstance(node, Mapping):
        return
    known: dict[str, Container[str]] = {"categories": scope.categories(), "targets": scope.providers}
    for kind, names in known.items():
        for item in items_of(node_at(node, [kind])):
            if not isinstance(item, Scalar) or not isinstance(item.value, str) or is_unresolved(item):
                continue
            name = item.value.partition(",")[0] if kind == "targets" else item.value
            if name not in names:
                what = "category" if kind == "categories" else "provider"
                yield finding("CCR401", f"there is no {what} {quoted(name)}", item.span)


def _readable(
    node: Node | None, read: Callable[[str], object], problem: str, help_text: str, shown: str | None = None
) -> Iterator[Diagnostic]:
    if not isinstance(node, Scalar) or not isinstance(node.value, str) or is_unresolved(node):
        return
    try:
        read(node.value)
    except ValueError:
        yield finding("CCR106", f"{shown or quoted(node.value)} {problem}", node.span, help=help_text)
