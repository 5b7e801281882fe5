"""What a JSON Schema validator finds, said in the words of this language and at the exact key or value.

The schema has no `oneOf`: every fault is one mistake. `findings_of` is a table from keyword to what is said.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from collections.abc import Mapping as MappingType
from collections.abc import Sequence as SequenceType
from typing import Any

from msgspec import Struct

from schemas.codes import finding
from schemas.diagnostics import Diagnostic, Fix, Span
from schemas.document import Entry, Mapping, Node, Scalar, node_at
from schemas.edits import in_quotes, renaming_whole, replacing, unsafe
from schemas.keys_elsewhere import elsewhere
from schemas.other_words import missing_for, shape_for, word_for
from schemas.scalars import number_of
from schemas.substitute import CREDENTIALS, is_unresolved, was_replaced
from schemas.suggest import did_you_mean, nearest
from schemas.target_texts import target_meant
from schemas.wording import listed, quoted

SUBSTITUTION = r"^\$\{.+\}$"
"""The pattern by which the schema admits `${...}` where a number or boolean is wanted."""

Path = tuple[str | int, ...]


class Fault(Struct, frozen=True):
    """One error of the validator: where in the data, which keyword with what value, in which subschema."""

    path: Path
    keyword: str | None
    wanted: Any
    instance: Any
    schema: MappingType[str, Any]
    under: tuple[str | int, ...]


def findings_of(root: Node, faults: SequenceType[Fault]) -> list[Diagnostic]:
    """A finding for each mistake; what only follows from another (a key missing because it is misspelt) is left out."""
    found: dict[tuple[str, Span, str], Diagnostic] = {}
    misspelt = {(fault.path, meant) for fault in faults for meant in _meant(fault)}
    for fault in faults:
        say = _KEYWORDS.get(fault.keyword or "")
        node = node_at(root, fault.path)
        if say is None or node is None or (isinstance(node, Scalar) and is_unresolved(node)):
            continue
        for one in say(_At(root, node, fault)):
            if fault.keyword == "required" and (fault.path, one.data.get("key")) in misspelt:
                continue
            found.setdefault((one.code, one.span, one.message), one)
    return list(found.values())


def path_text(path: Path) -> str:
    """`routing.customRules[2].target`; `the configuration` for the root."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}"
    return text.removeprefix(".") or "the configuration"


def key_or_start(root: Node, path: Path) -> Span:
    """The key that leads to the node at `path`; for an item or the root, its first key or itself."""
    if path and isinstance(path[-1], str):
        parent = node_at(root, path[:-1])
        entry = parent.entry(path[-1]) if isinstance(parent, Mapping) else None
        if entry is not None:
            return entry.key.span
    node = node_at(root, path)
    if isinstance(node, Mapping) and node.entries:
        return node.entries[0].key.span
    return _first_line(node.span if node is not None else root.span)


def _first_line(span: Span) -> Span:
    """The span if it is within one line, else its first character."""
    if span.line == span.end_line:
        return span
    return Span(span.file, span.line, span.column, span.line, span.column + 1)


def _name(path: Path) -> str:
    return "the configuration" if not path else quoted(path_text(path))


def _unknown(fault: Fault) -> list[str]:
    if fault.keyword != "additionalProperties" or fault.wanted is not False or not isinstance(fault.instance, dict):
        return []
    return [key for key in fault.instance if key not in fault.schema.get("properties", {})]


def _meant(fault: Fault) -> Iterator[str]:
    """The required keys that unknown ones were probably meant to be."""
    for key in _unknown(fault):
        near = nearest(key, fault.schema.get("properties", {}))
        if near is not None:
            yield near
        if key in _OTHER_WORDS:
            yield _OTHER_WORDS[key]
        if (name := _before_its_colon(key, fault.schema)) is not None:
            yield name


def _before_its_colon(key: str, schema: MappingType[str, Any]) -> str | None:
    """The known key of `endpoint:http://...`, a pair without the blank that parts it in YAML."""
    name = key.partition(":")[0]
    return name if ":" in key and name in schema.get("properties", {}) else None


_OTHER_WORDS = {
    "baseURL": "endpoint", "baseUrl": "endpoint", "base_url": "endpoint", "api_base_url": "endpoint", "url": "endpoint", "host": "endpoint",
    "when": "condition", "if": "condition", "match": "condition", "conditions": "condition",
    "to": "target", "then": "target", "route": "target", "use": "target", "action": "target", "destination": "target",
}  # fmt: skip


class _At(Struct, frozen=True):
    """A fault with the node it is about."""

    root: Node
    node: Node
    fault: Fault


def _say_unknown(at: _At) -> Iterator[Diagnostic]:
    known = at.fault.schema.get("properties", {})
    for key in _unknown(at.fault):
        entry = at.node.entry(key) if isinstance(at.node, Mapping) else None
        if entry is None:
            continue
        where = "" if not at.fault.path else f" in {_name(at.fault.path)}"
        joined = _before_its_colon(key, at.fault.schema)
        help_text = (
            f"write a blank after `{joined}:`"
            if joined is not None
            else elsewhere(path_text((*at.fault.path, key))) or did_you_mean(key, known, listing=12)
        )
        free = [name for name in known if name not in at.fault.instance]
        fix = renaming_whole(entry.key, free)
        yield finding("CCR101", f"unknown key {quoted(key)}{where}", entry.key.span, help=help_text, fix=fix)


def _say_missing(at: _At) -> Iterator[Diagnostic]:
    for key in at.fault.wanted:
        if isinstance(at.fault.instance, dict) and key not in at.fault.instance:
            yield finding(
                "CCR102",
                f"{_name(at.fault.path)} has no {quoted(key)}",
                key_or_start(at.root, at.fault.path),
                help=missing_for(path_text((*at.fault.path, key))),
                data={"key": key},
            )


_KINDS = {
    "string": "a text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "`true` or `false`",
    "array": "a list",
    "object": "a mapping",
    "null": "nothing",
}


def _kinds_wanted(schema: MappingType[str, Any]) -> list[str]:
    kinds = schema.get("type", [])
    names = [kinds] if isinstance(kinds, str) else list(kinds)
    return [name for name in names if not (name == "string" and schema.get("pattern") == SUBSTITUTION)]


def _kind_of(value: object) -> str:
    match value:
        case None:
            return "nothing"
        case bool():
            return "`true`" if value else "`false`"
        case int() | float():
            return "a number"
        case str():
            return "a text"
        case list():
            return "a list"
        case _:
            return "a mapping"


def _say_kind(at: _At) -> Iterator[Diagnostic]:
    kinds = _kinds_wanted(at.fault.schema)
    wanted = " or ".join(_KINDS[name] for name in kinds)
    if isinstance(at.node, Scalar) and was_replaced(at.node):
        message = f"{_name(at.fault.path)} is {wanted}, and {quoted(at.node.raw.strip(chr(34)))} gives something else"
        yield finding("CCR103", message, at.node.span)
        return
    span = at.node.span
    if at.node.span.line != at.node.span.end_line or (isinstance(at.node, Scalar) and at.node.value is None):
        span = key_or_start(at.root, at.fault.path)
    message = f"{_name(at.fault.path)} is {wanted}, not {_kind_of(at.fault.instance)}"
    yield finding("CCR103", message, span, help=_kind_help(kinds, at), fix=_kind_fix(kinds, at))


_YES, _NO = ("yes", "on", "y", "1"), ("no", "off", "n", "0")


_SCALED = re.compile(r"([0-9]{1,9})([kKmM])")
"""A number as conditions and rates take it."""


def _kind_help(kinds: list[str], at: _At) -> str | None:
    value = at.fault.instance
    if isinstance(value, str):
        if "boolean" in kinds:
            if value.lower() in ("true", *_YES):
                return "write `true`"
            if value.lower() in ("false", *_NO):
                return "write `false`"
        if ("integer" in kinds or "number" in kinds) and _is_number(value):
            return (
                f"write {quoted(value.strip())} without quotes"
                if isinstance(at.node, Scalar) and at.node.quoted
                else None
            )
        if ("integer" in kinds) and value.replace("_", "").replace(",", "").isdigit():
            return f"write `{value.replace('_', '').replace(',', '')}`"
        scaled = _SCALED.fullmatch(value.strip())
        if ("integer" in kinds or "number" in kinds) and scaled is not None:
            return f"write `{int(scaled[1]) * (1_000_000 if scaled[2] in 'mM' else 1_000)}`"
    if isinstance(value, (int, float)) and "string" in kinds and isinstance(at.node, Scalar):
        if not _would_do_in_quotes(at, at.node):
            form, help_text = _form_of(at)
            in_a_minute = f"say in which time: `{at.node.raw}/minute`"
            return in_a_minute if form == _RATE_FORM[0] and at.node.raw.isdigit() else help_text
        shown = len(at.node.raw) <= 40 and CREDENTIALS not in at.fault.path
        return f'write it in quotes: `"{at.node.raw}"`' if shown else "write it in quotes"
    if value is None:
        return "give it a value, or leave the key out"
    of_its_own = shape_for(path_text(at.fault.path))
    if of_its_own is None and "array" in kinds and isinstance(value, (str, dict)):
        return "put it in a list, even if it is the only one"
    return of_its_own


def _kind_fix(kinds: list[str], at: _At) -> Fix | None:
    """Quotes put or taken away; a word for true or false, which another language may have meant otherwise."""
    value, node = at.fault.instance, at.node
    if not isinstance(node, Scalar):
        return None
    if isinstance(value, str) and "boolean" in kinds and value.lower() in ("true", "false", *_YES, *_NO):
        word = "true" if value.lower() in ("true", *_YES) else "false"
        return replacing(node.span, word, safe=node.quoted and value.lower() == word)
    if isinstance(value, str) and ("integer" in kinds or "number" in kinds):
        number = value.strip()
        plain = node.quoted and number_of(number) is not None and ("number" in kinds or number.lstrip("-").isdigit())
        return replacing(node.span, number, safe=True) if plain else None
    if isinstance(value, int | float) and "string" in kinds and not node.quoted and _would_do_in_quotes(at, node):
        return in_quotes(node.span, node.raw)
    return None


def _would_do_in_quotes(at: _At, node: Scalar) -> bool:
    """Whether the number would be right as a text."""
    pattern = at.fault.schema.get("pattern")
    return not isinstance(pattern, str) or re.search(pattern, node.raw) is not None


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _say_pattern(at: _At) -> Iterator[Diagnostic]:
    if at.fault.wanted == SUBSTITUTION:
        yield from _say_kind(at)
    else:
        form, help_text = _form_of(at)
        meant = target_meant(at.root, str(at.fault.instance)) if form == _TARGET_FORM[0] else None
        yield finding(
            "CCR106",
            f"{_name(at.fault.path)} is not of the form {form}",
            at.node.span,
            help=help_text if meant is None else f"did you mean {quoted(meant)}?",
            fix=None if meant is None else unsafe(in_quotes(at.node.span, meant)),
        )


def _form_of(at: _At) -> tuple[str, str]:
    keys = [step for step in at.fault.path if isinstance(step, str)]
    return _FORMS.get(keys[-1] if keys else "", _TARGET_FORM)


_TARGET_FORM = "`provider,model`", "write both names with a comma between them, or `{provider: ..., model: ...}`"
_RATE_FORM = "`60/minute`", "write a number, `/`, and `second`, `minute`, `hour`, `day`, `week` or `month`"
_FORMS = {
    "requests": _RATE_FORM,
    "inputTokens": _RATE_FORM,
    "outputTokens": _RATE_FORM,
    "money": _RATE_FORM,
    "halfAt": ("`50%`", "write a part of the limit, such as `80%`"),
    "currency": ("`USD`", "write the three letters of the currency, such as `EUR`"),
    "endpoint": ("`http://HOST:PORT`", "write the URL with its scheme"),
    "state": ("`redis://HOST:PORT`", "write the URL of a Redis or Valkey server"),
}
"""Key whose text has a pattern -> its form, and what to do; all others are targets."""


def _say_choice(at: _At) -> Iterator[Diagnostic]:
    choices = [str(choice) for choice in at.fault.wanted]
    if "propertyNames" in at.fault.under:
        entry = _entry(at.node, at.fault.instance)
        span = entry.key.span if entry else at.node.span
        yield finding(
            "CCR101",
            f"unknown key {quoted(str(at.fault.instance))} in {_name(at.fault.path)}",
            span,
            help=did_you_mean(str(at.fault.instance), choices, listing=12),
            fix=renaming_whole(entry.key, choices) if entry else None,
        )
        return
    if not isinstance(at.fault.instance, str):
        return  # the keyword `type` has said so
    if isinstance(at.node, Scalar) and was_replaced(at.node):
        message = f"{_name(at.fault.path)} cannot be what {quoted(at.node.raw.strip(chr(34)))} gives"
        yield finding("CCR104", message, at.node.span, help=f"one of {listed(choices)}")
        return
    shown = "this" if CREDENTIALS in at.fault.path and at.fault.path[-1] != "type" else quoted(at.fault.instance)
    other = word_for(path_text(at.fault.path), at.fault.instance)
    near = nearest(at.fault.instance, choices)
    help_text = (
        f"write {quoted(other)}" if other else f"did you mean {quoted(near)}?" if near else f"one of {listed(choices)}"
    )
    fix = renaming_whole(at.node, choices) if isinstance(at.node, Scalar) and other in (None, near) else None
    yield finding("CCR104", f"{_name(at.fault.path)} cannot be {shown}", at.node.span, help=help_text, fix=fix)


def _entry(node: Node, key: object) -> Entry | None:
    return node.entry(key) if isinstance(node, Mapping) and isinstance(key, str) else None


def _say_low(at: _At) -> Iterator[Diagnostic]:
    yield finding("CCR105", f"{_name(at.fault.path)} is at least `{at.fault.wanted}`", at.node.span)


def _say_high(at: _At) -> Iterator[Diagnostic]:
    yield finding("CCR105", f"{_name(at.fault.path)} is at most `{at.fault.wanted}`", at.node.span)


def _say_empty(at: _At) -> Iterator[Diagnostic]:
    span = (
        at.node.span
        if isinstance(at.node, Scalar) or at.node.span.line == at.node.span.end_line
        else key_or_start(at.root, at.fault.path)
    )
    yield finding("CCR105", f"{_name(at.fault.path)} is empty", span)


def _say_many(at: _At) -> Iterator[Diagnostic]:
    if isinstance(at.node, Mapping) and len(at.node.entries) > at.fault.wanted:
        extra = at.node.entries[at.fault.wanted]
        names = [str(entry.key.value) for entry in at.node]
        yield finding(
            "CCR107",
            f"{_name(at.fault.path)} has more than one of {listed(names)}",
            extra.key.span,
            help="keep one of them",
        )


def _say_repeat(at: _At) -> Iterator[Diagnostic]:
    yield finding("CCR105", f"{_name(at.fault.path)} lists something twice", _first_line(at.node.span))


# a key that the schema forbids here -> what it cannot stand beside
_EXCLUDED_BY: tuple[tuple[tuple[str, ...], str], ...] = (
    (("provider", "model"), "`reject`"),
    (("fallbacks",), "`reject`, or a target that has `fallbacks` itself"),
    (("apiKey", "token", "tokenPath"), "`credentials`"),
)


def _say_excluded(at: _At) -> Iterator[Diagnostic]:
    key = str(at.fault.path[-1]) if at.fault.path else ""
    beside = next((what for keys, what in _EXCLUDED_BY if key in keys), "its neighbours")
    yield finding(
        "CCR107",
        f"{quoted(key)} cannot stand beside {beside}",
        key_or_start(at.root, at.fault.path),
        help="keep one of the two",
    )


_KEYWORDS: MappingType[str, Callable[[_At], Iterator[Diagnostic]]] = {
    "not": _say_excluded,
    "additionalProperties": _say_unknown,
    "required": _say_missing,
    "type": _say_kind,
    "pattern": _say_pattern,
    "enum": _say_choice,
    "minimum": _say_low,
    "maximum": _say_high,
    "minLength": _say_empty,
    "minItems": _say_empty,
    "minProperties": _say_empty,
    "maxProperties": _say_many,
    "uniqueItems": _say_repeat,
}
