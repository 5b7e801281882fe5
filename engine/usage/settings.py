"""What a configuration says about the record of usage, as values."""

from __future__ import annotations

from msgspec import Struct

from engine.usage.budgets import Budget, budgets_of
from providers.secret import Secret
from schemas.document import Mapping, Node, Scalar, node_at

STORE = "~/.claude-code-router/usage.db"


class UsageSettings(Struct, frozen=True):
    """`store` is a file, `~` not expanded, or the URL of a PostgreSQL server (it may hold a password).

    `keep_days` None: for ever.
    """

    store: Secret
    keep_days: int | None = None
    budgets: tuple[Budget, ...] = ()


def usage_of(root: Node) -> UsageSettings | None:
    """The settings of a checked document; None: nothing is recorded. Who has budgets has a record."""
    if not isinstance(root, Mapping):
        return None
    budgets = budgets_of(root)
    if root.get("usage") is None and not budgets:
        return None
    store, days = _value(root, "store"), _value(root, "keepDays")
    return UsageSettings(
        Secret(store) if isinstance(store, str) else Secret(STORE),
        int(days) if isinstance(days, int | float) and not isinstance(days, bool) else None,
        budgets,
    )


def _value(root: Node, key: str) -> object:
    node = node_at(root, ["usage", key])
    return node.value if isinstance(node, Scalar) else None
