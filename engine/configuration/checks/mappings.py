"""`categoryMappings` that do not do what they say."""

from __future__ import annotations

from collections.abc import Iterator

from engine.configuration.checks.scope import Scope
from schemas.codes import finding
from schemas.diagnostics import Diagnostic, Label, Span
from schemas.document import Mapping, Scalar, node_at
from schemas.wording import quoted


def mappings(scope: Scope) -> Iterator[Diagnostic]:
    """406, at most once for each category and contradiction."""
    targets = {route.target.category: route.target for route in scope.routes() if route.target.category}
    claims = _claims(scope)
    for category in scope.categories():
        claimed = claims.get(category, [])
        target = targets.get(category)
        if target is not None:
            refused = [span for name, value, span in claimed if name == target.provider.name and not value]
            if refused:
                yield finding(
                    "CCR406",
                    f"{quoted(target.provider.name)} says it does not serve {quoted(category)}, and `routing.rules` sends it there",
                    refused[0],
                    help="`routing.rules` wins; remove the mapping",
                    labels=(Label(target.span, "the target"),),
                )
            others = [(name, span) for name, value, span in claimed if value and name != target.provider.name]
            if others:
                names = " and ".join(quoted(name) for name, _ in others)
                yield finding(
                    "CCR406",
                    f"{names} {'say they serve' if len(others) > 1 else 'says it serves'} {quoted(category)}, and `routing.rules` sends it to {quoted(target.provider.name)}",
                    others[0][1],
                    help="`routing.rules` wins; remove the mapping",
                    labels=(*(Label(span, "and here") for _, span in others[1:]), Label(target.span, "the target")),
                )
            continue
        winners = [(name, span) for name, value, span in claimed if value]
        if len(winners) > 1:
            yield finding(
                "CCR406",
                f"{len(winners)} providers say they serve {quoted(category)}; {quoted(winners[0][0])} wins as the first",
                winners[1][1],
                help=f"keep one of them, or write `routing.rules.{category}`",
                labels=(Label(winners[0][1], "the first"),),
            )


def _claims(scope: Scope) -> dict[str, list[tuple[str, bool, Span]]]:
    """Category -> who says what of it, in file order, with the place of the key."""
    found: dict[str, list[tuple[str, bool, Span]]] = {}
    for entry in scope.provider_entries():
        listed = node_at(entry.value, ["settings", "categoryMappings"])
        for one in listed if isinstance(listed, Mapping) else ():
            if isinstance(one.value, Scalar) and isinstance(one.value.value, bool):
                claim = (str(entry.key.value), one.value.value, one.key.span)
                found.setdefault(str(one.key.value), []).append(claim)
    return found
