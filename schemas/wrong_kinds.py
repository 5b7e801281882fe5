"""Values of another kind or form than the language wants, and how they are written right."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from collections.abc import Mapping as MappingType
from typing import Any

from schemas.codes import finding
from schemas.diagnostics import Diagnostic, Fix
from schemas.document import Scalar
from schemas.edits import in_quotes, replacing, unsafe
from schemas.faults import SUBSTITUTION, FaultAt, key_or_start, name_of, path_text
from schemas.other_words import shape_for
from schemas.scalars import number_of
from schemas.substitute import CREDENTIALS, was_replaced
from schemas.target_texts import target_meant
from schemas.wording import quoted

_KINDS = {
    "string": "a text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "`true` or `false`",
    "array": "a list",
    "object": "a mapping",
    "null": "nothing",
}

_MANY = 2
"""More kinds than that are not listed where there is no value at all."""


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


def say_kind(at: FaultAt) -> Iterator[Diagnostic]:
    """A value of another kind, such as a text where a number is wanted."""
    kinds = _kinds_wanted(at.fault.schema)
    wanted = " or ".join(_KINDS[name] for name in kinds)
    if isinstance(at.node, Scalar) and was_replaced(at.node):
        message = f"{name_of(at.fault.path)} is {wanted}, and {quoted(at.node.raw.strip(chr(34)))} gives something else"
        yield finding("CCR103", message, at.node.span)
        return
    span = at.node.span
    if at.node.span.line != at.node.span.end_line or (isinstance(at.node, Scalar) and at.node.value is None):
        span = key_or_start(at.root, at.fault.path)
    said = f"is {wanted}, not {_kind_of(at.fault.instance)}"
    if at.fault.instance is None and len(kinds) > _MANY:
        said = "has no value"
    yield finding(
        "CCR103", f"{name_of(at.fault.path)} {said}", span, help=_kind_help(kinds, at), fix=_kind_fix(kinds, at)
    )


_YES, _NO = ("yes", "on", "y", "1"), ("no", "off", "n", "0")


_SCALED = re.compile(r"([0-9]{1,9})([kKmM])")
"""A number as conditions and rates take it."""


_AMOUNT = re.compile(r"([0-9]{1,6}) ?([a-z]{1,3})")
_UNITS: tuple[tuple[str, MappingType[str, int]], ...] = (
    ("milliseconds", {"ms": 1, "s": 1000, "sec": 1000, "m": 60_000, "min": 60_000, "h": 3_600_000}),
    ("seconds", {"s": 1, "sec": 1, "m": 60, "min": 60, "h": 3600}),
    ("days", {"d": 1, "w": 7}),
    ("megabytes", {"m": 1, "mb": 1, "g": 1024, "gb": 1024}),
)
"""What a key counts, by the end of its name or description -> what an amount with a unit is in that."""


def _without_unit(value: str, at: FaultAt) -> int | None:
    """The number that `5s`, `7d` or `10 MB` is in what the key counts."""
    amount = _AMOUNT.fullmatch(value.strip().lower())
    key = str(at.fault.path[-1]).lower() if at.fault.path else ""
    described = str(at.fault.schema.get("description", "")).lower().rstrip(".")
    units = next((units for counted, units in _UNITS if key.endswith(counted) or described.endswith(counted)), {})
    return int(amount[1]) * units[amount[2]] if amount is not None and amount[2] in units else None


def _kind_help(kinds: list[str], at: FaultAt) -> str | None:
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
        if ("integer" in kinds or "number" in kinds) and (bare := _without_unit(value, at)) is not None:
            return f"write `{bare}`, without a unit"
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
        return "give it a value, or leave the key out" if at.fault.path else "`ccr init` writes a starter file"
    of_its_own = shape_for(path_text(at.fault.path))
    if of_its_own is None and "array" in kinds and isinstance(value, (str, dict)):
        return "put it in a list, even if it is the only one"
    return of_its_own


def _kind_fix(kinds: list[str], at: FaultAt) -> Fix | None:
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


def _would_do_in_quotes(at: FaultAt, node: Scalar) -> bool:
    """Whether the number would be right as a text."""
    pattern = at.fault.schema.get("pattern")
    return not isinstance(pattern, str) or re.search(pattern, node.raw) is not None


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def say_pattern(at: FaultAt) -> Iterator[Diagnostic]:
    """A text that is not of the form that its key wants."""
    if at.fault.wanted == SUBSTITUTION:
        yield from say_kind(at)
    else:
        form, help_text = _form_of(at)
        meant = target_meant(at.root, str(at.fault.instance)) if form == _TARGET_FORM[0] else None
        yield finding(
            "CCR106",
            f"{name_of(at.fault.path)} is not of the form {form}",
            at.node.span,
            help=help_text if meant is None else f"did you mean {quoted(meant)}?",
            fix=None if meant is None else unsafe(in_quotes(at.node.span, meant)),
        )


def _form_of(at: FaultAt) -> tuple[str, str]:
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
