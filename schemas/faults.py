"""A fault that the validator found, with the node it is about, and how places in a configuration are named."""

from __future__ import annotations

from collections.abc import Mapping as MappingType
from typing import Any

from msgspec import Struct

from schemas.diagnostics import Span
from schemas.document import Mapping, Node, node_at
from schemas.wording import quoted

SUBSTITUTION = r"^\$\{.+\}$"
"""The pattern by which the schema admits `${...}` where a number or boolean is wanted."""

Path = tuple[str | int, ...]


class Fault(Struct, frozen=True):
    """One error of the validator: where in the data, which keyword with what value, in which subschema."""

    path: Path
    keyword: str | None
    wanted: Any
    instance: Any
    schema: MappingType[str, Any]
    under: tuple[str | int, ...]


def path_text(path: Path) -> str:
    """`routing.customRules[2].target`; `the configuration` for the root."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}"
    return text.removeprefix(".") or "the configuration"


def key_or_start(root: Node, path: Path) -> Span:
    """The key that leads to the node at `path`; for an item or the root, its first key or itself."""
    if path and isinstance(path[-1], str):
        parent = node_at(root, path[:-1])
        entry = parent.entry(path[-1]) if isinstance(parent, Mapping) else None
        if entry is not None:
            return entry.key.span
    node = node_at(root, path)
    if isinstance(node, Mapping) and node.entries:
        return node.entries[0].key.span
    return first_line(node.span if node is not None else root.span)


def first_line(span: Span) -> Span:
    """The span if it is within one line, else its first character."""
    if span.line == span.end_line:
        return span
    return Span(span.file, span.line, span.column, span.line, span.column + 1)


def name_of(path: Path) -> str:
    """The same as messages say it, in backticks."""
    return "the configuration" if not path else quoted(path_text(path))


class FaultAt(Struct, frozen=True):
    """A fault with the node it is about."""

    root: Node
    node: Node
    fault: Fault
