"""Marks on signatures: what one issuer gave, no other is sent."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.messages.signatures import is_marked, issuer_of, marked, unmarked

NAMES = st.text(max_size=12)


@given(NAMES, NAMES, st.text(max_size=20))
def test_a_signature_comes_back_to_its_issuer_alone(one: str, other: str, signature: str) -> None:
    """Whatever the providers are called, the mark comes off for the issuer and for nobody else."""
    given_out = marked(issuer_of("gemini", one), signature)

    assert unmarked(issuer_of("gemini", one), given_out) == signature
    assert unmarked(issuer_of("openai-responses", one), given_out) is None
    assert one == other or unmarked(issuer_of("gemini", other), given_out) is None
    assert is_marked(given_out)


@pytest.mark.parametrize("signature", ["", None, 7, "Eq0BCkYIBRgCKkC", {"ccr:": 1}])
def test_what_nobody_marked_is_nobodys(signature: object) -> None:
    """A signature of Anthropic's, or anything else that a client sends, is taken for none of ours."""
    assert not is_marked(signature)
    assert unmarked(issuer_of("gemini", "g"), signature) is None
