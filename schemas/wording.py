"""The user's own words in a message: in backticks, short, on one line, and never a credential."""

from __future__ import annotations

import re
from typing import Any

from schemas.known_patterns import HIDDEN, Span, is_hinted, joined

_LONGEST = 60
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff\u202a-\u202e\u2066-\u2069]")
# random text, whoever made it: a long run of letters with digits
_SHORTEST_RUN = 32
_RUN = re.compile(rf"\b(?=[A-Za-z+/_=]*\d)(?=[0-9+/_=]*[A-Za-z])[A-Za-z0-9+/_=]{{{_SHORTEST_RUN},}}")


def quoted(text: str) -> str:
    """`text` in backticks, as a message shows it."""
    shown = visible(without_credentials(text)).replace("`", "'")
    if len(shown) > _LONGEST:
        shown = shown[: _LONGEST - 3] + "..."
    return f"`{shown}`"


def credentials_in(text: str) -> list[Span]:
    """Where something stands that looks like a credential, from left to right."""
    found = [match.span() for match in _RUN.finditer(text)] if len(text) >= _SHORTEST_RUN else []
    if is_hinted(text):
        found += [span for shape in HIDDEN for span in shape.spans(text)]
    return joined(found)


def without_credentials(text: str) -> str:
    """`text` with `***` in the place of each."""
    for start, end in reversed(credentials_in(text)):
        text = f"{text[:start]}***{text[end:]}"
    return text


def visible(text: str) -> str:
    """`text` with every character that a terminal does not show, or obeys, as `\\u` and its number."""
    return text if text.isprintable() else _CONTROL.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def all_visible(value: Any) -> Any:
    """The same JSON value, its texts and keys as `visible` shows them; line breaks in them become blanks."""
    match value:
        case str():
            return visible(" ".join(value.split()) if "\n" in value or "\r" in value or "\t" in value else value)
        case dict():
            return {all_visible(key): all_visible(one) for key, one in value.items()}
        case list():
            return [all_visible(one) for one in value]
        case _:
            return value


def counted(count: int, word: str) -> str:
    """`1 error`, `2 errors`."""
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


def listed(words: list[str], last: str = "or") -> str:
    """`a`, `b` or `c`."""
    marked = [quoted(word) for word in words]
    if len(marked) < 2:
        return "".join(marked)
    return f"{', '.join(marked[:-1])} {last} {marked[-1]}"
