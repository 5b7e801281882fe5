"""What of a source line is hidden: every credential, however it is written, and as little else as can be."""

from __future__ import annotations

import pytest

from engine.reporting.masking import Masks
from schemas.lines import Lines
from schemas.read import read


def _shown(text: str, line: int = 1, column: int = 1) -> str:
    document, _ = read(text.encode(), "f.yaml")
    return Masks(document).around(Lines(text, "f.yaml"), line, column).text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("{authentication: {apiKey: word, type: b}, models: [m, n]}", "{authentication: {apiKey: ****, type: b}, models: [m, n]}"),
        ('{a: {token: "one two", model: m}, limits: {rpm: 5}}', '{a: {token: "*** ***", model: m}, limits: {rpm: 5}}'),
        ("{apiKeys: [{name: ci, key: word, allow: {rules: [x]}}], port: 80}", "{apiKeys: [{name: ci, key: ****, allow: {rules: [x]}}], port: 80}"),
        ("{apiKey: one, apiKey: two, x: m}", "{apiKey: ***, apiKey: ***, x: m}"),
        ('{apiKey: "${NAME}", x: m} # or word', '{apiKey: "${NAME}", x: m} # ** ****'),
        ("{apiKey: word, note: 'password: other', models: [m]}", "{apiKey: ****, note: 'password: *****', models: [m]}"),
        ("{tokens: {secretKey: [one, two]}, x: m}", "{tokens: {secretKey: [***, ***]}, x: m}"),
        ("{apiKey: one, two}", "{apiKey: ***, ***}"),
        ("[apiKey: one, two]", "[apiKey: ***, ***]"),
        ("{apiKey: word, x: [m, }", "{apiKey: ****, x: [*, }"),
        ('{"apiKey":"word","type":"b","models":["m"],"endpoint":{}}', '{"apiKey":"****","type":"b","models":["m"],"endpoint":{}}'),
        ('{"apiKeys":[{"key":"word","hash":"v1$a$b"}],"x":"m"}', '{"apiKeys":[{"key":"****","hash":"******"}],"x":"m"}'),
        ("apiKey = word and more", "apiKey = **** *** ****"),
    ],
)  # fmt: skip
def test_what_stands_beside_a_credential_is_shown_if_it_is_known_to_be_none(text: str, shown: str) -> None:
    """The tree knows values; what it does not know behind a credential is hidden."""
    assert _shown(text) == shown


def test_a_list_below_a_credential_keeps_its_form() -> None:
    """The dash of an item and the sign of a comment hide nothing."""
    text = 'apiKeys:\n  - word  # the first\n  - {name: team, key: "${file:gone}"}\n'
    assert _shown(text, 2) == "  - ****  # *** *****"
    assert _shown(text, 3) == '  - {name: team, key: "${file:gone}"}'


def test_a_place_in_a_long_line_is_shown_with_what_is_near() -> None:
    """However long the line is, and with what is hidden there at its place."""
    entries = ", ".join(f'"k{number}": {{"apiKey": "word{number}", "model": "m{number}"}}' for number in range(2_000))
    text = "{" + entries + "}"
    document, _ = read(text.encode(), "f.json")
    masks, lines = Masks(document), Lines(text, "f.json")
    for number in (0, 1_111, 1_999):
        column = text.index(f'k{number}"') + 1
        stretch = masks.around(lines, 1, column)
        assert len(stretch.text) < 40_000
        near = stretch.text[column - 1 - stretch.start :]
        stars = "*" * len(f"word{number}")
        assert near.startswith(f'k{number}": {{"apiKey": "{stars}", "model": "m{number}"}}')
    assert masks.around(lines, 1, column) is masks.around(lines, 1, column + 1)
