"""Texts in base64 within a text: found in every usual form, whatever stands around them, and nothing else."""

from __future__ import annotations

import base64
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.wrapped import LEAST_CHARS, MOST_CHARS, unwrapped

KEY = "AKIAIOSFODNN7CANARY9"
PEM = (
    "-----BEGIN PRIVATE KEY-----\n"
    + "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTU\n" * 20
    + "-----END PRIVATE KEY-----\n"
)


def wrapped(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    ("text", "inner"),
    [
        (wrapped(KEY), KEY),
        (wrapped(KEY).rstrip("="), KEY),
        (f'{{"auth": "{wrapped(KEY)}"}}', KEY),
        (f"data:text/plain;base64,{wrapped(KEY)}", KEY),
        (f"password={wrapped(KEY)}", KEY),
        (base64.urlsafe_b64encode(f"ÿÿ>>>???{KEY}".encode()).decode(), f"ÿÿ>>>???{KEY}"),
        (f"grüße: {wrapped('grüße, ' + KEY)} 世界", f"grüße, {KEY}"),
        (base64.encodebytes(PEM.encode()).decode(), PEM),
        (base64.encodebytes(PEM.encode()).decode().replace("\n", "\r\n    "), PEM),
    ],
    ids=["alone", "unpadded", "JSON", "data URL", "assigned", "URL form", "among others", "lines", "indented lines"],
)
def test_what_is_wrapped_is_found(text: str, inner: str) -> None:
    """Its stretch covers all of it, the padding, too."""
    found = [(span, what) for span, what in unwrapped(text) if what == inner]

    assert len(found) == 1
    (start, end), _ = found[0]
    assert not text[end:].startswith("=")
    assert inner[:12] not in "".join(what for _, what in unwrapped(text[:start] + text[end:]))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "short",
        wrapped("under 24 chars"),
        "/home/somebody/projects/a/rather/long/path/to/a/file",
        "aVeryLongIdentifierThatIsNoBase64OfAnything",
        "0123456789abcdef0123456789abcdef01234567",
        base64.b64encode(random.Random(1).randbytes(600)).decode(),
        wrapped("x" * MOST_CHARS),
    ],
    ids=["nothing", "a word", "short", "a path", "an identifier", "a hash", "a picture", "a file"],
)
def test_what_holds_no_text_is_none(text: str) -> None:
    """Long words, hashes, pictures and whole files cost a look at their beginning."""
    assert list(unwrapped(text)) == []


PRINTABLE = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=LEAST_CHARS, max_size=200)


@given(st.text(), PRINTABLE, st.sampled_from(" \n\"',;()="))
def test_any_text_is_found_behind_any_other(before: str, inner: str, edge: str) -> None:
    """Where nothing that could be base64 touches it."""
    text = before + edge + wrapped(inner) + " "

    assert inner in [what for _, what in unwrapped(text)]
    assert all(0 <= start < end <= len(text) for (start, end), _ in unwrapped(text))
