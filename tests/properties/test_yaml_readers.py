"""The reader of plain YAML gives the tree of the whole reader, or none; and both give what a value was written from."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from schemas.document import plain
from schemas.yaml_plain import read_plain
from schemas.yaml_reader import read_yaml

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted(
    path
    for folder in ("tests/schemas/good", "tests/schemas/bad", "examples", "engine/data", "rules")
    for path in (ROOT / folder).rglob("*.yaml")
)

WORDS = [
    "a", "key", "x-y", "a.b", "a b", "12", "-3", "- 3", "1.5e3", "012", "0x1F", ".5", ".inf", "true", "~", "null", "a:b", "a: b",
    "a#b", "a #b", "http://x/y?z=1", "${A}", "${A:-b}", "> 10", "*x", "&x", "!t", "%p", "@x", "|", ">", "?", "-", "--", "...", "---",
    '"q"', "'q'", '"q: [x]"', "'it''s'", '"a\\nb"', '"un', "{}", "[]", "{a: 1}", "[1, two, 'three']", "{a: [x, {b: c}], \"d\": e f}",
    "{a:1}", "{a, b}", "[a: b]", "[a,]", "[a,,b]", "{a: 1,}", "[http://x]", "{ a : 1 }", "[ ]", "é", "a\u00a0b", "a\u2028b", "<<", "=", "\\",
]  # fmt: skip
KEYS = ["a", "b", "c-d", "header.x", '"q r"', "'s'", "1", "-x", "a b", "<<", "?", "e "]


@st.composite
def lines(draw: st.DrawFn) -> str:
    """Lines of a mapping or list at changing depths, most of them right."""
    out = []
    for _ in range(draw(st.integers(1, 8))):
        line = " " * draw(st.sampled_from([0, 0, 0, 2, 2, 4, 1, 6]))
        line += draw(st.sampled_from(["", "", "- ", "- ", "-  ", "- - ", "-"]))
        if draw(st.booleans()) or draw(st.booleans()):
            line += draw(st.sampled_from(KEYS)) + draw(st.sampled_from([": ", ":", ":  ", " : "]))
        line += draw(st.sampled_from(["", "", *WORDS]))
        line += draw(st.sampled_from(["", "", "", " ", " # c", "# c", "\t"]))
        out.append(line)
        if draw(st.integers(0, 9)) == 0:
            out.append(draw(st.sampled_from(["", "# remark", "   # remark", "  "])))
    return draw(st.sampled_from(["\n", "\n", "\n", "\r\n"])).join(out) + draw(st.sampled_from(["\n", ""]))


@given(lines())
@example("a:\n- b\nc:\n- d: 1\n  e:\n  - f\n")
@example("- - a\n  - b\n")
@example("a: b\n  c\n")
@example("a: b # c\n  d\n")
@example("a: {b: c}\n  d: e\n")
@example("a:\n\n  # x\n  b: c\n # y\nd: e")
@example("a: b:\n")
@example("a:  \n  b\n")
@example("a: 'b' 'c'\n")
@example("'a': b\n\"a\": c\n")
@example("a: [b]c\n")
@example("a: [b] #c\n")
@example("a: [b]#c\n")
def test_plain_yaml_is_read_as_the_whole_reader_reads_it(text: str) -> None:
    """Same values, same places, and never where there would be a finding."""
    fast = read_plain(text, "f")
    if fast is not None:
        slow, found = read_yaml(text, "f", by_library=True)
        assert found == []
        assert fast == slow


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_our_files_are_read_alike(path: Path) -> None:
    """Every configuration of the tests and examples, the bad ones too."""
    try:
        text = path.read_bytes().decode()
    except UnicodeDecodeError:
        return
    fast = read_plain(text, path.name)
    assert fast is None or (fast, []) == read_yaml(text, path.name, by_library=True)


LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-99, 9999)
    | st.sampled_from(["a", "b c", "> 10", "*x*", "", "é: ü", "yes", "it's", "1", "#x", "a#b"])
)
TREES = st.recursive(
    LEAVES,
    lambda below: (
        st.lists(below, min_size=1, max_size=3)
        | st.dictionaries(st.sampled_from(["a", "bc", "d-e", "x y", "1"]), below, min_size=1, max_size=3)
    ),
    max_leaves=12,
)


def _flow(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_scalar(key)}: {_flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_flow, value)) + "]"
    return _scalar(value)


def _scalar(value: Any) -> str:
    if isinstance(value, str):
        return value if value.isalpha() and value not in ("yes", "no") else json.dumps(value, ensure_ascii=False)
    return json.dumps(value)


def _written(value: Any, indent: int, draw: st.DrawFn) -> str:
    """The value in block style, parts of it in flow, lists indented or not."""
    if not isinstance(value, dict | list) or draw(st.integers(0, 3)) == 0:
        return " " + _flow(value)
    if isinstance(value, dict):
        rows = [f"{' ' * indent}{_scalar(key)}:{_below(item, indent, draw)}" for key, item in value.items()]
    else:
        rows = [f"{' ' * indent}-{_item(item, indent, draw)}" for item in value]
    return "\n" + "\n".join(rows)


def _below(value: Any, indent: int, draw: st.DrawFn) -> str:
    step = draw(st.sampled_from([0, 2, 4])) if isinstance(value, list) else draw(st.sampled_from([1, 2, 4]))
    return _written(value, indent + step, draw)


def _item(value: Any, indent: int, draw: st.DrawFn) -> str:
    text = _written(value, indent + 2, draw)
    compact = isinstance(value, dict) and text.startswith("\n") and draw(st.booleans())
    return " " + text.lstrip("\n ") if compact else text


@st.composite
def written_values(draw: st.DrawFn) -> tuple[Any, str]:
    """A value and one of the ways to write it."""
    value = draw(st.dictionaries(st.sampled_from(["a", "b", "c"]), TREES, min_size=1, max_size=3))
    rows = [f"{key}:{_below(item, 0, draw)}" for key, item in value.items()]
    return value, "\n".join(rows) + "\n"


@given(written_values())
def test_a_value_is_read_back_however_it_is_written(case: tuple[Any, str]) -> None:
    """Blocks, flows, lists that are not indented: the whole reader, the plain one and the library's own agree."""
    value, text = case
    document, found = read_yaml(text, "f", by_library=True)
    assert found == []
    assert document is not None
    assert plain(document.root) == value
    fast = read_plain(text, "f")
    assert fast is None or fast == document
    assert YAML(typ="safe", pure=True).load(text) == value


GAPS = [
    "",
    "",
    " ",
    "  ",
    "\n",
    "\n    ",
    "\n  \n ",
    " # c\n",
    "# c\n  ",
    "\n# d, e]\n  ",
    "\r\n  ",
    "\t",
    "\n---\n",
    "\n...",
]
SIGNS = [
    "a",
    "b c",
    "12",
    "012",
    "'q r'",
    '"s"',
    "http://x:1/y",
    "a:b",
    "x#y",
    "-",
    "-1",
    "...",
    "a: b",
    "*x",
    "&x",
    "~",
    "é",
    "",
]


@st.composite
def flows(draw: st.DrawFn) -> str:
    """A collection in brackets with anything between its parts, most of it right."""

    def gap() -> str:
        return draw(st.sampled_from(GAPS)) if draw(st.integers(0, 2)) == 0 else ""

    def value(depth: int) -> str:
        kind = draw(st.integers(0, 3 if depth < 3 else 1))
        if kind < 2:
            return draw(st.sampled_from(SIGNS))
        parts = [value(depth + 1) for _ in range(draw(st.integers(0, 3)))]
        if kind == 2:
            parts = [
                draw(st.sampled_from(["a", "b", "c-d", '"e"', "f g"]))
                + draw(st.sampled_from([": ", ": ", ":", ":\n "]))
                + one
                for one in parts
            ]
        inside = "".join(gap() + one + gap() + "," + draw(st.sampled_from([" ", "", "\n  "])) for one in parts)
        if draw(st.booleans()):
            inside = inside.rstrip(" \n").removesuffix(",")
        return ("{" + inside + gap() + "}") if kind == 2 else ("[" + inside + gap() + "]")

    after = draw(st.sampled_from(["", "\n", " # c\n", "\nz: 1\n", " x\n", "\n  z: 1\n", "\n]", "\n---\n"]))
    head = draw(st.sampled_from(["k: ", "k:\n  ", "- ", "k:\n  - ", "- a: ", ""]))
    return (
        head + draw(st.sampled_from(["[", "{a: "])) + value(0) + gap() + draw(st.sampled_from(["]", "}", "}"])) + after
    )


@given(flows())
@example("a: [b,\n  c\n]\nd: e\n")
@example("a: [b,\n]\n")
@example("a: {b: c, }\n")
@example("a: [b # c\n  , d]\n")
@example("a: [#b\n]\n")
@example("a: [b\n  c]\n")
@example("a: [b,\n# c\nd]\n")
@example("- [a]\n- {b: [\n  c]}\n")
def test_collections_in_brackets_are_read_as_the_whole_reader_reads_them(text: str) -> None:
    """On any number of lines, with comments among them."""
    fast = read_plain(text, "f")
    assert fast is None or (fast, []) == read_yaml(text, "f", by_library=True)


SLIPS = [
    "\t",
    "&a ",
    "*a",
    "*a*",
    "> 1",
    "!t ",
    "? ",
    "- ",
    ": ",
    "'",
    '"',
    "\n",
    "\n  ",
    " ",
    "x: &b [1]\ny: *b\n",
    "#",
    "|\n  t\n",
    "[",
    "}",
    ",",
    "---\n",
    "\x01",
    "\r",
    "\\",
    "012",
    "<<: ",
]


@st.composite
def slips(draw: st.DrawFn) -> str:
    """Texts that are nearly plain, with a few slips anywhere in them."""
    text = draw(lines() | flows() | written_values().map(lambda case: case[1]) | st.sampled_from(TEXTS))
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(text)))
        text = text[:at] + draw(st.sampled_from(SLIPS)) + text[at + draw(st.integers(0, 2)) :]
    return text


TEXTS = [
    "---\nproviders:\n  a: {type: static, settings: {models: [m, n]}}\nrouting:\n  defaultProvider: a\n  customRules:\n    - name: r\n      condition:\n        model: m\n      target: a,m\n    - {name: s, target: 'a,n'}\n",
    "a: &x\n  b: {c: d}\n  e:\n    - f\n    - g: h\n      i: j\nk: *x\n",
    "a:\n- b: c\n  d: [e, f]\n- [g, {h: i}]\nj:\n  - k\n",
    "? {a: b}\n: c\n? d\n: e:\n    f\n",
    "{a: [b, c, {d: e}], f: {g: h}}\n",
]  # fmt: skip


def test_collections_in_brackets_are_plain() -> None:
    """On several lines, too, and with a comma at the end."""
    for text in ("a: [\n  b, # c\n  'd',\n]\n", "a: {b: http://c:1/d,\n    e: {f: 1, }}\r\ng: 1\r\n"):
        assert read_plain(text, "f") is not None


def test_the_plain_reader_takes_what_people_write() -> None:
    """The examples and the starter are plain, so that the library is not even imported for them."""
    for path in [*ROOT.glob("examples/*/ccr.yaml"), *ROOT.glob("engine/data/*.yaml")]:
        assert read_plain(path.read_text(encoding="utf-8"), path.name) is not None, path


def test_numbers_keep_their_kind() -> None:
    """A whole float stays a float."""
    document = read_plain("a: 1.0\nb: 1\n", "f")
    assert document is not None
    value = plain(document.root)
    assert isinstance(value, dict)
    assert isinstance(value["a"], float)
    assert isinstance(value["b"], int)
    assert math.isclose(value["a"], 1)
