"""Written targets to routes: `{provider, model, fallbacks}`, `"provider,model"`, `{reject: {status, message}}`."""

from __future__ import annotations

from rules.nodes import Reject, Route, Target
from schemas.codes import finding
from schemas.diagnostics import Diagnostic, Label, Span
from schemas.document import Entry, Mapping, Node, Scalar, Sequence

_REJECT_STATUS = 403
_REJECT_MESSAGE = "this request is not allowed by the router's configuration"


class Routes:
    """Reads targets; `diagnostics` grows. `broken` is set where a shape is no target's: the schema finds that."""

    def __init__(self, diagnostics: list[Diagnostic]) -> None:
        self.diagnostics = diagnostics
        self.broken = False

    def route(self, node: Node, beside: Entry | None) -> Route | None:
        """The route of a target; `beside` is the entry `fallbacks` next to it, if there is one."""
        if isinstance(node, Mapping) and node.get("reject") is not None:
            return Route(self._reject(node))
        target = self._target(node)
        within = node.entry("fallbacks") if isinstance(node, Mapping) else None
        if within is not None and beside is not None:
            self.diagnostics.append(
                finding(
                    "CCR107",
                    "`fallbacks` stands both in the target and beside it",
                    beside.key.span,
                    help="keep one of them",
                    labels=(Label(within.key.span, "the other one"),),
                )
            )
        written = within or beside
        fallbacks = self._fallbacks(written.value) if written is not None else ()
        return None if target is None else Route(target, fallbacks)

    def to_provider(self, provider: str, span: Span | None) -> Route:
        """The route to a provider's own model."""
        return Route(Target(provider, None, span))

    def _fallbacks(self, node: Node) -> tuple[Target, ...]:
        if not isinstance(node, Sequence):
            self.broken = True
            return ()
        targets = (self._target(item) for item in node)
        return tuple(target for target in targets if target is not None)

    def _target(self, node: Node) -> Target | None:
        if isinstance(node, Scalar) and isinstance(node.value, str):
            provider, comma, model = node.value.partition(",")
            if comma and provider.strip() and model.strip():
                return Target(provider.strip(), model.strip(), node.span)
        elif isinstance(node, Mapping):
            name, model_node = node.get("provider"), node.get("model")
            if isinstance(name, Scalar) and isinstance(name.value, str) and name.value:
                written = model_node.value if isinstance(model_node, Scalar) else None
                return Target(name.value, written if isinstance(written, str) and written else None, node.span)
        self.broken = True
        return None

    def _reject(self, node: Mapping) -> Reject:
        written = node.get("reject")
        status = written.get("status") if isinstance(written, Mapping) else None
        message = written.get("message") if isinstance(written, Mapping) else None
        code = status.value if isinstance(status, Scalar) else _REJECT_STATUS
        text = message.value if isinstance(message, Scalar) else _REJECT_MESSAGE
        return Reject(
            code if isinstance(code, int) and not isinstance(code, bool) else _REJECT_STATUS,
            text if isinstance(text, str) else _REJECT_MESSAGE,
            node.span,
        )
