"""Tool names as upstreams take them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.dialects.tool_names import restored_names, sent_names


@pytest.mark.parametrize(
    ("name", "gemini", "sent"),
    [
        ("Bash", False, "Bash"),
        ("mcp__server__tool-1", False, "mcp__server__tool-1"),
        ("a" * 64, False, "a" * 64),
        ("a" * 65, False, "a" * 54 + "_635361c4"),
        ("a.b", False, "a_b_2e7336dc"),
        ("1st", False, "1st"),
        ("1st", True, "t1st_e01ddf65"),
        ("", False, "t_e3b0c442"),
        ("ü", False, "__607474ca"),
    ],
)
def test_a_name_is_kept_or_shortened(name: str, gemini: bool, sent: str) -> None:
    """A name that fits is sent as it is; another keeps its beginning and gets a hash."""
    assert sent_names([name], gemini) == {name: sent}


def test_a_shortened_name_is_the_same_in_every_request() -> None:
    """The name of a tool does not depend on the other tools."""
    long = "x" * 100
    assert sent_names([long])[long] == sent_names(["a", "b", long, "c.d"])[long]


def test_a_shortened_name_gives_way_to_a_real_one() -> None:
    """A client's own name that looks like a shortened one stays, the shortened one moves."""
    taken = sent_names(["a.b"])["a.b"]
    names = sent_names(["a.b", taken])
    assert names[taken] == taken
    assert names["a.b"] != taken


@given(st.lists(st.text(alphabet="ab.ü1-", max_size=70) | st.just("a" * 70), max_size=12), st.booleans())
def test_names_are_one_to_one(names: list[str], gemini: bool) -> None:
    """Every name has a valid twin of its own, and the way back gives the client's name."""
    sent = sent_names(names, gemini)
    assert set(sent) == set(names)
    assert len(set(sent.values())) == len(sent)
    back = restored_names(sent)
    for name, twin in sent.items():
        assert re.fullmatch(r"[a-zA-Z_][a-zA-Z0-9_-]{0,63}" if gemini else r"[a-zA-Z0-9_-]{1,64}", twin)
        assert back.get(twin, twin) == name
