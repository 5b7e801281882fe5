"""Operands as they are written: texts, numbers, lists, each refused with its place where it is something else."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

from rules.facts import FactSpec
from rules.operands import HINT, LiteralError, number_in
from schemas.codes import finding
from schemas.diagnostics import Diagnostic, Fix, Span
from schemas.document import Node, Scalar, Sequence
from schemas.edits import in_quotes
from schemas.places import within

ReadT = TypeVar("ReadT")


_BOOLEAN_WORDS: Mapping[str, str] = {
    "true": "true", "yes": "true", "on": "true", "1": "true",
    "false": "false", "no": "false", "off": "false", "0": "false",
}  # fmt: skip


class Refused(Exception):  # noqa: N818 - says what was refused
    """A matcher is wrong; its diagnostic is already listed."""


class Written:
    """Reads operands; `diagnostics` grows where they are wrong. `settings` are words that stand for numbers."""

    def __init__(self, settings: Mapping[str, int | float], diagnostics: list[Diagnostic]) -> None:
        self.settings, self.diagnostics = settings, diagnostics

    def text(self, name: str, node: Node) -> str:
        """A text. Raises `Refused`."""
        if isinstance(node, Scalar) and isinstance(node.value, str):
            return node.value
        hint = f'quote it: `"{node.raw}"`' if isinstance(node, Scalar) and node.value is not None else None
        fix = in_quotes(node.span, node.raw) if isinstance(node, Scalar) and hint else None
        raise self.refused("CCR202", f"`{name}` wants a text", node.span, hint, fix)

    def boolean(self, name: str, node: Node) -> bool:
        """True or false; also as a text that a `${...}` became. Raises `Refused`."""
        if isinstance(node, Scalar):
            if isinstance(node.value, bool):
                return node.value
            if node.value in ("true", "false") and "${" in node.raw:
                return node.value == "true"
        word = _BOOLEAN_WORDS.get(str(node.value).lower()) if isinstance(node, Scalar) else None
        hint = f"write `{word}`, without quotes" if word else None
        raise self.refused("CCR202", f"`{name}` wants true or false", node.span, hint)

    def number(self, fact: str, spec: FactSpec | None, node: Node) -> int | float:
        """A number; with `spec`, one that the fact may be."""
        value = node.value if isinstance(node, Scalar) else None
        if isinstance(value, str) and isinstance(node, Scalar):
            value = self.settings[value] if value in self.settings else self.read(node, number_in)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.refused("CCR202", f"`{fact}` wants a number", node.span, HINT)
        if spec is not None:
            self.check_whole(fact, spec, value, node.span)
        return int(value) if isinstance(value, float) and value.is_integer() else value

    def check_whole(self, fact: str, spec: FactSpec, value: int | float, span: Span) -> None:
        """Raises `Refused` for a fraction where the fact is a whole number."""
        if spec.type == "int" and value != int(value):
            raise self.refused("CCR204", f"`{fact}` is never `{value}`: it is a whole number", span)

    def items_of(self, name: str, node: Node) -> tuple[Node, ...]:
        """The items of a list. Raises `Refused`."""
        if isinstance(node, Sequence):
            return node.items
        hint = f"write `[{node.raw}]`" if isinstance(node, Scalar) else None
        raise self.refused("CCR202", f"`{name}` wants a list", node.span, hint)

    def read(self, node: Scalar, reader: Callable[[str], ReadT]) -> ReadT:
        """What a reader makes of a string; its error points into the string. Raises `Refused`."""
        text = str(node.value)
        try:
            return reader(text)
        except LiteralError as fault:
            end = len(text) if fault.end is None else fault.end
            raise self.refused("CCR203", fault.message, within(node)(fault.start, end), fault.hint) from None

    def refused(self, code: str, message: str, span: Span, hint: str | None = None, fix: Fix | None = None) -> Refused:
        """Lists what is wrong with a matcher, which is to be given up."""
        self.diagnostics.append(finding(code, message, span, help=hint, fix=fix))
        return Refused()


def listed(node: Node) -> tuple[Node, ...]:
    """The items of a list, or what stands alone."""
    return node.items if isinstance(node, Sequence) else (node,)


def each(nodes: Iterable[Node], read: Callable[[Node], ReadT]) -> tuple[ReadT, ...]:
    """All of them, read. Raises `Refused` after the last one, so that every mistake is found."""
    results, failed = [], False
    for node in nodes:
        try:
            results.append(read(node))
        except Refused:
            failed = True
    if failed:
        raise Refused
    return tuple(results)
