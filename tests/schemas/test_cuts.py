"""Entries and items cut out of a text: each row is the text before and after."""

from __future__ import annotations

import pytest

from schemas.cuts import cut
from schemas.document import Mapping, Sequence, node_at, plain
from schemas.edits import edited
from schemas.read import read

ROWS = [
    ("a: {x: 1, y: 2}\n", ("a",), 0, "a: {y: 2}\n"),
    ("a: {x: 1, y: 2}\n", ("a",), 1, "a: {x: 1}\n"),
    ("a: [x]\n", ("a",), 0, "a: []\n"),
    ("a: [x, {b: c}, z]\n", ("a",), 1, "a: [x, z]\n"),
    ("a:\n  - x\n  - y: 1\n    z: 2 # of y\n  - w\n", ("a",), 1, "a:\n  - x\n  - w\n"),
    ("a:\n  - x\n  - y", ("a",), 1, "a:\n  - x"),
    ("a:\n- x\n\n# of y\n- y\n", ("a",), 0, "a:\n\n# of y\n- y\n"),
    ("a:\r\n  b: |\r\n    t\r\n  c: 1\r\n", ("a",), 0, "a:\r\n  c: 1\r\n"),
    ("a: 1\nb: 2\n", (), 0, "b: 2\n"),
    ('{"a": [1, 2], "b": 3}', ("a",), 1, '{"a": [1], "b": 3}'),
    ("a:\n  - x\n", ("a",), 0, None),
    ("a:\n  - b: 1\n    c: 2\n", ("a", 0), 0, None),
    ("a: {b: &n {x: 1, y: 2}, c: *n}\n", ("a",), 1, None),
]


@pytest.mark.parametrize(("text", "path", "number", "after"), ROWS)
def test_a_part_is_cut_with_what_belongs_to_it(
    text: str, path: tuple[str | int, ...], number: int, after: str | None
) -> None:
    """Afterwards the tree has everything but the part."""
    document, _ = read(text.encode(), "f")
    assert document is not None
    parent = node_at(document.root, path)
    assert isinstance(parent, Mapping | Sequence)
    edit = cut(parent, number, {"f": text})

    assert (edited({"f": text}, [edit])["f"] if edit else None) == after
    if after is not None:
        again, found = read(after.encode(), "f")
        assert again is not None
        assert found == []
        left = node_at(again.root, path)
        assert left is not None
        assert plain(left) == plain(without(parent, number))


def without(parent: Mapping | Sequence, number: int) -> Mapping | Sequence:
    """The same without the part of that number."""
    if isinstance(parent, Mapping):
        return Mapping(parent.entries[:number] + parent.entries[number + 1 :], parent.span)
    return Sequence(parent.items[:number] + parent.items[number + 1 :], parent.span)
