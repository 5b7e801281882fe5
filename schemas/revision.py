"""The revision of a configuration: what it is known by in headers, logs and `/status`."""

from __future__ import annotations

import hashlib
import json

from schemas.document import JSONValue, Mapping, Node, Sequence


def revision_of(root: Node) -> str:
    """12 hex digits of SHA-256 over the canonical JSON of the tree (keys sorted, no spaces, whole floats as integers).

    `root` is the parsed configuration with its includes, before any `${...}` is replaced: a revision holds no secret.
    """
    text = json.dumps(_canonical(root), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()[:12]


def _canonical(node: Node) -> JSONValue:
    if isinstance(node, Mapping):
        return {str(entry.key.value): _canonical(entry.value) for entry in node.entries}
    if isinstance(node, Sequence):
        return [_canonical(item) for item in node.items]
    value = node.value
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    return value
