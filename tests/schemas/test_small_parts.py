"""Scalars, places inside a text, suggestions, revisions, wording, environment files: tables of what each gives."""

from __future__ import annotations

import json
import math

import pytest

from schemas.codes import CODES, finding, is_blocking
from schemas.diagnostics import Severity, Span
from schemas.document import Mapping, Scalar
from schemas.env_file import read_env_file
from schemas.json_reader import read_json
from schemas.known_patterns import HIDDEN, is_hinted
from schemas.lines import Lines
from schemas.places import inside
from schemas.revision import revision_of
from schemas.scalars import resolve
from schemas.suggest import Names, did_you_mean, nearest, only_nearest
from schemas.wording import quoted
from schemas.yaml_reader import read_yaml


@pytest.mark.parametrize(
    ("text", "start", "end", "place"),
    [
        ("a: hello", 1, 3, (1, 5, 1, 7)),
        ('a: "hello"', 0, 5, (1, 5, 1, 10)),
        ('a: "h\\"llo"', 2, 3, (1, 8, 1, 9)),
        ('a: "\\u00e9x"', 1, 2, (1, 11, 1, 12)),
        ('a: "\\ud83d\\ude00x"', 1, 2, (1, 17, 1, 18)),
        ("a: 'it''s'", 2, 4, (1, 7, 1, 10)),
        ("a: |\n  one\n  two\n", 4, 7, (3, 3, 3, 6)),
        ("a: one\n  two", 4, 7, (1, 4, 2, 6)),
    ],
)
def test_a_place_inside_a_text_is_found_through_its_escapes(
    text: str, start: int, end: int, place: tuple[int, int, int, int]
) -> None:
    """An offset of the value becomes a column of the file; a folded text gives the whole."""
    document, _ = read_yaml(text, "f")
    assert document is not None
    assert isinstance(document.root, Mapping)
    scalar = document.root.get("a")
    assert isinstance(scalar, Scalar)
    span = inside(scalar, start, end)
    assert (span.line, span.column, span.end_line, span.end_column) == place


@pytest.mark.parametrize(
    ("word", "known", "near"),
    [
        ("opnai", ["openai", "static"], "openai"),
        ("Round_Robin", ["round-robin", "random"], "round-robin"),
        ("endpiont", ["endpoint"], "endpoint"),
        ("contextWin", ["contextWindow", "price"], "contextWindow"),
        ("xyz", ["openai", "static"], None),
        ("x", ["a", "b"], None),
        ("a" * 10_000, ["a"], None),
    ],
)
def test_the_nearest_name_is_suggested_only_when_it_is_near(word: str, known: list[str], near: str | None) -> None:
    """Case and dashes cost nothing; a third of the letters may differ."""
    assert nearest(word, known) == near
    assert nearest(word, Names(known)) == near


def test_names_near_to_several_are_renamed_to_none() -> None:
    """Which of two was meant nobody knows; of a list made ready, too."""
    for known in (["glm-4", "glm-5"], Names(["glm-4", "glm-5"])):
        assert nearest("glm-6", known) == "glm-4"
        assert only_nearest("glm-6", known) is None
        assert only_nearest("gml-4", known) == "glm-4"


def test_of_very_many_unknown_names_the_first_have_suggestions() -> None:
    """Comparing each with all would take longer than everything else."""
    known = Names((f"name{number}" for number in range(40)), looks=1_000)
    near = [known.nearest(f"nam{number}") for number in range(30)]
    assert near[0] == "name0"
    assert near[-1] is None
    assert known.nearest("nam0") == "name0"


def test_few_names_are_listed_when_none_is_near() -> None:
    """Up to eight known names are better than none."""
    assert did_you_mean("zzz", ["one", "two"]) == "known: `one`, `two`"
    assert did_you_mean("zzz", [str(i) for i in range(9)]) is None


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("0", 0),
        ("-0", 0),
        ("+12", 12),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("5.", 5.0),
        ("0x", "0x"),
        ("1e", "1e"),
        ("-", "-"),
        ("1-2", "1-2"),
    ],
)
def test_words_resolve_to_json_values(word: str, value: object) -> None:
    """The core schema, and nothing of YAML 1.1."""
    assert resolve(word).value == value
    assert resolve(word).problem is None


def test_huge_numbers_are_refused_and_do_no_harm() -> None:
    """A number of ten thousand digits or beyond what a float holds is a finding."""
    assert resolve("9" * 10_000).problem
    assert resolve("1e999").problem
    assert resolve("9" * 309).problem
    assert math.isfinite(float(str(resolve("9" * 308).value)))


def test_the_revision_does_not_depend_on_the_form() -> None:
    """YAML and JSON with the same meaning have the same revision; another value has another."""
    as_yaml, _ = read_yaml("b: 1.0\na: [x, null]\n", "f")
    as_json, _ = read_json(json.dumps({"a": ["x", None], "b": 1}), "f")
    other, _ = read_json(json.dumps({"a": ["x", None], "b": 2}), "f")
    assert as_yaml is not None
    assert as_json is not None
    assert other is not None
    assert revision_of(as_yaml.root) == revision_of(as_json.root) != revision_of(other.root)
    assert len(revision_of(other.root)) == 12


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("main", "`main`"),
        ("a`b\nc", "`a'b\\u000ac`"),
        ("sk-proj-abcdefghijklmnop1234", "`***`"),
        ("x" * 100, "`" + "x" * 57 + "...`"),
        ("CLAUDE_SONNET_4_20250514_V1_0", "`CLAUDE_SONNET_4_20250514_V1_0`"),
        ("us.anthropic.claude-sonnet-4-20250514-v1:0", "`us.anthropic.claude-sonnet-4-20250514-v1:0`"),
        ("skills-registry", "`skills-registry`"),
    ],
)
def test_quoted_words_are_short_harmless_and_no_credentials(text: str, shown: str) -> None:
    """Names are shown as they are, what looks like a key is not."""
    assert quoted(text) == shown


def test_an_environment_file_is_read_as_other_tools_write_it() -> None:
    """Comments, `export`, quotes and spaces."""
    text = "# a\nexport A=1\nB = 'two words' \nC=\"x\"\nD=y # z\n\nE="
    assert read_env_file(text) == {"A": "1", "B": "two words", "C": "x", "D": "y", "E": ""}
    with pytest.raises(ValueError, match="line 2"):
        read_env_file("A=1\nno equals\n")


def test_lines_end_at_cr_and_lf_only() -> None:
    """Other separators are characters of the line; offsets and places are each other's inverse."""
    lines = Lines("a\r\nb\u2028c\rd\n", "f")
    assert [lines.line(number) for number in range(1, 6)] == ["a", "b\u2028c", "d", "", ""]
    for offset, char in enumerate("a\r\nb\u2028c\rd"):
        if char not in "\r\n":
            assert lines.offset(*lines.place(offset)) == offset


def test_only_errors_of_blocking_codes_block() -> None:
    """The table decides, and a lighter severity never blocks."""
    place = Span("f", 1, 1, 1, 1)
    assert is_blocking(finding("CCR401", "x", place))
    assert not is_blocking(finding("CCR402", "x", place))
    assert not is_blocking(finding("CCR806", "x", place, severity=Severity.WARNING))
    blocking = {code for code, row in CODES.items() if row.blocking}
    assert {code[:4] for code in blocking if code not in ("CCR401", "CCR405", "CCR804", "CCR806", "CCR808")} == {
        "CCR0",
        "CCR1",
        "CCR2",
        "CCR6",
    }


@pytest.mark.parametrize("hint", sorted({hint for shape in HIDDEN for hint in shape.hints}))
def test_a_text_with_any_hint_of_a_secret_is_looked_at(hint: str) -> None:
    """Wherever one stands: what has no hint is shown and logged as it is."""
    assert is_hinted(f"für {hint}世界")


def test_an_ordinary_text_is_not_looked_at() -> None:
    """The lines of the log are nearly all like this."""
    assert not is_hinted('{"message":"exchange","rule":"default","target":"fake,fake-model","model":"claude-opus-5-5"}')
