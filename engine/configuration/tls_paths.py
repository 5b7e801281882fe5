"""The files of `tls` sections, as written beside their configuration. Pure."""

from __future__ import annotations

from msgspec.structs import replace

from engine.configuration.sources import beside
from schemas.document import Document, Entry, Mapping, Node, Scalar

FILES = ("ca", "certificate", "key")


def with_tls_paths(document: Document, file: str) -> Document:
    """The document with the paths under `server.tls`, and under `tls` of providers, relative to the folder of `file`."""
    root = document.root
    if not isinstance(root, Mapping):
        return document
    changed = _below(root, ("server", "tls"), file)
    providers = changed.get("providers")
    if isinstance(providers, Mapping):
        entries = []
        for entry in providers:
            one = entry.value
            if isinstance(one, Mapping):
                one = _below(_below(one, ("tls",), file), ("settings", "tls"), file)
            entries.append(entry if one is entry.value else Entry(entry.key, one))
        changed = _with(changed, "providers", Mapping(tuple(entries), providers.span))
    return document if changed is root else replace(document, root=changed)


def _below(node: Mapping, path: tuple[str, ...], file: str) -> Mapping:
    below = node.get(path[0])
    if not isinstance(below, Mapping):
        return node
    made = _below(below, path[1:], file) if len(path) > 1 else _pathed(below, file)
    return node if made is below else _with(node, path[0], made)


def _pathed(tls: Mapping, file: str) -> Mapping:
    return Mapping(tuple(Entry(entry.key, _path(str(entry.key.value), entry.value, file)) for entry in tls), tls.span)


def _path(key: str, value: Node, file: str) -> Node:
    if key in FILES and isinstance(value, Scalar) and isinstance(value.value, str) and "${" not in value.value:
        return replace(value, value=beside(file, value.value))
    return value


def _with(node: Mapping, key: str, value: Node) -> Mapping:
    return Mapping(tuple(Entry(entry.key, value) if entry.key.value == key else entry for entry in node), node.span)
