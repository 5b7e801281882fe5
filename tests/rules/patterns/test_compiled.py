"""Patterns: the subset, the two matchers that run it, and time linear in the text."""

from __future__ import annotations

import fnmatch
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.patterns.automaton import Matcher, automaton_of
from rules.patterns.compiled import glob_of, pattern_of
from rules.patterns.regex import PatternError, parse_regex

READ: list[tuple[str, str, bool]] = [
    ("a.c", "xabcx", True),
    ("a.c", "a\nc", False),
    ("(?s)a.c", "a\nc", True),
    ("(?i)ABC", "xabc", True),
    ("^b", "ab", False),
    ("a$", "a\n", False),
    (r"\Aa\Z", "a", True),
    (r"\bcat\b", "a cat.", True),
    (r"\bcat\b", "concat", False),
    (r"\Bcat", "concat", True),
    (r"[a-c]{2,3}d", "xabcd", True),
    (r"[^a-c]", "abc", False),
    (r"[]a]", "]", True),
    (r"[a\]-]+$", "a]-", True),
    (r"[\d_]+x", "1_x", True),
    (r"\d", "٣", False),
    (r"\w+@\w+\.com", "me@x.com", True),
    (r"\s", "\u2028", False),
    (r"\x41\u00e9", "Aé", True),
    (r"a{,2}", "a{,2}", True),
    (r"x{", "x{", True),
    (r"a+?b", "aab", True),
    (r"(?:ab|cd)+(?P<n>e)", "abcde", True),
    (r"|a", "", True),
    (r"^(fix|feat)(\(.+\))?: ", "fix(x): y", True),
    (r"claude-(opus|sonnet)-[45]", "claude-sonnet-4-5", True),
    (r"\.", "a", False),
]


@pytest.mark.parametrize(("source", "text", "found"), READ)
def test_a_pattern_finds_what_it_says(source: str, text: str, found: bool) -> None:
    """Each row: a pattern, a text, and whether the pattern is in it, by both matchers."""
    pattern = pattern_of(source)
    assert pattern.search(text) is found
    assert Matcher(pattern.automaton).search(text) is found
    assert pattern.states == len(pattern.automaton.free)


REFUSED: list[tuple[str, str, int, int]] = [
    (r"(a", "CCR606", 0, 2),
    (r"a)", "CCR606", 1, 2),
    (r"[a", "CCR606", 0, 2),
    (r"*a", "CCR606", 0, 1),
    (r"a**", "CCR606", 0, 3),
    (r"a{3,2}", "CCR606", 1, 6),
    (r"[z-a]", "CCR606", 1, 4),
    (r"\q", "CCR606", 0, 2),
    ("a\\", "CCR606", 1, 2),
    (r"\xz", "CCR606", 0, 3),
    (r"(a)\1", "CCR607", 3, 5),
    (r"(?P<n>a)(?P=n)", "CCR607", 8, 9),
    (r"a(?=b)", "CCR607", 1, 4),
    (r"a(?!b)", "CCR607", 1, 4),
    (r"(?<=a)b", "CCR607", 0, 4),
    (r"(?<!a)b", "CCR607", 0, 4),
    (r"a*+", "CCR607", 0, 2),
    (r"(?>a)", "CCR607", 0, 3),
    (r"a{5000}", "CCR607", 1, 7),
    (r"((a{50}){50}){50}", "CCR607", 0, 17),
    ("(" * 60 + ")" * 60, "CCR607", 50, 51),
    ("a" * 3000, "CCR607", 0, 3000),
]


@pytest.mark.parametrize(("source", "code", "start", "end"), REFUSED, ids=[row[0][:20] for row in REFUSED])
def test_what_is_outside_the_subset_is_refused_with_its_place(source: str, code: str, start: int, end: int) -> None:
    """Each row: a pattern, the code, and which part of it is wrong."""
    with pytest.raises(PatternError) as refused:
        pattern_of(source)
    assert (refused.value.code, refused.value.start, refused.value.end) == (code, start, end)


atoms = st.sampled_from(["a", "b", ".", "[ab]", "[^a]", r"\w", r"\b", "^", "$", "(a|b)", "(?:ab|a)", r"\.", "é"])
sources = st.recursive(
    atoms,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map("".join),
        st.tuples(inner, inner).map(lambda two: f"(?:{two[0]}|{two[1]})"),
        st.tuples(inner, st.sampled_from(["*", "+", "?", "{2}", "{1,3}", "{2,}", "*?"])).map(
            lambda two: f"(?:{two[0]}){two[1]}"
        ),
    ),
    max_leaves=8,
)


@given(sources, st.lists(st.text(st.sampled_from("ab. \né_"), max_size=8), max_size=6))
def test_both_matchers_agree_with_the_standard_library(source: str, texts: list[str]) -> None:
    """What the subset shares with the standard library means the same there."""
    pattern, oracle = pattern_of(source), re.compile(source.replace("$", r"\Z"), re.ASCII)
    matcher = Matcher(pattern.automaton)
    for text in texts:
        assert pattern.search(text) is matcher.search(text) is (oracle.search(text) is not None)


@given(st.text(st.sampled_from("ab*?"), max_size=7), st.text(st.sampled_from("abA"), max_size=9), st.booleans())
def test_globs_agree_with_the_standard_library(source: str, text: str, ignore_case: bool) -> None:
    """`*` and `?` mean what they mean in file names."""
    wanted = fnmatch.fnmatchcase(text.lower(), source) if ignore_case else fnmatch.fnmatchcase(text, source)
    assert glob_of(source, ignore_case).fits(text) is wanted


@pytest.mark.parametrize(
    "source", ["(a+)+$", "(a|a)*b", "(a*)*b", "a*a*a*a*b", "(.*a){10}b", "a?" * 25 + "a" * 25 + "$", "x*y"]
)
def test_patterns_that_trap_backtracking_are_linear(source: str) -> None:
    """What would take the standard library ages makes the same few states for 500 and for 5,000 characters."""
    states = []
    for length in (500, 5_000):
        matcher = Matcher(automaton_of(parse_regex(source)))
        matcher.search("a" * length + "c")
        states.append(len(matcher._keys))
    assert states[0] == states[1]
    assert pattern_of(source).search("a" * 5_000 + "c") is False


def test_states_are_forgotten_when_they_are_many() -> None:
    """A pattern with very many states keeps its answers and its memory."""
    pattern, text = pattern_of("a.{12}b$"), "".join("ab"[(i * i // 7) % 2] for i in range(6_000))
    matcher = Matcher(pattern.automaton)
    assert matcher.search(text) is (re.search("a.{12}b$", text) is not None)
    assert len(matcher._keys) <= 1002
