"""Texts within a text that stand there in base64: what is looked for is looked for in them, too."""

from __future__ import annotations

import binascii
import re
from codecs import utf_8_decode
from collections.abc import Iterator

from schemas.known_patterns import Span

MOST_CHARS = 16_384
"""A longer stretch is a file, not a secret, and is not looked into."""
LEAST_CHARS = 24
"""Shorter ones hold no credential that a pattern knows."""
LINE_CHARS = range(60, 81)
"""The lengths of lines at which programs break base64."""

_LETTERS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/_-"
_ONLY_LETTERS = bytes(code if code in _LETTERS else ord(" ") for code in range(256))
_BREAK = re.compile(r"\r?\n[ \t]*")
_LAST_LINE = re.compile(r"\r?\n[ \t]*[A-Za-z0-9+/_-]{1,80}")
_TO_STANDARD = str.maketrans("-_", "+/")
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def unwrapped(text: str) -> Iterator[tuple[Span, str]]:
    """Each stretch of base64, in its usual or its URL form, that holds UTF-8 text, and that text.

    Each line for itself, and lines that one stretch was broken into together: stretches may overlap.
    """
    runs = _runs(text)
    for at, (start, end) in enumerate(runs):
        if _begins_text(text, start):
            for last in (end, _end_of_lines(text, runs, at)):
                if start < last <= start + MOST_CHARS and (inner := _text_in(text[start:last])) is not None:
                    padding = text[last : last + 2]
                    yield (start, last + len(padding) - len(padding.lstrip("="))), inner


def _runs(text: str) -> list[Span]:
    """Where as many letters of base64 stand in a row."""
    if len(text) < LEAST_CHARS:
        return []
    letters = text.encode("ascii", "replace").translate(_ONLY_LETTERS)
    found, at = [], 0
    for word in letters.split():
        if len(word) >= LEAST_CHARS:
            start = letters.index(word, at)
            at = start + len(word)
            found.append((start, at))
    return found


def _begins_text(text: str, start: int) -> bool:
    """Whether the first letters are those of a text: sooner told than all of them, and seldom so by chance."""
    try:
        head, _ = utf_8_decode(binascii.a2b_base64(text[start : start + 8].translate(_TO_STANDARD)), "strict", False)
    except ValueError:
        return False
    return _UNPRINTABLE.search(head) is None


def _end_of_lines(text: str, runs: list[Span], at: int) -> int:
    """Where the lines end that run `at` is the first of: all of its length below each other, and one more; 0 for a single line."""
    first, end = runs[at]
    length = end - first
    if length not in LINE_CHARS:
        return 0
    last = at
    while last + 1 < len(runs) and runs[last + 1][1] - runs[last + 1][0] == length:
        if runs[last + 1][1] > first + MOST_CHARS or not _BREAK.fullmatch(text, runs[last][1], runs[last + 1][0]):
            break
        last += 1
    end = runs[last][1]
    below = _LAST_LINE.match(text, end)
    if below is not None:
        return below.end()
    return end if last > at else 0


def _text_in(wrapped: str) -> str | None:
    letters = "".join(wrapped.split()).translate(_TO_STANDARD)
    if len(letters) % 4 == 1:
        letters = letters[:-1]
    try:
        inner = binascii.a2b_base64(letters + "=" * (-len(letters) % 4)).decode()
    except ValueError:
        return None
    return None if _UNPRINTABLE.search(inner) else inner
