"""Whether JSON in pieces is well formed so far and complete."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.messages.json_scan import JsonScan, Verdict

SPACE = " \t\n\r"

ROWS = [
    ('{"a": [1, -0.5e+3, true, false, null, "x\\u00e9\\n"], "a": {}}', Verdict.COMPLETE),
    ("[]", Verdict.COMPLETE),
    ('"a"', Verdict.COMPLETE),
    (" { } ", Verdict.COMPLETE),
    ("null", Verdict.COMPLETE),
    ("-12", Verdict.COMPLETE),
    ("", Verdict.OPEN),
    ('{"a', Verdict.OPEN),
    ('{"a":"\\', Verdict.OPEN),
    ('{"a":"\\u00', Verdict.OPEN),
    ('{"a":1', Verdict.OPEN),
    ('{"a":1,', Verdict.OPEN),
    ("[1,]", Verdict.BROKEN),
    ('{"a":1,}', Verdict.BROKEN),
    ("{a:1}", Verdict.BROKEN),
    ("{'a':1}", Verdict.BROKEN),
    ('{"a" 1}', Verdict.BROKEN),
    ("[1}", Verdict.BROKEN),
    ("]", Verdict.BROKEN),
    ("01", Verdict.BROKEN),
    ("+1", Verdict.BROKEN),
    ("1.", Verdict.BROKEN),
    ("nul", Verdict.BROKEN),
    ("NaN", Verdict.BROKEN),
    ('"\\x"', Verdict.BROKEN),
    ('"\\u00g0"', Verdict.BROKEN),
    ('"a\nb"', Verdict.BROKEN),
]


@pytest.mark.parametrize(("text", "verdict"), ROWS)
def test_verdicts(text: str, verdict: Verdict) -> None:
    """Each text has its verdict at its end, whole and character by character."""
    for pieces in ([text], list(text)):
        scan = JsonScan()
        for piece in pieces:
            scan.feed(piece)
        assert scan.end() is verdict


def test_what_follows_the_value_is_not_consumed() -> None:
    """`consumed` says where the value ends, also in the midst of a piece."""
    scan = JsonScan()
    assert scan.feed('{"a":') is Verdict.OPEN
    assert scan.feed("1} tail") is Verdict.COMPLETE
    assert (scan.consumed, scan.is_object) == (len('{"a":1}'), True)
    scan.feed("more")
    assert scan.consumed == len('{"a":1}')


@given(st.text(alphabet='{}[]",:\\u0e1tn -.abfrlse\n', max_size=14), st.integers(0, 14))
def test_it_agrees_with_the_standard_library(text: str, cut: int) -> None:
    """A text is complete exactly when the standard library reads it."""

    def refuse(_word: str) -> None:
        raise ValueError

    try:
        json.loads(text, parse_constant=refuse)
        readable = True
    except ValueError:
        readable = False
    scan = JsonScan()
    scan.feed(text[:cut])
    scan.feed(text[cut:])
    complete = scan.end() is Verdict.COMPLETE and not text[scan.consumed :].strip(SPACE)
    assert complete == readable


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=10,
    )
)
def test_every_value_is_complete_at_its_end_and_not_before(value: object) -> None:
    """An object or a list is open until its last character."""
    text = json.dumps([value])
    scan = JsonScan()
    for char in text[:-1]:
        assert scan.feed(char) is Verdict.OPEN
    assert scan.feed(text[-1]) is Verdict.COMPLETE
