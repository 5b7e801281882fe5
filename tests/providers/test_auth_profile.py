"""A credential's own profile on its way into the body."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from providers.auth import PROFILE, signed
from providers.dialects.seams import Encoded

CREDENTIAL = (("authorization", "Bearer x"), (PROFILE, "arn:aws:x"))
ENCODED = Encoded("/p", b"{}", {"content-type": "application/json"})


@pytest.mark.parametrize(
    ("encoded", "body"),
    [
        (replace(ENCODED, with_profile=lambda profile: profile.encode()), b"arn:aws:x"),
        (ENCODED, b"{}"),
    ],
)
def test_a_profile_goes_into_the_body_or_nowhere(encoded: Encoded, body: bytes) -> None:
    """It is never a header, and a dialect that has no place for it does without."""
    assert signed(encoded, CREDENTIAL) == (
        (("content-type", "application/json"), ("authorization", "Bearer x")),
        body,
    )
