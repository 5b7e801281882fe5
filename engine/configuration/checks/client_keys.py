"""Conditions on the name of a router key: there is one of that name."""

from __future__ import annotations

from collections.abc import Iterator

from engine.access.settings import items_of
from engine.configuration.checks.scope import Scope
from schemas.codes import finding
from schemas.diagnostics import Diagnostic
from schemas.document import Mapping, Node, Scalar, Sequence, node_at
from schemas.edits import renaming_whole
from schemas.substitute import is_unresolved
from schemas.suggest import Names
from schemas.wording import listed, quoted

_PLACES = ("conditions", "routing.customRules", "routing.categories", "filters", "invariants")


def client_keys(scope: Scope) -> Iterator[Diagnostic]:
    """412 of every condition on `clientKey`; where there are no router keys, another proxy may give the names."""
    named = [node_at(item, ["name"]) for item in items_of(scope.at("server.apiKeys"))]
    names = [one.value for one in named if isinstance(one, Scalar) and isinstance(one.value, str)]
    if not names or len(names) < len(named) or any(is_unresolved(one) for one in named if isinstance(one, Scalar)):
        return
    known, folded = Names(names), {name.casefold() for name in names}
    for wanted, any_case in (one for path in _PLACES for one in _wanted(scope.at(path))):
        text = str(wanted.value)
        is_known = text.casefold() in folded if any_case else text in known
        if isinstance(wanted.value, str) and not is_unresolved(wanted) and not is_known:
            near = known.nearest(text)
            yield finding(
                "CCR412",
                f"there is no router key {quoted(text)}",
                wanted.span,
                help=f"did you mean {quoted(near)}?" if near else f"`server.apiKeys` has {listed(names[:5], 'and')}",
                fix=renaming_whole(wanted, known),
            )


def _wanted(node: Node | None) -> Iterator[tuple[Scalar, bool]]:
    """The names that conditions compare with, each with whether case does not count."""
    if isinstance(node, Mapping):
        for entry in node:
            if entry.key.value == "clientKey":
                yield from _names_in(entry.value)
            else:
                yield from _wanted(entry.value)
    elif isinstance(node, Sequence):
        for item in node:
            yield from _wanted(item)


def _names_in(matcher: Node) -> Iterator[tuple[Scalar, bool]]:
    found = [matcher]
    any_case = False
    if isinstance(matcher, Mapping):
        folded = matcher.get("ignoreCase")
        any_case = isinstance(folded, Scalar) and folded.value is True
        found = [node for key in ("eq", "in") if (node := matcher.get(key)) is not None]
    for node in found:
        for item in node.items if isinstance(node, Sequence) else (node,):
            if isinstance(item, Scalar):
                yield item, any_case
