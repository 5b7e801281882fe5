"""YAML to a positioned tree: values as YAML 1.2 and JSON have them, places, traps, limits."""

from __future__ import annotations

import json
from collections import Counter

import pytest
from ruamel.yaml import YAML

from schemas.document import Mapping, Scalar, Sequence, node_at, plain
from schemas.limits import MAX_ALIASED, MAX_ENTRIES, MAX_FINDINGS, MAX_LISTS_IN_LISTS
from schemas.read import read
from schemas.yaml_events import events
from schemas.yaml_reader import read_yaml

VALUES = [
    ("a: 1", {"a": 1}),
    ("a: -1.5e3", {"a": -1500.0}),
    ("a: ~", {"a": None}),
    ("a:", {"a": None}),
    ("a: yes", {"a": "yes"}),
    ("a: True", {"a": True}),
    ("a: 2020-01-01", {"a": "2020-01-01"}),
    ("a: 1_000", {"a": "1_000"}),
    ("a: 12:30", {"a": "12:30"}),
    ("a: 1.2.3", {"a": "1.2.3"}),
    ('a: "12"', {"a": "12"}),
    ("a: '12'", {"a": "12"}),
    ("1: a", {"1": "a"}),
    ("true: a", {"true": "a"}),
    ('a: "\\ud83d\\ude00"', {"a": "\U0001f600"}),
    ("a: |\n  one\n  two\n", {"a": "one\ntwo\n"}),
    ("a: >-\n  one\n  two\n", {"a": "one two"}),
    ("a: &x {b: 1}\nc: *x", {"a": {"b": 1}, "c": {"b": 1}}),
    ("- a\n-\n  - b\n", ["a", ["b"]]),
    ("%YAML 1.1\n---\na: on\n", {"a": "on"}),
    ("a: x\u2028y\u0085z", {"a": "x\u2028y\u0085z"}),
    ("a: \ue000\u2028", {"a": "\ue000\u2028"}),
    ("a:\r\n  - 1\r\n  - 2\r\n", {"a": [1, 2]}),
    ("{a: [1, {b: c}], 'd': \"e\"}", {"a": [1, {"b": "c"}], "d": "e"}),
    ("[a,\n\tb]", ["a", "b"]),
]


@pytest.mark.parametrize(("text", "value"), VALUES)
def test_values_are_those_of_yaml_1_2(text: str, value: object) -> None:
    """Unquoted words resolve by the core schema, everything else is text, and nothing is found wrong."""
    document, found = read_yaml(text, "f.yaml")
    assert document is not None
    assert found == []
    assert plain(document.root) == value


PLACES = [
    ("a: bc", ["a"], (1, 4, 1, 6)),
    ("a:\n  b: 'c d'", ["a", "b"], (2, 6, 2, 11)),
    ("a: [x, yz]", ["a", 1], (1, 8, 1, 10)),
    ("a: [x, yz]", ["a"], (1, 4, 1, 11)),
    ("\u00e9\U0001f600: z", ["\u00e9\U0001f600"], (1, 5, 1, 6)),
    ("a:\n  b: 1\n  c: 2\n\n# end\nd: 3", ["a"], (2, 3, 3, 7)),
    ("a: &n {b: 1}\nc: *n", ["c"], (1, 7, 1, 13)),
    ("a: |\n  x\n  y\nb: 1", ["a"], (1, 4, 3, 4)),
    ("a: x \u2028y", ["a"], (1, 4, 1, 8)),
    ("a: # b\n\nc: d", ["a"], (1, 3, 1, 3)),
    ("a:\n  b :\n# c\n", ["a", "b"], (2, 6, 2, 6)),
    ("{a, b: , c : }", ["a"], (1, 3, 1, 3)),
    ("{a, b: , c : }", ["b"], (1, 7, 1, 7)),
    ("{a, b: , c : }", ["c"], (1, 13, 1, 13)),
    ("? a\n\n? b\n:\n", ["a"], (1, 4, 1, 4)),
    ("-\n\n- a", [0], (1, 2, 1, 2)),
]


@pytest.mark.parametrize(("text", "path", "place"), PLACES)
def test_every_node_knows_its_place(text: str, path: list[str | int], place: tuple[int, int, int, int]) -> None:
    """Lines and columns count code points from 1, the end is exclusive, only CR and LF end a line; nothing is behind its sign."""
    for by_library in (False, True):
        document, _ = read_yaml(text, "f.yaml", by_library=by_library)
        assert document is not None
        node = node_at(document.root, path)
        assert node is not None
        assert (node.span.line, node.span.column, node.span.end_line, node.span.end_column) == place


FAULTS = [
    ("a:\n> 10 b: 1\n", ["CCR009"], {"a": None, "> 10 b": 1}),
    ("a: > 10\nb: >= 3\n", ["CCR009", "CCR009"], {"a": "> 10", "b": ">= 3"}),
    ("a: [> 1, *b*, <= 3, == 4]", ["CCR009", "CCR010"], {"a": ["> 1", "*b*", "<= 3", "== 4"]}),
    ("a: >9\nb: 1", ["CCR009"], {"a": ">9", "b": 1}),
    ("a: *b*", ["CCR010"], {"a": "*b*"}),
    ("a: @b\nc: `d`\ne: %f", ["CCR020", "CCR020", "CCR020"], {"a": "@b", "c": "`d`", "e": "%f"}),
    ("a: 012\nb: 0o7\nc: .nan", ["CCR015", "CCR015", "CCR015"], {"a": 12, "b": 7, "c": ".nan"}),
    ("a: 1\na: 2\nb: {c: 1, c: 2}\na: 3", ["CCR005", "CCR005", "CCR005"], {"a": 1, "b": {"c": 1}}),
    ("a: !!str 5", ["CCR011"], {"a": 5}),
    ("a: 1\n---\nb: 2", ["CCR013"], {"a": 1}),
    ("? {a: 1}\n: b\nc: d", ["CCR014"], {"c": "d"}),
    ("<<: {a: 1}\nb: 2", ["CCR016"], {"b": 2}),
    ("a: &b [*b]", ["CCR010"], {"a": ["*b"]}),
    ("a: \x00b\x07", ["CCR008", "CCR008"], {"a": "b"}),
    ('"a\\0b": "c\\x00d"', ["CCR008", "CCR008"], {"a b": "c d"}),
    ("a:\n\tb: 1", ["CCR007"], None),
    ("a: [1", ["CCR004"], None),
    ('a: "x', ["CCR004"], None),
    ("", ["CCR012"], None),
    ("a: " + "[" * 200, ["CCR006"], None),
]


@pytest.mark.parametrize(("text", "codes", "value"), FAULTS)
def test_traps_are_found_and_the_rest_is_still_read(text: str, codes: list[str], value: object) -> None:
    """What YAML would turn into something else is a finding, and what was meant is kept where it can be told."""
    document, found = read_yaml(text, "f.yaml")
    assert [one.code for one in found] == codes
    assert (plain(document.root) if document else None) == value


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a:\n\tb: 1", "a tab cannot indent YAML"),
        ("a:\tb", "a tab cannot stand after a word of YAML"),
        ("a: b\t# c", "a tab cannot stand after a word of YAML"),
    ],
)
def test_a_tab_is_said_to_be_where_it_is(text: str, message: str) -> None:
    """At the beginning of a line or behind something on it."""
    _, found = read_yaml(text, "f.yaml")
    place = text.index("\t") - text.rfind("\n", 0, text.index("\t"))
    assert [(one.code, one.message, one.span.column) for one in found] == [("CCR007", message, place)]


def test_of_thousands_of_traps_more_than_the_first_is_told() -> None:
    """As many as of other mistakes."""
    document, found = read_yaml("".join(f"k{number}: > {number}\n" for number in range(2 * MAX_FINDINGS)), "f.yaml")
    assert document is None
    assert Counter(one.code for one in found) == {"CCR009": MAX_FINDINGS, "CCR006": 1}


def test_a_trap_inside_a_text_block_is_none() -> None:
    """What looks like an unquoted comparison inside a longer text stays what it is, beside a real one."""
    text = "a: |\n  b: > 10\nc: > 20\n"
    document, found = read_yaml(text, "f.yaml")
    assert document is not None
    assert plain(document.root) == {"a": "b: > 10\n", "c": "> 20"}
    assert [(one.code, one.span.line) for one in found] == [("CCR009", 3)]


def test_aliases_are_expanded_up_to_a_bound() -> None:
    """Nine levels of ten aliases each stop early, lists of texts at 200,000 values."""
    text = "a0: &a0 x\n" + "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 10))
    document, found = read_yaml(text, "f.yaml")
    assert document is None
    assert [one.code for one in found] == ["CCR006"]
    words = "a: &a [" + "x, " * 1_000 + "x]\nb:\n"
    assert read_yaml(words + "- *a\n" * 190, "f.yaml")[1] == []
    _, found = read_yaml(words + "- *a\n" * 210, "f.yaml")
    assert [one.message for one in found] == ["more than 200,000 values after aliases are expanded"]


@pytest.mark.parametrize("name", ["f.yaml", "f.json"])
@pytest.mark.parametrize(
    ("entry", "most", "message"),
    [
        ("1", MAX_ENTRIES, "more than 50,000 entries in one list or mapping"),
        ('"#": 1', MAX_ENTRIES, "more than 50,000 entries in one list or mapping"),
        ("[1]", MAX_LISTS_IN_LISTS, "more than 5,000 lists are items of lists"),
        ("[]", MAX_LISTS_IN_LISTS, "more than 5,000 lists are items of lists"),
    ],
)
def test_no_list_has_what_no_configuration_needs(name: str, entry: str, most: int, message: str) -> None:
    """As many entries as are allowed are read, one more is a finding; in plain YAML and in any other."""
    for before in ["", "&a "] if name == "f.yaml" else [""]:
        for count, found in ((most, []), (most + 1, [("CCR006", message)])):
            inside = ",\n".join(entry.replace("#", str(number)) for number in range(count))
            text = '{"a": ' + before + ("{%s}}" if ":" in entry else "[%s]}") % inside
            document, said = read(text.encode(), name)
            assert [(one.code, one.message) for one in said] == found
            assert (document is None) == bool(found)


@pytest.mark.parametrize(
    ("rest", "refused"),
    [
        ("- *a\n" * (MAX_ALIASED // 2), None),
        ("- *a\n" * (MAX_ALIASED // 2 + 1), MAX_ALIASED // 2 + 2),
        ("- {x: y, z: *b}\n" * (2 * MAX_ALIASED), None),
        ("- *c\n" * (2 * MAX_ALIASED), None),
    ],
    ids=["many-lists", "too-many-lists", "more-written", "texts"],
)
def test_aliases_stand_for_less_than_is_written_or_for_little(rest: str, refused: int | None) -> None:
    """Each costs as much as if it were written out; what a program writes of shared parts is taken."""
    text = "- &a {x: [&c y]}\n- &b [z]\n" + rest
    document, found = read_yaml(text, "f.yaml")
    assert [(one.code, one.span.line - 1) for one in found] == ([] if refused is None else [("CCR006", refused)])
    assert (document is None) == (refused is not None)


@pytest.mark.parametrize("text", [text for text, _ in VALUES if "\u2028" not in text and "\u0085" not in text])
def test_events_are_those_of_the_library(text: str) -> None:
    """The shortened look-ups change no event."""
    ours = [repr(event) for event in events(text)]
    theirs = [repr(event) for event in YAML(typ="safe", pure=True).parse(text)]
    assert ours == theirs


def test_json_in_a_yaml_file_is_read() -> None:
    """YAML contains JSON: tabs and all."""
    text = json.dumps({"a": [1, {"b": None}]}, indent="\t")
    document, found = read(text.encode(), "f.yaml")
    assert document is not None
    assert found == []
    assert isinstance(document.root, Mapping)
    assert isinstance(document.root.get("a"), Sequence)
    assert isinstance(document.root.entries[0].key, Scalar)
