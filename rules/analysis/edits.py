"""Findings' fixes as edits of the text: an entry or an item taken out, a rule moved up; what stands around it stays."""

from __future__ import annotations

from collections.abc import Mapping as MappingType

from schemas.diagnostics import Edit, Span
from schemas.document import Entry, Mapping, Node, Sequence, node_at


class Source:
    """A configuration's tree with its texts, as far as there are any."""

    def __init__(self, root: Node | None, texts: MappingType[str, str]) -> None:
        self._root = root
        self._lines = {file: text.split("\n") for file, text in texts.items()}

    def rule_removed(self, index: int) -> tuple[Edit, ...] | None:
        """The edits that take a custom rule out; None where it is the only one or stands in a way that is not understood."""
        rules = self._rules()
        if rules is None or len(rules.items) < 2 or index >= len(rules.items):
            return None
        edit = self._item_removed(rules, index)
        return None if edit is None else (edit,)

    def rule_moved(self, index: int, before: int) -> tuple[Edit, ...] | None:
        """The edits that move a custom rule before an earlier one."""
        rules = self._rules()
        if rules is None or not 0 <= before < index < len(rules.items):
            return None
        taken, place = self._block(rules.items[index]), self._block(rules.items[before])
        if taken is None or place is None or taken.file != place.file:
            return None
        lines = self._lines[taken.file]
        text = "\n".join(lines[taken.line - 1 : taken.end_line - 1]) + "\n"
        return (Edit(Span(place.file, place.line, 1, place.line, 1), text), Edit(taken, ""))

    def part_removed(self, index: int, part: Span) -> tuple[Edit, ...] | None:
        """The edits that take a predicate out of a rule's condition, found by the place of what it wants."""
        condition = node_at(self._root, ("routing", "customRules", index, "condition")) if self._root else None
        edit = None if condition is None else self._part_removed(condition, part)
        return None if edit is None else (edit,)

    def named(self, *path: str | int) -> Node | None:
        """The node at a path of the tree."""
        return None if self._root is None else node_at(self._root, path)

    def _rules(self) -> Sequence | None:
        rules = self.named("routing", "customRules")
        return rules if isinstance(rules, Sequence) else None

    def _part_removed(self, node: Node, part: Span) -> Edit | None:
        if isinstance(node, Mapping):
            for number, entry in enumerate(node.entries):
                if entry.value.span == part:
                    return self._entry_removed(node, number) if len(node.entries) > 1 else None
                found = self._part_removed(entry.value, part)
                if found is not None:
                    return found
        elif isinstance(node, Sequence):
            for number, item in enumerate(node.items):
                if item.span == part or _only_value(item) == part:
                    return self._item_removed(node, number) if len(node.items) > 1 else None
                found = self._part_removed(item, part)
                if found is not None:
                    return found
        return None

    def _item_removed(self, sequence: Sequence, index: int) -> Edit | None:
        item = sequence.items[index]
        block = self._block(item)
        if block is not None:
            return Edit(block, "")
        return self._flow_removed([one.span for one in sequence.items], index)

    def _entry_removed(self, mapping: Mapping, index: int) -> Edit | None:
        entries = mapping.entries
        spans = [_whole(entry) for entry in entries]
        here = spans[index]
        before = self._line(here.file, here.line)[: here.column - 1]
        if not before.strip() and self._rest(here).strip() in ("",):
            return Edit(Span(here.file, here.line, 1, self._last_line(here) + 1, 1), "")
        if before.strip() in ("-", "- -"):
            return None
        return self._flow_removed(spans, index)

    def _flow_removed(self, spans: list[Span], index: int) -> Edit | None:
        here = spans[index]
        if index + 1 < len(spans):
            after = spans[index + 1]
            between = self._between(here, after)
            if between is None or between.strip() != ",":
                return None
            return Edit(Span(here.file, here.line, here.column, after.line, after.column), "")
        before = spans[index - 1]
        between = self._between(before, here)
        if between is None or between.strip() != ",":
            return None
        return Edit(Span(here.file, before.end_line, before.end_column, here.end_line, here.end_column), "")

    def _between(self, first: Span, second: Span) -> str | None:
        if first.file != second.file or first.file not in self._lines:
            return None
        lines = self._lines[first.file][first.end_line - 1 : second.line]
        if len(lines) == 1:
            return lines[0][first.end_column - 1 : second.column - 1]
        return "\n".join([lines[0][first.end_column - 1 :], *lines[1:-1], lines[-1][: second.column - 1]])

    def _block(self, item: Node) -> Span | None:
        """The lines of an item of a block sequence, its dash included."""
        span = item.span
        if span.file not in self._lines:
            return None
        if self._line(span.file, span.line)[: span.column - 1].strip() != "-" or self._rest(span).strip():
            return None
        return Span(span.file, span.line, 1, self._last_line(span) + 1, 1)

    def _last_line(self, span: Span) -> int:
        last = span.end_line - 1 if span.end_column == 1 and span.end_line > span.line else span.end_line
        while last > span.line and not self._line(span.file, last).strip():
            last -= 1
        return last

    def _rest(self, span: Span) -> str:
        if span.end_column == 1 and span.end_line > span.line:
            return ""
        return self._line(span.file, span.end_line)[span.end_column - 1 :].partition(" #")[0]

    def _line(self, file: str, number: int) -> str:
        lines = self._lines.get(file, [])
        return lines[number - 1] if number <= len(lines) else ""


def _whole(entry: Entry) -> Span:
    key, value = entry.key.span, entry.value.span
    return Span(key.file, key.line, key.column, value.end_line, value.end_column)


def _only_value(node: Node) -> Span | None:
    return node.entries[0].value.span if isinstance(node, Mapping) and len(node.entries) == 1 else None
