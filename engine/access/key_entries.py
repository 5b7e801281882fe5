"""The entries of `server.apiKeys` in a configuration's texts, to take one out. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from msgspec import Struct, field

from engine.access.settings import items_of
from schemas.cuts import cut
from schemas.document import Node, Scalar, Sequence, node_at
from schemas.edits import edited
from schemas.read import read


class NoSuchKey(Struct, frozen=True):
    """`names` are the keys there are."""

    names: tuple[str, ...]


class LastKey(Struct, frozen=True):
    """Without this key there would be none, and so no door."""

    place: str


class Revoked(Struct, frozen=True):
    """`texts` are the changed files; none where the entry cannot be cut out by itself."""

    place: str
    texts: Mapping[str, str] = field(default_factory=dict)


Revoking: TypeAlias = NoSuchKey | LastKey | Revoked


def revoked(texts: Mapping[str, str], name: str) -> Revoking:
    """What taking the key called `name` out of a configuration's files means."""
    lists = {one: _keys_in(text, one) for one, text in texts.items()}
    entries = [(listed, number) for listed in lists.values() for number in range(len(items_of(listed)))]
    names = [_name_of(items_of(listed)[number]) for listed, number in entries]
    if name not in names:
        return NoSuchKey(tuple(one for one in names if one is not None))
    listed, number = entries[names.index(name)]
    assert isinstance(listed, Sequence)
    span = listed.items[number].span
    place = f"{span.file}:{span.line}"
    if len(entries) == 1:
        return LastKey(place)
    edit = cut(listed, number, texts)
    return Revoked(place) if edit is None else Revoked(place, edited(texts, [edit]))


def _keys_in(text: str, file: str) -> Node | None:
    document, _ = read(text.encode(), file)
    return node_at(document.root, ["server", "apiKeys"]) if document is not None else None


def _name_of(node: Node) -> str | None:
    found = node_at(node, ["name"])
    return found.value if isinstance(found, Scalar) and isinstance(found.value, str) else None
