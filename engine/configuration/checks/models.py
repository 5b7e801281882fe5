"""Model names of services whose ids we know: what will be sent for each, before a request asks for it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from engine.configuration.checks.scope import Scope
from providers.spec import ProviderSpec
from schemas import document
from schemas.codes import finding
from schemas.diagnostics import Diagnostic, Severity
from schemas.document import Mapping, Node, Scalar
from schemas.substitute import is_unresolved
from schemas.wording import quoted


def models(scope: Scope) -> Iterator[Diagnostic]:
    """408: a listed model of a `codewhisperer` provider that is not in the table (information), or whose id would be a guess."""
    for entry in scope.provider_entries():
        spec = scope.providers.get(str(entry.key.value))
        if spec is not None and spec.type == "codewhisperer" and isinstance(entry.value, Mapping):
            for name in _names(entry.value):
                yield from _standing(name, spec)


def _names(provider: Mapping) -> Iterator[Scalar]:
    settings = provider.get("settings")
    listed: Node | None = settings.get("models") if isinstance(settings, Mapping) else None
    items: Sequence[Node] = listed.items if isinstance(listed, document.Sequence) else ()
    for item in items:
        name = item.get("name") if isinstance(item, Mapping) else item
        if isinstance(name, Scalar) and isinstance(name.value, str) and not is_unresolved(name):
            yield name


def _standing(name: Scalar, spec: ProviderSpec) -> Iterator[Diagnostic]:
    from providers.dialects.codewhisperer.models import TABLE_DATE, Listed, NeedsGuess, Unlisted, upstream_model
    from providers.dialects.codewhisperer.options import options_of

    match upstream_model(str(name.value), options_of(spec.settings).model_ids):
        case Listed():
            return
        case Unlisted(model_id):
            yield finding(
                "CCR408",
                f"{quoted(model_id)} is not among the ids known of the service: it is sent as written",
                name.span,
                help=f"the table is of {TABLE_DATE}; nothing needs to be done if the service offers the model",
                severity=Severity.INFO,
            )
        case NeedsGuess():
            yield finding(
                "CCR408",
                f"no id of the service is known for {quoted(str(name.value))}, and none is guessed",
                name.span,
                help="write the service's own id, or map the name in `settings.modelIds`",
            )
