"""Named conditions that nothing uses."""

from __future__ import annotations

from collections.abc import Iterator

from engine.configuration.checks.scope import Scope
from schemas.codes import finding
from schemas.cuts import Cuts
from schemas.diagnostics import Diagnostic, Fix
from schemas.document import Mapping, Node, Scalar, Sequence
from schemas.wording import quoted


def conditions(scope: Scope) -> Iterator[Diagnostic]:
    """404 for conditions that no rule, category, filter or invariant refers to, directly or through another."""
    cuts = Cuts(scope.texts)
    named = scope.mapping("conditions")
    below = {str(entry.key.value): set(_refs(entry.value)) for entry in named}
    reached: set[str] = set()
    pending = [
        name
        for path in ("routing.customRules", "routing.categories", "filters", "invariants")
        if (node := scope.at(path)) is not None
        for name in _refs(node)
    ]
    while pending:
        name = pending.pop()
        if name not in reached:
            reached.add(name)
            pending += below.get(name, ())
    for number, entry in enumerate(named):
        if entry.key.value not in reached:
            edit = cuts.cut(named, number)
            yield finding(
                "CCR404",
                f"nothing uses condition {quoted(str(entry.key.value))}",
                entry.key.span,
                help="refer to it with `ref`, or remove it",
                fix=None if edit is None else Fix(safe=True, edits=(edit,)),
            )


def _refs(node: Node) -> Iterator[str]:
    if isinstance(node, Mapping):
        for entry in node:
            if entry.key.value == "ref" and isinstance(entry.value, Scalar):
                yield str(entry.value.value)
            yield from _refs(entry.value)
    elif isinstance(node, Sequence):
        for item in node:
            yield from _refs(item)
