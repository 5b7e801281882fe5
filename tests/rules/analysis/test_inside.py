"""Words looked up in a text instead of looked for."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from rules.analysis.inside import Inside

letters = st.text("ab", max_size=4)


@given(st.lists(letters, max_size=60), st.text("abc", max_size=12))
def test_words_found_are_those_that_are_there(words: list[str], text: str) -> None:
    """Anywhere, at either end, or as the whole; a word given twice is found twice."""
    inside = Inside((word, number) for number, word in enumerate(words))
    numbers = range(len(words))
    assert sorted(inside.anywhere(text)) == [number for number in numbers if words[number] in text]
    assert sorted(inside.at_start(text)) == [number for number in numbers if text.startswith(words[number])]
    assert sorted(inside.at_end(text)) == [number for number in numbers if text.endswith(words[number])]
    assert sorted(inside.whole(text)) == [number for number in numbers if words[number] == text]
