"""What JSON is made of, as patterns, and words that only look like it."""

from __future__ import annotations

import re

from schemas.document import JSONScalar
from schemas.scalars import number_of

STARTS_OF_GAPS = frozenset(" \t\n\r/")
GAP = re.compile(r"(?>[ \t\n\r]+|//[^\n\r]*|/\*.*?\*/)*+", re.DOTALL)
PLAIN_STRING = re.compile(r'"([^"\\\x00-\x1f]*)"')
PLAIN_KEY = re.compile(r'[ \t\n\r]*+("([^"\\\x00-\x1f]*)")[ \t\n\r]*+:[ \t\n\r]*+')
PLAIN_NUMBER = re.compile(r"(?:0|-?[1-9][0-9]{0,14})(?=[ \t\n\r,\]}])")
STRING = re.compile(r'"(?:[^"\\\n\r]|\\[^\n\r])*"')
SINGLE = re.compile(r"'(?:[^'\\\n\r]|\\[^\n\r])*'")
WORD = re.compile(r"[^\s\"'{}\[\],:/]+")
ESCAPE = re.compile(r'\\(?:(["\\/bfnrt])|u([0-9a-fA-F]{4})|.)|[\x00-\x1f]')
ESCAPES = {'"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
LITERALS: dict[str, JSONScalar] = {"true": True, "false": False, "null": None}
FOREIGN: dict[str, tuple[JSONScalar, str]] = {
    "True": (True, "true"), "False": (False, "false"), "None": (None, "null"), "undefined": (None, "null"),
}  # fmt: skip


def salvaged(word: str) -> JSONScalar:
    """The number most likely meant (`012`, `+5`, `.5`, `0x10`), so that only the way of writing is reported."""
    mended = re.sub(r"^(-?)\+?0*(?=\d)", r"\1", word)
    found = number_of(mended if not mended.startswith(".") else "0" + mended)
    return found if found is not None else 0
