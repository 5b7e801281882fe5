"""A configuration text as a tree in which every key and scalar knows its place.

Both readers (`yaml_reader`, `json_reader`) build these nodes; everything after them reads only these. Values are JSON
values: string, integer, float, boolean, null. A tree may span several files (`include`): each span names its own.
It is built from its leaves up and never changes, so that no cycle is in it, and Python need not look for one (`gc=False`).
"""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping as MappingType
from collections.abc import Sequence as SequenceType
from typing import TypeAlias

from msgspec import Struct

from schemas.diagnostics import Span

JSONScalar: TypeAlias = str | int | float | bool | None
JSONValue: TypeAlias = "JSONScalar | list[JSONValue] | dict[str, JSONValue]"


class Scalar(Struct, frozen=True, gc=False):
    """A leaf. `span` covers it as written, quotes included; `quoted` says whether it had any (block scalars count).

    `raw` is the text as written; `schemas.places.inside` maps an offset of the value to a place in the file.
    """

    value: JSONScalar
    span: Span
    quoted: bool = False
    raw: str = ""

    def __repr__(self) -> str:
        """Its place: the value may be a credential, and a repr ends up in logs."""
        at = self.span
        return f"<{type(self.value).__name__} at {at.file}:{at.line}:{at.column}>"


class Entry(Struct, frozen=True, gc=False):
    """One `key: value` of a mapping."""

    key: Scalar
    value: Node


class Mapping(Struct, frozen=True, gc=False):
    """An object. INVARIANT: keys are strings and unique (duplicates became diagnostics; the first one stays)."""

    entries: tuple[Entry, ...]
    span: Span
    merges: bool = False
    """Whether a refused `<<` stood here, which would have brought other keys."""

    def get(self, key: str) -> Node | None:
        """The value under `key`, or None."""
        for entry in self.entries:
            if entry.key.value == key:
                return entry.value
        return None

    def entry(self, key: str) -> Entry | None:
        """The entry under `key`, or None."""
        for entry in self.entries:
            if entry.key.value == key:
                return entry
        return None

    def __iter__(self) -> Iterator[Entry]:
        return iter(self.entries)


class Sequence(Struct, frozen=True, gc=False):
    """An array."""

    items: tuple[Node, ...]
    span: Span

    def __iter__(self) -> Iterator[Node]:
        return iter(self.items)


Node: TypeAlias = Scalar | Mapping | Sequence


class Document(Struct, frozen=True):
    """A tree and the texts it came from (`texts[file]`, for excerpts; the first file is the main one)."""

    root: Node
    texts: MappingType[str, str]

    def __repr__(self) -> str:
        """The names of its files: what they say may be secret."""
        return f"<document of {', '.join(self.texts)}>"


def plain(node: Node) -> JSONValue:
    """The node as JSON values, places forgotten."""
    if isinstance(node, Scalar):
        return node.value
    if isinstance(node, Sequence):
        return [plain(item) for item in node.items]
    return {str(entry.key.value): plain(entry.value) for entry in node.entries}


def node_at(node: Node, path: SequenceType[str | int]) -> Node | None:
    """The node under `path` (keys and indexes), or None where there is none."""
    for step in path:
        if isinstance(node, Mapping) and isinstance(step, str):
            below = node.get(step)
            if below is None:
                return None
            node = below
        elif isinstance(node, Sequence) and isinstance(step, int) and 0 <= step < len(node.items):
            node = node.items[step]
        else:
            return None
    return node
