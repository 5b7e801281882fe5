"""What is told of a YAML text by whoever reads it, to whoever makes something of it."""

from __future__ import annotations

from typing import Protocol, TypeAlias

from msgspec import Struct

Leaf: TypeAlias = tuple[int, int, str, str | None, str | None, bool]
"""The arguments of `Sink.scalar`."""


class Sink(Protocol):
    """Takes the parts of a text in their order; places are offsets."""

    def scalar(self, start: int, end: int, value: str, style: str | None, anchor: str | None, tagged: bool) -> None:
        """A text, from its anchor and tag on; `style` is how it begins, `*` for an alias, whose name is its value."""

    def open(self, is_mapping: bool, start: int, flow: int | None, anchor: str | None, tagged: bool) -> None:
        """A collection begins; `flow` is where it does behind its bracket, if it has one."""

    def close(self, end: int) -> None:
        """The collection opened last ends; without brackets, with its last part."""


class Frame(Struct):
    """Where a collection begins and where its last entry does; `sign` is an entry of it that says nothing."""

    begin: int
    entry: int
    sign: str = ""
