"""The plain collections of a text that is not plain as a whole: read ten times as fast, handed to `yaml_events` as one value.

Nothing is read twice: what was tried in vain, and lies before the place where that failed, is not tried again.
INVARIANT: with and without it `yaml_reader` gives the same tree and the same findings (a property test compares them).
"""

from __future__ import annotations

from msgspec import Struct

from schemas.document import Mapping, Node, Scalar
from schemas.lines import Lines
from schemas.yaml_plain import ODD, Beyond, PlainLines, is_odd, rows_of


class Parts:
    """Plain collections by where they begin; lines and columns count from 0, as the scanner counts."""

    def __init__(self, lines: Lines) -> None:
        self.lines = lines
        rows = rows_of(lines.text, odd=is_odd(lines.text))
        self._index = {row.number - 1: index for index, row in enumerate(rows)}
        self._plain = PlainLines(lines.file, rows, keeps=True)
        self._tried = (0, -1)

    def flow_at(self, line: int, column: int) -> Node | None:
        """The collection whose bracket stands there, or None."""
        found = self._found(line, column, is_flow=True)
        return None if found is None else found[0]

    def block_at(self, line: int, column: int, outer: int) -> Node | None:
        """The mapping or list that begins there and ends before something that belongs to the `outer` column, or None."""
        found = self._found(line, column, is_flow=False)
        if found is None:
            return None
        node, after = found
        rows = self._plain.rows
        return node if after == len(rows) or rows[after].indent <= outer else None

    def end_of(self, node: Node) -> tuple[int, int, int]:
        """The line, the column and the offset behind it."""
        span = node.span
        return span.end_line - 1, span.end_column - 1, self.lines.offset(span.end_line, span.end_column)

    def _found(self, line: int, column: int, *, is_flow: bool) -> tuple[Node, int] | None:
        index = self._index.get(line)
        if index is None or self._plain.rows[index].indent == ODD:
            return None
        plain, start = self._plain, (index, column)
        if start not in plain.known and start >= self._tried:
            plain.at, plain.column, plain.depth, plain.nodes = index, column, 0, 0
            try:
                if is_flow:
                    plain.flow(column)
                elif plain.rows[index].indent == column:
                    plain.block(column)
                else:
                    plain.nested(column)
            except Beyond:
                self._tried = max(self._tried, (plain.at, plain.column))
        return plain.known.get(start)


class Extent(Struct, frozen=True):
    """How many values it is, keys among them, in how many levels, and how many of them are lists or mappings."""

    size: int
    height: int
    collections: int


SCALAR = Extent(1, 1, 0)


def extent(node: Node) -> Extent:
    """That of a node."""
    if isinstance(node, Scalar):
        return SCALAR
    below = [entry.value for entry in node] if isinstance(node, Mapping) else node.items
    parts = [SCALAR] * len(below) if isinstance(node, Mapping) else []
    parts += [extent(one) for one in below]
    return Extent(
        1 + sum(part.size for part in parts),
        1 + max((part.height for part in parts), default=0),
        1 + sum(part.collections for part in parts),
    )
