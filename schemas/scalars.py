"""What an unquoted YAML word means: the core schema of YAML 1.2 (section 10.3.2), resolved to JSON values only."""

from __future__ import annotations

import math
import re

from msgspec import Struct

from schemas.document import JSONScalar

_WORDS: dict[str, JSONScalar] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True,
    "false": False, "False": False, "FALSE": False,
}  # fmt: skip
MORE_THAN_TEXT = frozenset("~nNtTfF+-.0123456789")
"""What a word begins with that may stand for anything but itself."""
_INTEGER = re.compile(r"[-+]?[0-9]+")
_BASED = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_NO_JSON = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_JSON_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)((?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)|\.[0-9]+)?")
_MAX_DIGITS = 308  # as many as any floating-point number has


class Resolved(Struct, frozen=True):
    """The value, and what is wrong with the way it is written (message and help), if anything is."""

    value: JSONScalar
    problem: tuple[str, str] | None = None


def resolve(word: str) -> Resolved:
    """The value of a plain scalar. `2020-01-01`, `1_000`, `12:30` and `yes` are strings, as in YAML 1.2."""
    if word in _WORDS:
        return Resolved(_WORDS[word])
    if word[0] not in "+-.0123456789":
        return Resolved(word)
    if _INTEGER.fullmatch(word):
        return _integer(word)
    if _BASED.fullmatch(word):
        number = int(word, 0) if len(word) <= 64 else 0
        written = str(number) if number else "a decimal number"
        return Resolved(number, (f"`{_short(word)}` is a number in another base", f"write `{written}`"))
    if _FLOAT.fullmatch(word):
        return _float(word)
    if _NO_JSON.fullmatch(word):
        return Resolved(word, (f"`{word}` is no JSON number", f'leave it out, or write `"{word}"` for a text'))
    return Resolved(word)


def number_of(text: str) -> int | float | None:
    """The number that a JSON number's text stands for, or None where it is none or too large to hold."""
    number = _JSON_NUMBER.fullmatch(text)
    if number is None or len(text.lstrip("-")) > _MAX_DIGITS:
        return None
    if number[1] is None:
        return int(text)
    value = float(text)
    return value if math.isfinite(value) else None


def unescaped(text: str) -> Resolved:
    """A text whose escapes were replaced one by one: pairs of surrogates become one character, a NUL becomes a blank."""
    in_units = text.encode("utf-16", "surrogatepass")
    try:
        joined = in_units.decode("utf-16")
    except UnicodeDecodeError:
        problem = ("half of a surrogate pair is no character", "write the character itself")
        return Resolved(in_units.decode("utf-16", "replace"), problem)
    if "\0" in joined:  # no path, address, header or name can have one
        return Resolved(joined.replace("\0", " "), ("a NUL character is in a text", "remove it"))
    return Resolved(joined)


def _integer(word: str) -> Resolved:
    digits = word.lstrip("+-")
    if len(digits) > _MAX_DIGITS:
        return Resolved(word, (f"`{_short(word)}` is too large a number", f"a number has at most {_MAX_DIGITS} digits"))
    value = int(word)
    if len(digits) > 1 and digits.startswith("0"):
        return Resolved(
            value,
            (
                f"`{word}` starts with a zero, which some readers take for octal",
                f'write `{value}`, or `"{word}"` for a text',
            ),
        )
    return Resolved(value)


def _float(word: str) -> Resolved:
    value = float(word)
    if not math.isfinite(value):
        return Resolved(word, (f"`{_short(word)}` is too large a number", "write a smaller one"))
    return Resolved(value)


def _short(word: str) -> str:
    return word if len(word) <= 24 else word[:20] + "..."
