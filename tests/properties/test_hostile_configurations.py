"""Any bytes as a configuration give a tree or findings inside the file, never an exception; secrets never show."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engine.build import build
from engine.built import Checked
from engine.cli.checking import Reading
from engine.reporting.json import as_json
from engine.reporting.report import Choice, Report, file_report
from engine.reporting.text import human
from schemas.lines import Lines
from schemas.packaged import schema_text
from tests.corpus.hostile import KINDS

CANARY = "canary9f4c1d7e"


def _nothing(name: str) -> bytes:
    raise FileNotFoundError(2, "No such file or directory", name)


def _said(checked: Checked) -> str:
    report = Report((file_report(checked),), 0.0)
    return human(report, color=True) + as_json(report)


def _check(data: bytes, name: str) -> Checked:
    return build(data, name, read_file=_nothing, env={"CANARY": CANARY}, secrets="keep")


def _assert_inside(checked: Checked) -> None:
    texts = {file: Lines(text, file) for file, text in checked.texts.items()}
    for found in checked.diagnostics:
        text = texts[found.span.file]
        assert 1 <= found.span.line <= len(text)
        assert 1 <= found.span.column <= len(text.line(found.span.line)) + 2
        assert (found.span.line, found.span.column) <= (found.span.end_line, found.span.end_column)
    if checked.document is None:
        assert checked.diagnostics


def _words() -> list[str]:
    found: set[str] = set()

    def collect(schema: Any) -> None:
        if isinstance(schema, dict):
            found.update(schema.get("properties", {}))
            for below in schema.values():
                collect(below)
        elif isinstance(schema, list):
            for below in schema:
                collect(below)

    collect(json.loads(schema_text()))
    return sorted(found)


KEYS = _words()
NAMES = st.sampled_from(
    ["openai", "static", "main", "main,x", "> 10", "10k..60k", "search", "default", "${CANARY}", "${X}", "a.*(", ""]
)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | NAMES | st.text(max_size=8)
VALUES = st.recursive(
    SCALARS,
    lambda below: (
        st.lists(below, max_size=3) | st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=5), below, max_size=4)
    ),
    max_leaves=25,
)
PIECES = st.lists(
    st.sampled_from(
        ["a", ": ", "- ", "\n", "  ", "\t", "{", "}", "[", "]", ",", '"', "'", "|", ">", "> 10", "*a", "&a ", "!t ", "#", "? ",
         "\\", "\\u12", "---", "...", "%YAML", "\x00", "\u2028", "\ud7ff", "\U0001f600", "<<", "${A}", "//", "/*", "*/", "012", "~", "=", "`", "@"]
    ),
    max_size=30,
).map("".join)  # fmt: skip


@given(st.binary(max_size=200), st.sampled_from(["f.yaml", "f.json", "f"]))
@example(b"\xef\xbb\xbf", "f.yaml")
@example(b"\xff\xfe\x00", "f")
@example(b"a: |9\n x", "f.yaml")
@example(b'"\\U00110000"', "f.yaml")
@example(b"&a", "f.yaml")
@example(b"!<", "f.yaml")
@example(b"%TAG ! !", "f.yaml")
def test_any_bytes_give_a_tree_or_findings(data: bytes, name: str) -> None:
    """Whatever a file holds, it is reported with places that exist."""
    checked = _check(data, name)
    _assert_inside(checked)
    _said(checked)


@given(PIECES, st.sampled_from(["f.yaml", "f.json", "f"]))
def test_any_marks_give_a_tree_or_findings(text: str, name: str) -> None:
    """The marks of both languages in any order."""
    checked = _check(text.encode("utf-8", "surrogatepass"), name)
    _assert_inside(checked)
    _said(checked)


@given(st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=5))
def test_any_values_under_known_keys_give_a_gateway_or_findings(value: dict[str, Any]) -> None:
    """Wrong kinds at every place of the language: no stage stumbles over what the one before it reported."""
    checked = _check(json.dumps(value).encode(), "f.json")
    _assert_inside(checked)
    assert CANARY not in _said(checked)


@given(
    st.dictionaries(
        st.sampled_from(["routing", "providers", "conditions", "server", "debug"]),
        st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=4),
        max_size=4,
    )
)
def test_any_sections_give_a_gateway_or_findings(value: dict[str, Any]) -> None:
    """The same one level deeper."""
    checked = _check(json.dumps(value).encode(), "f.json")
    _assert_inside(checked)
    assert CANARY not in _said(checked)


SHAPES = [
    "{canary}",
    "apiKey: {canary}",
    "apiKey: [{canary}]",
    "apiKey:\n  - {canary}\n  -",
    "apiKey: >\n  {canary}\n",
    'apiKey: "{canary}',
    '"apiKey": "{canary}" x',
    "{{apiKey: {canary}, b: [}}",
    "apiKey: {canary}\napiKey: {canary}",
    "apiKey: *{canary}",
    "token: !{canary} x",
    "{{apiKey: one, {canary}, type: x, model: [}}",
    "{{apiKey: one {canary}, type: x}}",
    "[apiKey: one, {canary}]",
    "{{apiKey: one, type: 'token: {canary}'}}",
    "{{apiKey: [one, {{b: {canary}}}], type: x}}",
    '{{"apiKey": "one" "{canary}", "type": "x"}}',
    "{{apiKey: one, apiKey: {canary}, type: x}}",
]
PLACES = [
    "providers:\n  main:\n    type: openai\n    endpoint: https://a.example.com/v1\n    authentication:\n      credentials:\n{below}",
    "providers:\n  main:\n    type: openai\n    endpoint: https://a.example.com/v1\n    authentication:\n{below}",
]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("shape", [shape for shape in SHAPES if shape != "{canary}"])
def test_no_credential_is_shown_however_it_is_miswritten(place: str, shape: str) -> None:
    """Broken quotes, wrong kinds, doubled keys: neither message nor source line gives it away."""
    written = shape.replace("{canary}", CANARY).replace("{{", "{").replace("}}", "}")
    below = "\n".join("        " + line for line in written.split("\n"))
    said = _said(_check(place.replace("{below}", below).encode(), "f.yaml"))
    assert CANARY not in said


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        "{" * 100_000,
        "- " * 50_000,
        "? " * 50_000,
        "a: " + "&a " * 30_000,
        '"' + "\\" * 100_000,
        "x" * 150_000,
        "a: {" + ", ".join(f"k{i}: {i}" for i in range(8_000)) + "}",
        "# " * 60_000,
        "\n" * 100_000,
        "a:\n" + " " * 50_000 + "b",
        "{" + '"a":' * 30_000,
        "[" + "," * 100_000,
        "/*" * 50_000,
        '{"a": ' * 200 + "1" + "}" * 200,
        "*" * 50_000,
        "%" * 50_000,
        "a: >9\n" * 5_000,
    ],
    ids=lambda text: f"{text[:8]!r}",
)
def test_long_texts_of_one_kind_end_early(text: str) -> None:
    """No bound on time is asserted here; a text that took minutes would be noticed."""
    for name in ("f.yaml", "f.json"):
        _assert_inside(_check(text.encode(), name))


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_made_to_take_long_is_reported_too(kind: str, tmp_path: Path) -> None:
    """Each kind of such file, a short one of it: the whole of `test-config`, findings inside the file."""
    path = tmp_path / f"ccr{Path(kind).suffix}"
    path.write_text(KINDS[kind](5_000))
    report = Reading({}, False, Choice()).report(str(path))
    _assert_inside(report.checked)
    assert str(path) in human(Report((report,), 0.0), color=False)


def test_more_than_four_mebibytes_are_not_parsed() -> None:
    """The size alone is the finding."""
    checked = _check(b"[" * (4 * 1024 * 1024 + 1), "f.yaml")
    assert [one.code for one in checked.diagnostics] == ["CCR003"]
