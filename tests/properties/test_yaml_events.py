"""Our own reading of YAML tells what the library tells, or leaves the text to it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from schemas.lines import Lines
from schemas.yaml_block import Block
from schemas.yaml_events import events, tell
from schemas.yaml_reader import read_yaml
from schemas.yaml_sink import YamlFault
from schemas.yaml_traps import parseable
from schemas.yaml_words import Unsure
from tests.corpus.hostile_yaml import YAML_KINDS
from tests.properties.test_yaml_readers import FILES, slips
from tests.schemas.test_yaml_reader import FAULTS, PLACES, VALUES

Told = tuple[object, ...]


class Record:
    """A sink that keeps what it is told; an empty value without an anchor has its place from `Composer`."""

    def __init__(self) -> None:
        self.told: list[Told] = []
        self._flows: list[bool] = []

    def scalar(self, start: int, end: int, value: str, style: str | None, anchor: str | None, tagged: bool) -> None:
        nowhere = start == end and style is None and anchor is None
        self.told.append((None if nowhere else (start, end), value, style, anchor, tagged))

    def open(self, is_mapping: bool, start: int, flow: int | None, anchor: str | None, tagged: bool) -> None:
        self._flows.append(flow is not None)
        self.told.append((is_mapping, start, flow, anchor, tagged))

    def close(self, end: int) -> None:
        self.told.append((end if self._flows.pop() else None,))


def _ours(text: str) -> list[Told] | None:
    """None: left to the library."""
    record = Record()
    try:
        second = Block(text, record).document()
    except Unsure:
        return None
    return [*record.told, (second,)]


def _the_librarys(text: str) -> list[Told] | None:
    """None: not YAML."""
    record = Record()
    try:
        second = tell(events(text), record)
    except YamlFault:
        return None
    return [*record.told, (second,)]


def _has_second(told: list[Told] | None) -> bool:
    return told is not None and told[-1] != (None,)


SURE = [
    "a: b\nc:\n  - d\n  -\n  - - e\n    - f\n",
    "a:\n- b\n- c: d\n  e: f\n-\ng:\nh: i\n",
    "? a\n: b\n? - c\n: - d\n? e\n",
    ": a\n",
    "a: &x\n  b: c\nd: &y [e]\nf: *x\n*y : g\n&z h: &w\n",
    "&a\n&b c: d\n",
    "- &a\n- !t\n- !t &b c\n- &d !t e\n- !<x> f\n",
    "a: b c\n  d\n\n  e # f\ng: h\n",
    "a: 'b\n  c\n\n  d'\ne: \"f\\\n   g\\x41\\u00e9\\n\\ \n  h\"\n",
    "a: |\n  b\n   c\n\nd: >-\n  e\n  f\n\n   g\n\n  h\ni: |2+\n   j\n\nk: |\n",
    "a: |\n# b\nc: >+\n\n\n",
    "k:\n|\n l\n",
    "[a, b: c, {d: e}, ? f : g, ? h, [i]: j, 'k': l, \"m\", &n o, *n]\n",
    '{a: b, c, "d":e, ? f : g, ? h, : i, [j]: k, &l m: *l, n: , o: [], p: {}}\n',
    "a: [b,\n  c # d\n  , e\n  f,\n]\ng: {h:\n  i, j: 'k\n  l'}\n",
    "{a: [b, c], d: e}: f\n[g]: h\n",
    "%YAML 1.2\n%FOO bar\n---\na: b\n...\n",
    "--- a\n",
    "--- |\n b\n--- c\n",
    "---\n...\n",
    "a: b\n---\nc: d\n",
    "a:\r\n  - b\r\n  - 'c\r\n    d'\r\ne: |\r\n  f\r\n",
    "a:\r- b\r\rc: d e\r  f\r",
    "a: b\u2028c\x85d\n",
    "# a\n\n  # b\nc: d # e\n#f\n  # g\n",
    "[a\t,\tb]\n",
    "- -1\n- :a\n- ?b\n- a:b\n- a#b\n- http://c\n",
    "",
    "# nothing\n",
]


@pytest.mark.parametrize("text", [*SURE, *(text for text, _ in VALUES), *(text for text, _, _ in PLACES)])
def test_every_form_of_yaml_is_read_without_the_library(text: str) -> None:
    """And as the library reads it."""
    assert _ours(text) == _the_librarys(text) is not None


PIECES = [
    "a", "b", "k: v", "x:", "'q'", '"d"', '"e\\n\\x41"', "'it''s'", '"a\\\n  b"', "'m\n  n'", '"m\n\n n"', "- ", "-", "- - ", "? ", ": ",
    ":", "&a ", "&b", "*a ", "*a", "!t ", "!", "!!str ", "!<x> ", "[", "]", "{", "}", ",", ", ", "# c", "#", " # c\n", "\n", "\n  ", "\n    ",
    "\n ", "\n- ", "\n  - ", "  ", "\t", " ", "|\n   t\n", "|\n  t\n\n  u\n", ">-\n  f\n  g\n\n   h\n", "|+\n  z\n\n", "|2\n   y\n", ">\n\n a\n",
    "---", "---\n", "...", "...\n", "%", "%YAML 1.2\n---\n", "\r\n", "\r", "\r\n  ", "a b", "a:b", "http://x", "-1", ".5", "~", "<<: ", "@", "`",
    "é", "\u2028", "\x85", "a#b", "[a, b]", "{a: b}", "{a, b: }", "[a: b]", "[? a : b]", "{? a}", "\\", "?x", "-x", ":x", "> 3", "012",
    "multi\n  line\n  word", "key: multi\n  line", "\n\n", " : ", "? |\n  b\n", "{\n", "[\n", "\n]", "\n}", ",\n  ",
]  # fmt: skip


@st.composite
def texts(draw: st.DrawFn) -> str:
    """Pieces of YAML in any order, or a right text with a few of them put in."""
    if draw(st.integers(0, 2)) == 0:
        text = "".join(draw(st.lists(st.sampled_from(PIECES), min_size=1, max_size=9)))
    else:
        text = draw(st.sampled_from(SURE))
        for _ in range(draw(st.integers(1, 3))):
            at = draw(st.integers(0, len(text)))
            text = text[:at] + draw(st.sampled_from(PIECES)) + text[at + draw(st.sampled_from([0, 0, 1, 2])) :]
    return parseable(Lines(text, "f"))[0]


@given(texts())
@example("k:\n|+\n  z\n\nb: c\n")
@example("a:\n- b\n-.5\n- -<<:  c\n")
@example("%Y\n\nAML 1.2\n---\n-?xt a\n")
@example("a b|\n  t\n\n  u\n%YAML 1.2\n---\n")
def test_what_we_read_is_what_the_library_reads(text: str) -> None:
    """The same parts at the same places; only a second document is told before what is in it is looked at."""
    ours, librarys = _ours(text), _the_librarys(text)
    assert ours is None or ours == librarys or (librarys is None and _has_second(ours))


@given(texts() | slips() | st.sampled_from([text for text, _, _ in FAULTS]))
@example("&a {b: c}\n")
@example("a: !t {b: c}\n")
@example("a: !t\n  b: c\n")
@example("a: &x\n  b: c\n d: e\n")
@example("[a,\n b]: c\n")
@example("a:\n  b: c\n  - d\n")
@example("a:\n    b: c\n  d: e\n")
@example("{a: b}: c\n")
@example("- [*a, {b: c}, [d]]\n")
@example("a: [[[x, &y z], {b: c}], {d: e}]\n")
@example("a:\n}- b\n")
@example('? |\n  b\n{a: b}"d"')
@example("'it''s'\n  !x \n")
@example("a: [b\t\n  c]\n")
@example("? \r\n[")
@example("- a\n- [b, [c,\n d], {e: f}] g\n")
def test_a_fault_is_told_as_the_whole_text_shows_it(text: str) -> None:
    """What we leave out of a broken text changes nothing; before it no less is found than the library would lead to."""
    _compare(text, "f")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_our_files_are_read_as_the_library_reads_them(path: Path) -> None:
    """Broken at their ends, too."""
    for end in ("", "\n\t", "\n---\n", "\n}"):
        _compare(path.read_bytes().decode("utf-8", "replace") + end, path.name)


@pytest.mark.parametrize("kind", YAML_KINDS)
def test_every_dense_form_is_read_as_the_library_reads_it(kind: str) -> None:
    """Long texts before a fault, which are left out where it is looked for, too."""
    _compare(YAML_KINDS[kind](5_000), kind)


def _compare(text: str, file: str) -> None:
    document, found = read_yaml(text, file)
    by_library, found_so = read_yaml(text, file, by_library=True)
    if [one.code for one in found][-1:] == ["CCR013"]:
        return
    assert document == by_library
    if document is not None:
        assert found == found_so
        return
    assert found[-1:] == found_so[-1:]
    # the library may tell what is on the line that it stumbles over next, and what holds that
    assert sum(one not in found for one in found_so) <= 2
