"""What a configuration says about the audit log, as values."""

from __future__ import annotations

from typing import Literal, TypeAlias

from msgspec import Struct

from schemas.document import Mapping, Node, Scalar, node_at

OnFailure: TypeAlias = Literal["continue", "refuse"]


class Auditing(Struct, frozen=True):
    """`folder` is as written, None: `audit` in the router's folder. A file ends at `max_megabytes`; `keep_days` None: for ever.

    `refuse`: while the log cannot be written nobody is served.
    """

    folder: str | None = None
    keep_days: float | None = None
    max_megabytes: float = 100.0
    content: bool = False
    on_failure: OnFailure = "continue"


def auditing_of(root: Node) -> Auditing | None:
    """The settings of a checked document; None: there is no audit log."""
    node = node_at(root, ["audit"]) if isinstance(root, Mapping) else None
    if not isinstance(node, Mapping):
        return Auditing() if isinstance(node, Scalar) and node.value is True else None
    folder, failing = _value(node, "folder"), _value(node, "onFailure")
    keep, size = _value(node, "keepDays"), _value(node, "maxMegabytes")
    return Auditing(
        folder=folder if isinstance(folder, str) else None,
        keep_days=float(keep) if isinstance(keep, int | float) and not isinstance(keep, bool) else None,
        max_megabytes=float(size) if isinstance(size, int | float) else Auditing().max_megabytes,
        content=_value(node, "content") is True,
        on_failure="refuse" if failing == "refuse" else "continue",
    )


def _value(node: Mapping, key: str) -> object:
    found = node.get(key)
    return found.value if isinstance(found, Scalar) else None
