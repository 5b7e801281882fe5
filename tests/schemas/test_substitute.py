"""`${...}` in texts: what is replaced, what stays, what is missing."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from schemas.document import plain
from schemas.json_reader import read_json
from schemas.limits import MAX_FINDINGS
from schemas.shape import shape
from schemas.substitute import Sources, substitute

ENV = {"A": "one", "EMPTY": "", "BRACES": '${A} "x": {', "PORT": "4000", "YES": "TRUE"}


def _file(name: str) -> bytes:
    files = {"key": b"from a file\r\n", "with-a-mark": b"\xef\xbb\xbffrom a file\n", "with-a-nul": b"from\x00a file\n"}
    if name not in files:
        raise FileNotFoundError(name)
    return files[name]


def _substituted(
    value: object, *, keep_credentials: bool = False, allow_missing: bool = False
) -> tuple[object, list[str]]:
    document, _ = read_json(json.dumps(value), "f.json")
    assert document is not None
    sources = Sources(ENV, _file, keep_credentials=keep_credentials, allow_missing=allow_missing)
    document, found = substitute(document, sources)
    return plain(document.root), [one.code for one in found]


@pytest.mark.parametrize(
    ("text", "value", "codes"),
    [
        ("${A}", "one", []),
        ("-${A}-${A}-", "-one-one-", []),
        ("${B:-two}", "two", []),
        ("${A:-two}", "one", []),
        ("${EMPTY}", "", []),
        ("${EMPTY:-two}", "two", []),
        ("${B:-}", "", []),
        ("$${A}", "${A}", []),
        ("$A {A} $", "$A {A} $", []),
        ("${BRACES}", '${A} "x": {', []),
        ("${file:key}", "from a file", []),
        ("${file:none}", "${file:none}", ["CCR017"]),
        ("${file:with-a-mark}", "from a file", []),
        ("${file:with-a-nul}", "${file:with-a-nul}", ["CCR017"]),
        ("${file:}", "${file:}", ["CCR018"]),
        ("${B}", "${B}", ["CCR017"]),
        ("${B} ${C}", "${B} ${C}", ["CCR017", "CCR017"]),
        ("${}", "${}", ["CCR018"]),
        ("${1A}", "${1A}", ["CCR018"]),
        ("${A", "${A", ["CCR018"]),
        ("${A:-${B}}", "${A:-${B}}", ["CCR018", "CCR017"]),
    ],
)
def test_references_are_replaced_inside_one_text(text: str, value: str, codes: list[str]) -> None:
    """Once, never again in what was put in, and what is not there stays as written."""
    assert _substituted([text])[0] == [value]
    assert _substituted([text])[1] == codes
    assert _substituted({text: 1})[0] == {text: 1}


def test_credentials_can_be_left_alone() -> None:
    """Everything inside `authentication`, at any depth, and nothing else."""
    value = {"a": "${A}", "authentication": {"credentials": {"apiKey": "${B}", "x": ["${A}"]}}}
    assert _substituted(value, keep_credentials=True) == ({**value, "a": "one"}, [])
    assert _substituted(value)[1] == ["CCR017"]
    assert _substituted({"a": "${B}"}, allow_missing=True) == ({"a": "${B}"}, [])


@pytest.mark.parametrize(
    ("written", "value", "codes"),
    [
        ("${PORT}", 4000, []),
        ("${NONE:-5}", 5, []),
        ("${A}", "one", ["CCR103"]),
        ("4${EMPTY}", "4", ["CCR103"]),
        ("${NONE:-70000}", 70000, ["CCR105"]),
        ("${NONE:-\uff15}", "\uff15", ["CCR103"]),
        ("${NONE:-nan}", "nan", ["CCR103"]),
        (f"${{NONE:-{'9' * 400}}}", "9" * 400, ["CCR103"]),
    ],
)
def test_a_whole_reference_becomes_a_number_where_one_is_wanted(written: str, value: object, codes: list[str]) -> None:
    """Exactly one reference is converted; anything else is the wrong kind, and its value is not shown."""
    document, _ = read_json(json.dumps({"server": {"port": written}}), "f.json")
    assert document is not None
    document, _ = substitute(document, Sources(ENV, _file))
    document, found = shape(document)
    assert plain(document.root) == {"server": {"port": value}}
    assert [one.code for one in found] == codes
    assert not [one for one in found if "`one`" in one.message]


def test_a_whole_reference_becomes_a_boolean_where_one_is_wanted() -> None:
    """In any case of the letters."""
    document, _ = read_json('{"debug": {"enabled": "${YES}", "logDir": "${YES}"}}', "f.json")
    assert document is not None
    document, found = shape(substitute(document, Sources(ENV, _file))[0])
    assert found == []
    assert plain(document.root) == {"debug": {"enabled": True, "logDir": "TRUE"}}


def test_of_thousands_of_references_in_one_text_a_thousand_are_told() -> None:
    """And that there are more; each text has its own thousand."""
    text = "${B}" * (MAX_FINDINGS + 5)
    _, codes = _substituted([text, "${B}", text])
    assert Counter(codes) == {"CCR017": 2 * MAX_FINDINGS + 1, "CCR006": 2}
