"""Written operands to values: numbers and comparisons in strings, addresses, days and hours, percentages."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from ipaddress import ip_network

from msgspec import Struct

from rules.moments import DAYS, MINUTES_A_DAY
from rules.operators import Network

_NUMBER = r"[-+]?[0-9]+(?:_[0-9]+)*(?:\.[0-9]+)?[kKM]?"
_COMPARISON = re.compile(rf"\s*(>=|<=|==|!=|=|>|<|≥|≤)\s*({_NUMBER})\s*")
_RANGE = re.compile(rf"\s*({_NUMBER})\s*\.\.\s*({_NUMBER})\s*")
_PLAIN = re.compile(rf"\s*({_NUMBER})\s*")
_LONGEST_PERCENTAGE = 400
_SYMBOLS: Mapping[str, str] = {
    ">": "gt", ">=": "gte", "≥": "gte", "<": "lt", "<=": "lte", "≤": "lte", "=": "eq", "==": "eq", "!=": "ne",
}  # fmt: skip
_SCALES = {"k": 1000, "K": 1000, "M": 1_000_000}
_WHOLE_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_CLOCK = re.compile(r"\s*([0-9]{1,2}):([0-9]{2})\s*")
_PERCENTAGE = re.compile(r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]{1,3})?")
HINT = 'write `"> 10000"`, `">= 10k"`, `"10k..60k"` or `{gt: 10k}`; k is 1,000 and M is 1,000,000'


class LiteralError(ValueError):
    """A written operand cannot be read; blame: the configuration. `start` and `end` are offsets into the text."""

    def __init__(self, message: str, start: int = 0, end: int | None = None, hint: str | None = None) -> None:
        super().__init__(message)
        self.message, self.start, self.end, self.hint = message, start, end, hint


class Comparison(Struct, frozen=True):
    """`gt`, `gte`, `lt`, `lte`, `eq`, `ne` with a number, or `between` with two."""

    operator: str
    operand: int | float | tuple[int | float, int | float]


def comparison_in(text: str) -> Comparison:
    """The comparison a string writes: `> 10k`, `10k..60k`, or just `10k`. Raises `LiteralError`."""
    found = _COMPARISON.fullmatch(text)
    if found is not None:
        return Comparison(_SYMBOLS[found[1]], number_of(found[2]))
    found = _RANGE.fullmatch(text)
    if found is not None:
        return Comparison("between", _range(number_of(found[1]), number_of(found[2])))
    found = _PLAIN.fullmatch(text)
    if found is not None:
        return Comparison("eq", number_of(found[1]))
    raise _not_a_number(text)


def number_in(text: str) -> int | float:
    """The number a string writes: `60000`, `60k`, `1.5M`. Raises `LiteralError`."""
    found = _PLAIN.fullmatch(text)
    if found is None:
        raise _not_a_number(text)
    return number_of(found[1])


def number_of(digits: str) -> int | float:
    """The value of something `_NUMBER` matches. Raises `LiteralError` where no floating-point number is as large."""
    scale = _SCALES.get(digits[-1], 1)
    number = Decimal(digits.rstrip("kKM").replace("_", "")) * scale
    if not math.isfinite(float(number)):
        raise LiteralError(f"`{literal_text(digits)}` is too large a number")
    return int(number) if number == number.to_integral_value() else float(number)


def between_of(low: int | float, high: int | float) -> Comparison:
    """The half-open range. Raises `LiteralError` where it is empty."""
    return Comparison("between", _range(low, high))


def _range(low: int | float, high: int | float) -> tuple[int | float, int | float]:
    if low >= high:
        raise LiteralError(f"the range from {low} to {high} is empty", hint="the end is excluded")
    return low, high


def _not_a_number(text: str) -> LiteralError:
    found = re.match(r"\s*(?:>=|<=|==|!=|=>|=<|<>|[<>=≥≤])?\s*", text)
    start = found.end() if found is not None and found.end() < len(text) else 0
    operator = text[:start].strip()
    if operator in ("=>", "=<", "<>"):
        better = {"=>": ">=", "=<": "<=", "<>": "!="}[operator]
        return LiteralError(f"`{operator}` is no comparison", 0, len(text[:start].rstrip()), f"write `{better}`")
    if re.fullmatch(r"\s*[-+]?\d+(?:\.\d+)?m\s*", text[start:]):
        return LiteralError(f"`{text.strip()}` is no number", start, None, "a million is written `M`")
    if re.fullmatch(r"\s*\d{1,3}(,\d{3})+\s*", text[start:]):
        return LiteralError(f"`{text.strip()}` is no number", start, None, "write numbers without commas")
    return LiteralError(f"`{literal_text(text)}` is neither a number nor a comparison", start, None, HINT)


def network_of(text: str) -> Network | None:
    """The range of addresses a string writes (one address is a range, too), or None."""
    try:
        return ip_network(text.strip(), strict=False)
    except ValueError:
        return None


def days_of(words: Sequence[str]) -> frozenset[int]:
    """Days by name, and spans of them such as `mon-fri`. Raises `LiteralError`."""
    days: set[int] = set()
    for word in words:
        first, dash, last = word.partition("-")
        start = _day(first)
        days.add(start)
        if dash:
            end = _day(last)
            days.update((start + step) % 7 for step in range((end - start) % 7 + 1))
    return frozenset(days)


def _day(word: str) -> int:
    name = word.strip().lower()
    for index, (short, whole) in enumerate(zip(DAYS, _WHOLE_DAYS, strict=True)):
        if name in (short, whole):
            return index
    raise LiteralError(f"`{literal_text(word)}` is no day", hint=f"days are {', '.join(DAYS)}; a span is `mon-fri`")


def minutes_in(text: str) -> int:
    """Minutes after midnight of `HH:MM`; `24:00` is the end of the day. Raises `LiteralError`."""
    found = _CLOCK.fullmatch(text)
    minutes = int(found[1]) * 60 + int(found[2]) if found is not None and int(found[2]) < 60 else MINUTES_A_DAY + 1
    if minutes > MINUTES_A_DAY:
        raise LiteralError(f"`{literal_text(text)}` is no time of day", hint='write it as `"09:00"`')
    return minutes


def span_in(text: str) -> tuple[int, int]:
    """The two times of `09:00-18:00`. Raises `LiteralError`."""
    start, dash, end = text.replace("..", "-").partition("-")
    if not dash:
        raise LiteralError(
            f"`{literal_text(text)}` is no span of time", hint='write `["09:00", "18:00"]` or `"09:00-18:00"`'
        )
    return minutes_in(start), minutes_in(end)


def percent_of(value: int | float | str) -> Fraction:
    """A percentage, exactly as written. Raises `LiteralError` outside 0 to 100."""
    text = str(value).strip().removesuffix("%").strip()
    if len(text) > _LONGEST_PERCENTAGE or _PERCENTAGE.fullmatch(text) is None:
        raise LiteralError(f"`{literal_text(str(value))}` is no percentage")
    percent = Fraction(text)
    if not 0 <= percent <= 100:
        raise LiteralError(f"`{literal_text(str(value))}` is not between 0 and 100")
    return percent


def salt_of(text: str) -> str:
    """The salt of a rollout. Raises `LiteralError` for an empty one."""
    if not text:
        raise LiteralError("the salt is empty", hint="any word will do; another one draws other clients")
    return text


def literal_text(text: str) -> str:
    """A written text as messages quote it: on one line, cut to 60 characters."""
    line = " ".join(text.split())
    return line if len(line) <= 60 else line[:59] + "…"
