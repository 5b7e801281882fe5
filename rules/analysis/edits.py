"""Findings' fixes as edits of the text: a predicate or a rule taken out, a rule moved up; what stands around it stays."""

from __future__ import annotations

from collections.abc import Mapping as MappingType

from schemas.cuts import Cuts
from schemas.diagnostics import Edit, Span
from schemas.document import Mapping, Node, Sequence, node_at


class Source:
    """A configuration's tree with its texts, as far as there are any."""

    def __init__(self, root: Node | None, texts: MappingType[str, str]) -> None:
        self._root, self._cuts = root, Cuts(texts)

    def named(self, *path: str | int) -> Node | None:
        """The node at a path of the tree."""
        return None if self._root is None else node_at(self._root, path)

    def rule_removed(self, index: int) -> tuple[Edit, ...] | None:
        """The edits that take a custom rule out; None where it is the only one or stands in a way that is not understood."""
        rules = self.named("routing", "customRules")
        if not isinstance(rules, Sequence) or not 0 <= index < len(rules.items) or len(rules.items) < 2:
            return None
        edit = self._cuts.cut(rules, index)
        return None if edit is None else (edit,)

    def rule_moved(self, index: int, before: int) -> tuple[Edit, ...] | None:
        """The edits that move a custom rule before an earlier one of the same list; whole lines only.

        Comments directly above a rule stay with it.
        """
        rules = self.named("routing", "customRules")
        if not isinstance(rules, Sequence) or not 0 <= before < index < len(rules.items):
            return None
        taken, place = (self._cuts.cut(rules, number) for number in (index, before))
        if taken is None or place is None or taken.span.file != place.span.file:
            return None
        if taken.span.column != 1 or taken.span.end_column != 1 or place.span.column != 1:
            return None
        first, line = self._commented(place.span), self._commented(taken.span)
        whole = Span(taken.span.file, line, 1, taken.span.end_line, 1)
        return Edit(Span(place.span.file, first, 1, first, 1), self._text_of(whole)), Edit(whole, "")

    def part_removed(self, index: int, part: Span) -> tuple[Edit, ...] | None:
        """The edits that take a predicate out of a rule's condition, found by the place of what it wants."""
        condition = self.named("routing", "customRules", index, "condition")
        edit = None if condition is None else self._part_removed(condition, part)
        return None if edit is None else (edit,)

    def _part_removed(self, node: Node, part: Span) -> Edit | None:
        if isinstance(node, Mapping):
            for number, entry in enumerate(node.entries):
                if entry.value.span == part:
                    return self._cuts.cut(node, number) if len(node.entries) > 1 else None
                found = self._part_removed(entry.value, part)
                if found is not None:
                    return found
        elif isinstance(node, Sequence):
            for number, item in enumerate(node.items):
                if item.span == part or _only_value(item) == part:
                    return self._cuts.cut(node, number) if len(node.items) > 1 else None
                found = self._part_removed(item, part)
                if found is not None:
                    return found
        return None

    def _commented(self, item: Span) -> int:
        """The first line of the comments directly above an item, as far in as its dash; else that of the item."""
        lines, line = self._cuts.lines(item.file), item.line
        indent = lines.line(line).partition("-")[0]
        while line > 1 and lines.line(line - 1).startswith(indent + "#"):
            line -= 1
        return line

    def _text_of(self, span: Span) -> str:
        lines = self._cuts.lines(span.file)
        return lines.text[lines.offset(span.line, span.column) : lines.offset(span.end_line, span.end_column)]


def _only_value(node: Node) -> Span | None:
    return node.entries[0].value.span if isinstance(node, Mapping) and len(node.entries) == 1 else None
