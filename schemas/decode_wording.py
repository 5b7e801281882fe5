"""What a decoder finds wrong with a body, in the wording of the vendor, which clients match on."""

from __future__ import annotations

import re

import msgspec

_PLACE = re.compile(r"^(.*?)(?: - at `\$(.*)`)?$", re.DOTALL)
_EXPECTED = re.compile(r"^Expected `([^`]*)`")
_MISSING = re.compile(r"^Object missing required field `([^`]*)`")
_NOUNS = {
    "str": "string",
    "int": "integer",
    "float": "number",
    "bool": "boolean",
    "array": "list",
    "object": "dictionary",
}


def wording_of(fault: Exception, field: str) -> str:
    """The vendor's sentence for a decoding failure at or under `field` (empty: the body itself)."""
    if isinstance(fault, RecursionError):
        return f"{field}: Input is nested too deeply" if field else "the request body is nested too deeply"
    matched = _PLACE.match(str(fault))
    message, under = (matched[1], matched[2] or "") if matched else (str(fault), "")
    place = field + re.sub(r"\[(\d+)\]", r".\1", under)
    if missing := _MISSING.match(message):
        return f"{place}.{missing[1]}: Field required"
    if expected := _EXPECTED.match(message):
        nouns = [_NOUNS.get(name, name) for name in expected[1].split(" | ") if name != "null"]
        wanted = f"Input should be a valid {' or '.join(nouns)}"
        return f"{place}: {wanted}" if place else "the request body should be a JSON object"
    if place and isinstance(fault, msgspec.ValidationError):
        return f"{place}: {message}"
    if message == "Input data was truncated":
        return "the request body is empty or cut: it is not valid JSON"
    return f"the request body is not valid JSON: {message.removeprefix('JSON is malformed: ')}"
