"""Values of our own headers: percent-encoded UTF-8. The same few names come again and again, so they are worked out once."""

from __future__ import annotations

from functools import lru_cache
from urllib.parse import quote


@lru_cache(maxsize=1024)
def quoted(text: str, plain: str) -> str:
    """`text` percent-encoded; the characters of `plain` stay as they are, besides letters, digits and `_.-~`."""
    return quote(text, safe=plain)
