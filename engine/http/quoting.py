"""Values of our own headers: percent-encoded UTF-8. The same few names come again and again, so they are worked out once."""

from __future__ import annotations

import re
from functools import lru_cache
from urllib.parse import quote


@lru_cache(maxsize=1024)
def quoted(text: str, plain: str) -> str:
    """`text` percent-encoded; the characters of `plain` stay as they are, besides letters, digits and `_.-~`."""
    return quote(text, safe=plain)


@lru_cache(maxsize=1024)
def line_of(name: str, value: str) -> bytes:
    """A header as it is written. Raises `ValueError` for one that cannot be."""
    if not _NAME.fullmatch(name) or _CONTROLS.search(value):
        raise ValueError(f"`{name}` would be no header: {value!r}")
    return f"{name}: {value}\r\n".encode("latin-1")


# Source: RFC 9110, 5.1 and 5.5.
_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_CONTROLS = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
