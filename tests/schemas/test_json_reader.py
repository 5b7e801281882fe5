"""JSON with comments to a positioned tree; small slips are reported and mended."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.document import node_at, plain
from schemas.json_reader import read_json

FAULTS = [
    ('{"a": 1,}', ["CCR004"], {"a": 1}),
    ('{"a": [1, 2,]}', ["CCR004"], {"a": [1, 2]}),
    ('{"a": 1 "b": 2}', ["CCR004"], {"a": 1, "b": 2}),
    ('{,"a": 1}', ["CCR004"], {"a": 1}),
    ("{'a': 'b'}", ["CCR004", "CCR004"], {"a": "b"}),
    ("{a: b}", ["CCR004", "CCR004"], {"a": "b"}),
    ('{"a": True, "b": None, "c": undefined}', ["CCR004"] * 3, {"a": True, "b": None, "c": None}),
    ('{"a": 012, "b": +5, "c": .5, "d": NaN, "e": 1e999}', ["CCR015"] * 5, {"a": 12, "b": 5, "c": 0.5, "d": 0, "e": 0}),
    ('{"a": 1, "a": 2, "a": 3}', ["CCR005", "CCR005"], {"a": 1}),
    ('{"a": "\\x"}', ["CCR004"], {"a": "x"}),
    ('{"a": "\\ud83d"}', ["CCR008"], {"a": "\ufffd"}),
    ('{"a": "\t"}', ["CCR008"], {"a": " "}),
    ('{"a": "b\\u0000c"}', ["CCR008"], {"a": "b c"}),
    ('{"a": "\\u0007"}', [], {"a": "\a"}),
    ('{"a": 1} b', ["CCR004"], {"a": 1}),
    ('{"a": ', ["CCR004"], None),
    ('{"a" 1}', ["CCR004"], None),
    ('{"a": "b', ["CCR004"], None),
    ('{"a": [1}', ["CCR004"], None),
    ("{} /* a", ["CCR004"], None),
    ("", ["CCR012"], None),
    ("// a\n", ["CCR012"], None),
    ("[" * 500, ["CCR006"], None),
]


@pytest.mark.parametrize(("text", "codes", "value"), FAULTS)
def test_slips_are_reported_and_mended(text: str, codes: list[str], value: object) -> None:
    """Each slip has its finding, and the rest of the text is still read where it can be."""
    document, found = read_json(text, "f.json")
    assert [one.code for one in found] == codes
    assert (plain(document.root) if document else None) == value


def test_comments_are_no_part_of_values() -> None:
    """Both kinds of comment may stand wherever space may; in a text they are text."""
    text = '// a\n{"a": /* b */ "// c", /* d\n */ "e": [1, // f\n 2]} // g'
    document, found = read_json(text, "f.json")
    assert document is not None
    assert found == []
    assert plain(document.root) == {"a": "// c", "e": [1, 2]}


PLACES = [
    ('{"a": "bc"}', ["a"], (1, 7, 1, 11)),
    ('{\n  "a": [1,\n 23]}', ["a", 1], (3, 2, 3, 4)),
    ('{"\U0001f600": true}', ["\U0001f600"], (1, 7, 1, 11)),
    ('{"a": {"b": 1}}', ["a"], (1, 7, 1, 15)),
]


@pytest.mark.parametrize(("text", "path", "place"), PLACES)
def test_every_node_knows_its_place(text: str, path: list[str | int], place: tuple[int, int, int, int]) -> None:
    """Lines and columns count code points from 1, ends are exclusive, quotes belong to a text."""
    document, _ = read_json(text, "f.json")
    assert document is not None
    node = node_at(document.root, path)
    assert node is not None
    assert (node.span.line, node.span.column, node.span.end_line, node.span.end_column) == place


TEXT = st.text(st.characters(exclude_characters="\0"))
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda below: st.lists(below, max_size=4) | st.dictionaries(TEXT, below, max_size=4),
    max_leaves=12,
)


@given(JSON, st.sampled_from([None, 1, "\t"]), st.booleans())
def test_what_the_library_writes_is_read_back(value: object, indent: int | str | None, ascii_only: bool) -> None:
    """Every JSON text means here what it means everywhere."""
    document, found = read_json(json.dumps(value, indent=indent, ensure_ascii=ascii_only), "f.json")
    assert found == []
    assert document is not None
    assert plain(document.root) == value
