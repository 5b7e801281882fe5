"""What a configuration says about saved requests, as values."""

from __future__ import annotations

from msgspec import Struct

from schemas.document import Mapping, Node, Scalar, node_at


class Saving(Struct, frozen=True):
    """`folder` is as written, None: `requests` in the folder of the log. What is older or more is deleted, the oldest first."""

    folder: str | None = None
    keep_days: float = 7.0
    max_files: int = 1000
    max_megabytes: int = 1000


def saving_of(root: Node) -> Saving | None:
    """The settings of a checked document; None: nothing is saved."""
    node = node_at(root, ["debug", "saveRequests"]) if isinstance(root, Mapping) else None
    if isinstance(node, Mapping):
        folder = node.get("folder")
        usual = Saving()
        return Saving(
            folder.value if isinstance(folder, Scalar) and isinstance(folder.value, str) else None,
            _number(node, "keepDays", usual.keep_days),
            int(_number(node, "maxFiles", usual.max_files)),
            int(_number(node, "maxMegabytes", usual.max_megabytes)),
        )
    return Saving() if isinstance(node, Scalar) and node.value is True else None


def _number(node: Mapping, key: str, default: float) -> float:
    found = node.get(key)
    value = found.value if isinstance(found, Scalar) else None
    return value if isinstance(value, int | float) and not isinstance(value, bool) else default
