"""Values as block YAML with comments. Only what a configuration needs: mappings, lists, texts, numbers, booleans."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_./+@-]*(?::[A-Za-z0-9_./+@-]+)*")
_WORDS = frozenset(("null", "true", "false", "yes", "no", "on", "off", "y", "n", "nan", "inf"))
_URL = re.compile(r"https?://[A-Za-z0-9_./:-]*[A-Za-z0-9_/-]")
_VARIABLE = re.compile(r"\$\{[A-Za-z_][A-Za-z0-9_]*\}")
_UNWRITABLE = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
_FLOW_CHARS = 90


class Commented(Struct, frozen=True):
    """A value with comment lines above its key, and perhaps one beside it."""

    value: Any
    above: tuple[str, ...] = ()
    beside: str = ""


def yaml_of(value: Mapping[str, Any]) -> str:
    """The mapping as YAML. Values that are empty lists, or mappings of nothing else, are left out."""
    return "\n".join(_mapping(value, 0)) + "\n"


def scalar(value: object) -> str:
    """A text, number or boolean as YAML reads it back: plain where that is safe, else as JSON writes it."""
    if isinstance(value, str):
        plain = _PLAIN.fullmatch(value) and value.lower() not in _WORDS
        if plain or _URL.fullmatch(value) or _VARIABLE.fullmatch(value):
            return value
    return _quoted(value)


def comment(text: str, indent: int = 0) -> str:
    """A comment line; no line break in `text` can end it."""
    return f"{' ' * indent}# " + " ".join(text.split())


def _mapping(value: Mapping[str, Any], indent: int) -> Iterator[str]:
    for key, given in value.items():
        remarks = given if isinstance(given, Commented) else Commented(given)
        member = remarks.value
        if _is_empty(member):
            continue
        yield from (comment(line, indent) for line in remarks.above)
        head = f"{' ' * indent}{scalar(key)}:"
        tail = "  " + comment(remarks.beside) if remarks.beside else ""
        if not isinstance(member, dict | list):
            yield f"{head} {scalar(member)}{tail}"
        elif (flow := _flow(member)) is not None and len(head) + len(flow) < _FLOW_CHARS and isinstance(member, list):
            yield f"{head} {flow}{tail}"
        else:
            yield head + tail
            yield from _mapping(member, indent + 2) if isinstance(member, dict) else _list(member, indent + 2)


def _is_empty(value: object) -> bool:
    """Whether nothing would stand under its key."""
    match value:
        case Commented():
            return _is_empty(value.value)
        case dict():
            return all(_is_empty(member) for member in value.values())
        case list():
            return not value
        case _:
            return value is None


def _list(items: Sequence[Any], indent: int) -> Iterator[str]:
    for item in items:
        if isinstance(item, dict):
            lines = list(_mapping(item, indent + 2))
            yield f"{' ' * indent}- {lines[0].lstrip()}" if lines else f"{' ' * indent}- {{}}"
            yield from lines[1:]
        else:
            yield f"{' ' * indent}- {_in_flow(item) if isinstance(item, list) else scalar(item)}"


def _flow(value: object) -> str | None:
    """A list of plain texts on one line; None where it needs more."""
    if isinstance(value, list) and all(not isinstance(item, dict | list) for item in value):
        return "[" + ", ".join(_in_flow(item) for item in value) + "]"
    return None


def _in_flow(item: object) -> str:
    if isinstance(item, list):
        return "[" + ", ".join(_in_flow(one) for one in item) + "]"
    if isinstance(item, dict):
        return "{" + ", ".join(f"{_quoted(key)}: {_in_flow(one)}" for key, one in item.items()) + "}"
    text = scalar(item)
    return _quoted(item) if not text.startswith('"') and any(char in text for char in ":{}") else text


def _quoted(value: object) -> str:
    """JSON, which YAML reads too, but for characters that may not stand in YAML or would end a line of it."""
    text = msgspec.json.encode(value).decode()
    return _UNWRITABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
