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


class YamlFault(Exception):  # noqa: N818 - a value for yaml_reader, which turns it into a diagnostic
    """The text is not YAML; `start` and `offset` are where the construct began and where it broke."""

    def __init__(self, problem: str, start: int | None, offset: int, *, too_deep: bool = False) -> None:
        super().__init__(problem)
        self.problem, self.start, self.offset, self.too_deep = problem, start, offset, too_deep


TOO_SLOW = "read too slowly"
"""The problem of a text that may be YAML, but more of it in an odd way than is read."""
