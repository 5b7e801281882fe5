"""The plain part of YAML, read line by line: what nearly every configuration is written in, ten times as fast.

Block mappings and lists, on one line texts and quoted texts with simple escapes, and flow collections of them. Anything else, and anything that deserves a finding, is left to `yaml_reader`.
INVARIANT: where this gives a tree, `yaml_reader` gives the same tree and no finding (a property test compares them).
"""

from __future__ import annotations

import re
from functools import cache

from msgspec import Struct

from schemas.diagnostics import Span
from schemas.document import Document, Entry, Mapping, Node, Scalar, Sequence
from schemas.limits import MAX_DEPTH, MAX_ENTRIES, MAX_LISTS_IN_LISTS
from schemas.scalars import resolve


def read_plain(text: str, file: str) -> Document | None:
    """The tree, or None where something in the text is not of the plain part."""
    if _is_odd(text):
        return None
    rows = _rows(text)
    if not rows or rows[0].indent:
        return None
    lines = _Lines(file, rows)
    try:
        root = lines.block(0)
    except _Beyond:
        return None
    return Document(root, {file: text}) if lines.at == len(rows) else None


class _Beyond(Exception):  # noqa: N818 - not an error: the other reader takes over
    """Something is not of the plain part."""


# tabs, what YAML forbids
_NOT_PLAIN = re.compile(r"[\x00-\x09\x0b\x0c\x0e-\x1f\x7f]")
_BREAK = re.compile(r"\r\n|\r|\n")
_MARKERS = ("---", "...", "%")


def _is_odd(text: str) -> bool:
    """Whether a character is in it that no plain YAML has."""
    return _NOT_PLAIN.search(text) is not None or (not text.isascii() and _odd_letters().search(text) is not None)


@cache  # compiling it takes longer than reading most files
def _odd_letters() -> re.Pattern[str]:
    """Other line ends and spaces than ASCII's, and what else YAML forbids."""
    return re.compile(
        "[^\n\r\x20-\x7e\xa1-\u167f\u1681-\u1fff\u2030-\u205e\u2070-\u2fff\u3001-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
    )


_QUOTED = r"\"(?:[^\"\\\n]|\\[\"\\/nt])*\"|'[^'\n]*'"
_ESCAPE = re.compile(r"\\(.)")
_ESCAPES = {"n": "\n", "t": "\t"}
_FIRST = r"(?:[A-Za-z0-9_./$~]|-(?=[0-9]))"
_KEY = re.compile(rf"(?P<key>[A-Za-z_][A-Za-z0-9_./,-]*|{_QUOTED}):(?:[ ]+|$)")
_BLOCK_VALUE = re.compile(rf"(?P<value>{_QUOTED}|{_FIRST}(?:[^ :#]|:(?=[^ ])|[ ]+(?=[^ :#]))*)[ ]*(?:(?<=[ ])#.*)?$")
_FLOW_WORD = r"(?:[^ ,\[\]{}#:\"'?&*!|>%@`]|:(?=[A-Za-z0-9_./-]))"
_FLOW_VALUE = re.compile(
    rf"(?P<value>{_QUOTED}|(?:[A-Za-z0-9_./~]|-(?=[0-9])){_FLOW_WORD}*(?:[ ]{_FLOW_WORD}+)*)(?=[ ]*[,\]}}]|[ ]*$|[ ]+#)"
)
_FLOW_KEY = re.compile(rf"(?P<key>[A-Za-z_][A-Za-z0-9_./-]*|{_QUOTED}):[ ]+")
_REST = re.compile(r"(?:[ ]+#.*|[ ]*)$")
_LONGEST_KEY = 100


class _Row(Struct, frozen=True):
    """A line with something on it: where that begins, counted from 0."""

    number: int
    indent: int
    line: str


def _rows(text: str) -> list[_Row]:
    """The lines that hold more than a comment; none where one begins or ends a document."""
    rows = []
    for number, line in enumerate(_BREAK.split(text) if "\r" in text else text.split("\n"), 1):
        content = line.lstrip(" ")
        if not content or content[0] == "#":
            continue
        if content is line and line.startswith(_MARKERS):
            return []
        rows.append(_Row(number, len(line) - len(content), line))
    return rows


class _Lines:
    """Reads from row to row; `at` is the next one."""

    def __init__(self, file: str, rows: list[_Row]) -> None:
        self.file, self.rows, self.at, self.depth, self.nodes = file, rows, 0, 0, 0
        self.lists_in_lists = 0

    def block(self, indent: int) -> Node:
        """The collection whose first entry is at this row and column."""
        self.depth += 1
        if self.depth >= MAX_DEPTH // 2:
            raise _Beyond
        row = self.rows[self.at]
        node = self._list(indent) if row.line.startswith("- ", indent) else self._mapping(indent)
        self.depth -= 1
        return node

    def _mapping(self, column: int) -> Mapping:
        """`column`: where its keys are; the first one may stand behind the dash of an item."""
        entries: list[Entry] = []
        seen: set[str] = set()
        first = self.rows[self.at]
        while True:
            row = self.rows[self.at]
            match = _KEY.match(row.line, column)
            if match is None:
                raise _Beyond
            key = self._scalar(row.number, match, "key", is_key=True)
            name = str(key.value)
            if name in seen or len(name) > _LONGEST_KEY:
                raise _Beyond
            seen.add(name)
            entries.append(Entry(key, self._value(row, match.end(), column)))
            if self.at == len(self.rows) or self.rows[self.at].indent < column:
                break
            if self.rows[self.at].indent > column:
                raise _Beyond
            if self.rows[self.at].line.startswith("-", column):
                break
        last = entries[-1].value.span
        span = Span(self.file, first.number, entries[0].key.span.column, last.end_line, last.end_column)
        return Mapping(tuple(entries), span)

    def _value(self, row: _Row, start: int, column: int) -> Node:
        """What stands behind a key: on its line, or below it."""
        line = row.line
        if start < len(line) and line[start] != "#":
            return self._on_line(row, start, column)
        self.at += 1
        if self.at == len(self.rows):
            raise _Beyond
        below = self.rows[self.at]
        if below.indent > column and below.line[below.indent] in "{[":
            return self._on_line(below, below.indent, column)
        if below.indent > column or (below.indent == column and below.line.startswith("- ", column)):
            return self.block(below.indent)
        raise _Beyond

    def _list(self, indent: int) -> Sequence:
        items: list[Node] = []
        first = self.rows[self.at]
        while True:
            row = self.rows[self.at]
            start = indent + 1
            while row.line[start : start + 1] == " ":
                start += 1
            if start == len(row.line) or row.line.startswith("- ", start):
                raise _Beyond
            items.append(self._nested(start) if _KEY.match(row.line, start) else self._on_line(row, start, indent))
            if self.at == len(self.rows) or self.rows[self.at].indent < indent:
                break
            if self.rows[self.at].indent > indent:
                raise _Beyond
            if not self.rows[self.at].line.startswith("- ", indent):
                break
        last = items[-1].span
        return Sequence(tuple(items), Span(self.file, first.number, indent + 1, last.end_line, last.end_column))

    def _nested(self, column: int) -> Mapping:
        """The mapping whose first key is at this column of this row, behind a dash."""
        self.depth += 1
        if self.depth >= MAX_DEPTH // 2:
            raise _Beyond
        node = self._mapping(column)
        self.depth -= 1
        return node

    def _on_line(self, row: _Row, start: int, column: int) -> Node:
        """A value within one line; a next line that is further in would go on with it."""
        if row.line[start] in "{[":
            node, end = self._flow(start)
            if not _REST.match(self.rows[self.at].line, end):
                raise _Beyond
        else:
            match = _BLOCK_VALUE.match(row.line, start)
            if match is None:
                raise _Beyond
            node = self._scalar(row.number, match, "value")
        self.at += 1
        if self.at < len(self.rows) and self.rows[self.at].indent > column:
            raise _Beyond
        return node

    def _flow(self, start: int) -> tuple[Node, int]:
        """The flow collection at this column of this row, and the column behind it in the row where it ends."""
        self.depth += 1
        if self.depth >= MAX_DEPTH // 2:
            raise _Beyond
        self.nodes += 1
        first = self.rows[self.at]
        is_mapping = first.line[start] == "{"
        closing = "}" if is_mapping else "]"
        entries: list[Entry] = []
        items: list[Node] = []
        seen: set[str] = set()
        at = self._past_gap(start + 1)
        while (row := self.rows[self.at]).line[at : at + 1] != closing:
            if is_mapping:
                match = _FLOW_KEY.match(row.line, at)
                if match is None:
                    raise _Beyond
                key = self._scalar(row.number, match, "key", is_key=True)
                if key.value in seen or len(str(key.value)) > _LONGEST_KEY:
                    raise _Beyond
                seen.add(str(key.value))
                node, at = self._in_flow(row, match.end())
                entries.append(Entry(key, node))
            else:
                self.lists_in_lists += row.line.startswith("[", at)
                if self.lists_in_lists > MAX_LISTS_IN_LISTS:
                    raise _Beyond
                node, at = self._in_flow(row, at)
                items.append(node)
            at = self._past_gap(at)
            char = self.rows[self.at].line[at : at + 1]
            if char == ",":
                at = self._past_gap(at + 1)
            elif char != closing:
                raise _Beyond
        self.depth -= 1
        span = Span(self.file, first.number, start + 1, row.number, at + 2)
        return (Mapping(tuple(entries), span) if is_mapping else Sequence(tuple(items), span)), at + 1

    def _in_flow(self, row: _Row, start: int) -> tuple[Node, int]:
        if row.line[start : start + 1] in ("{", "["):
            return self._flow(start)
        match = _FLOW_VALUE.match(row.line, start)
        if match is None:
            raise _Beyond
        return self._scalar(row.number, match, "value"), match.end()

    def _past_gap(self, at: int) -> int:
        """Where something stands in a flow collection, from there on; in this row, or in the next one that has anything."""
        line = self.rows[self.at].line
        while line[at : at + 1] == " ":
            at += 1
        if at < len(line) and (line[at] != "#" or line[at - 1] != " "):
            return at
        self.at += 1
        if self.at == len(self.rows):
            raise _Beyond
        return self.rows[self.at].indent

    def _scalar(self, number: int, match: re.Match[str], group: str, *, is_key: bool = False) -> Scalar:
        self.nodes += 1
        if self.nodes > MAX_ENTRIES:
            raise _Beyond
        raw = match[group]
        start, end = match.span(group)
        span = Span(self.file, number, start + 1, number, end + 1)
        if raw[0] in "\"'":
            text = raw[1:-1]
            if raw[0] == '"' and "\\" in text:
                text = _ESCAPE.sub(lambda match: _ESCAPES.get(match[1], match[1]), text)
            return Scalar(text, span, quoted=True, raw=raw)
        if is_key:
            return Scalar(raw, span, raw=raw)
        resolved = resolve(raw)
        if resolved.problem:
            raise _Beyond
        return Scalar(resolved.value, span, raw=raw)
