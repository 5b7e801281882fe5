"""Where patterns are: the leftmost and longest places, in linear time, and the known patterns of credentials."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.patterns.finder import STEPS_PER_CHAR, Finder
from schemas.known_patterns import GROUPS, KNOWN, compiled

ATOMS = ["a", "b", "[ab]", "c", "ab", "(?:ab|a)", "(?:a|b)c", r"\bab", r"b\b", "^a", "c$", "[^c]"]
PIECES = st.tuples(st.sampled_from(ATOMS), st.sampled_from(["", "?", "+", "*", "{1,2}"])).map(
    lambda pair: (
        pair[0] if pair[0].startswith(("^", "\\", "c$", "b\\")) or pair[0].endswith(("b", "$")) else "".join(pair)
    )
)


def oracle(source: str, text: str) -> list[tuple[int, int]]:
    """The leftmost longest matches that are not empty, by trying every place and every length."""
    found, at = [], 0
    while at <= len(text):
        ends = [end for end in range(len(text), at, -1) if matches(source, text, at, end)]
        if ends:
            found.append((at, ends[0]))
            at = ends[0]
        else:
            at += 1
    return found


def matches(source: str, text: str, start: int, end: int) -> bool:
    """Whether exactly this stretch of the text matches, with what stands around it in sight."""
    bound = f"(?=(?P<rest>(?s:.){{{len(text) - end}}})\\Z)"
    return re.compile(f"(?:{source}){bound}", re.ASCII).match(text, start) is not None


@settings(max_examples=150, deadline=None)
@given(st.lists(PIECES, min_size=1, max_size=3).map("".join), st.text("abc ", max_size=9))
def test_places_are_those_of_a_plain_search(source: str, text: str) -> None:
    """Leftmost, then longest, none overlapping: as trying everything finds them."""
    assert Finder(source).spans(text) == oracle(source.replace("$", r"\Z"), text)


@pytest.mark.parametrize("source", ["a.*b|a", "(a|aa)+c|a", "a[^b]*b|a", "(?s)a.*z|a"])
def test_hostile_texts_take_linear_time(source: str) -> None:
    """Where matches overlap without end, the rest counts as found rather than being searched for ever."""
    text = "a" * 20_000
    spans = Finder(source).spans(text)
    covered = sum(end - start for start, end in spans)
    assert covered == len(text)
    assert STEPS_PER_CHAR < 100


SECRETS = {
    "aws-key": [
        "aoaAAAAAG" + "a" * 60,
        "AKIAIOSFODNN7EXAMPLE",
        'aws_secret_access_key = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"',
    ],
    "gcp-key": ["AIza" + "S" * 35, "ya29." + "a" * 40],
    "azure-key": ["AccountKey=" + "a" * 86 + "==", "abc8Q~" + "d" * 34],
    "anthropic-key": ["sk-ant-api03-" + "a" * 40],
    "openai-key": ["sk-proj-" + "a" * 40, "sk-" + "b" * 48],
    "ccr-key": ["sk-ccr-0123abcd-" + "a" * 43],
    "github-token": ["ghp_" + "a" * 36, "github_pat_" + "a" * 40],
    "gitlab-token": ["glpat-" + "a" * 20],
    "slack-token": ["xoxb-1234567890-abcdef", "https://hooks.slack.com/services/T00000000/B00000000/XXXXXXXX"],
    "stripe-key": ["sk_live_" + "a" * 24, "whsec_" + "a" * 32],
    "package-token": ["npm_" + "a" * 36, "pypi-" + "a" * 60, "hf_" + "a" * 34, "gsk_" + "a" * 52],
    "jwt": ["eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0xMjM0.c2lnbmF0dXJlMTIz"],
    "private-key": [
        "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----",
        "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXk",
        "-----BEGIN PGP PRIVATE KEY BLOCK-----\nxxx\n-----END PGP PRIVATE KEY BLOCK-----",
    ],
    "url-password": ["postgresql://user:pass@host/db"],
    "e-mail": ["ada.lovelace+work@mail.example.co.uk"],
}


@pytest.mark.parametrize(("name", "text"), [(name, text) for name, texts in SECRETS.items() for text in texts])
def test_known_patterns_find_what_they_are_named_for(name: str, text: str) -> None:
    """Alone, in the middle of a sentence, and in JSON."""
    for before, after in (("", ""), ("see ", " there"), ('{"k": "', '"}'), ("x=\n", "\n")):
        found = KNOWN[name].spans(before + text + after)
        assert found, (before, text)
        start, end = found[0]
        assert end - start >= min(len(text), 9) - 2
        assert len(before) <= start


def test_every_known_pattern_is_tried_above() -> None:
    """A new one has its rows; groups name known ones."""
    assert set(SECRETS) == set(KNOWN)
    assert {name for names in GROUPS.values() for name in names} <= set(KNOWN)


@pytest.mark.parametrize(
    "text",
    [
        "the AKIA prefix, and sk- too",
        "skip sk-short",
        "an e-mail is name at host",
        "eyJ is how tokens begin",
        "https://host.example/path@2",
        "-----BEGIN PUBLIC KEY-----",
        "ghp_short npm_short hf_short",
        "a commit: 3f786850e387550fdab836ed7e6dc881de23001b",
        "00000000-0000-4000-8000-000000000000",
    ],
)
def test_ordinary_texts_hold_nothing(text: str) -> None:
    """Words about secrets, hashes and ids are none."""
    assert [name for name, known in KNOWN.items() if known.spans(text)] == []


HOSTILE = {
    "jwt": "eyJaaaaaaaa-",
    "url-password": "://a:",
    "e-mail": "a@a.a.a.a.a.a.a.a1 ",
    "azure-key": "sig=" + "a" * 62 + "=8Q~",
    "private-key": "-----BEGIN A A A PRIVATE KEY-- ",
    "aws-key": "aws_secret_access_key",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_texts_cost_known_patterns_little(name: str) -> None:
    """A text of near misses is read about once: what took each again from all its places would not end here."""
    text = HOSTILE[name] * (1_500_000 // len(HOSTILE[name]))
    assert KNOWN[name].spans(text) == []


PARTS = st.sampled_from(
    [text for texts in SECRETS.values() for text in texts]
    + [hint for known in KNOWN.values() for shape in known.shapes for hint in shape.hints]
    + ["", " ", "\n", "a", "-", ".", "@", "/", "=", '"', "x" * 20]
)


@settings(max_examples=150, deadline=None)
@given(st.lists(PARTS, max_size=6).map("".join))
def test_looking_at_hints_only_misses_nothing(text: str) -> None:
    """Each shape is found where a search of the whole text finds it, and a text without hints has none."""
    for known in KNOWN.values():
        found = known.spans(text)
        assert known.may_be_in(text) or not found
        for shape in known.shapes:
            for match in compiled(shape.ahead).finditer(text):
                start, end = match.span(1 if compiled(shape.ahead).groups else 0)
                assert any(a <= start and end <= b for a, b in found), (known.name, match)


def test_what_stands_before_a_hint_belongs_to_it() -> None:
    """An address from its first letter on, a client secret from its third before the mark."""
    assert KNOWN["e-mail"].spans("to ada.b+c@mail.example, now") == [(3, 23)]
    assert KNOWN["azure-key"].spans("is abc8Q~" + "d" * 34) == [(3, 43)]
