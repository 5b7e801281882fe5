"""The regular expressions a configuration may use, as trees: the linear-time subset, read by our own small parser.

No back-references, no look-around, nothing that depends on the order of alternatives. A pattern is searched for
anywhere unless `^` and `$` bind it to the ends of the text. Classes are ASCII: `\\d` `\\w` `\\s` `\\b` know no other letters.
"""

from __future__ import annotations

from typing import Literal, NoReturn, TypeAlias, assert_never

from msgspec import Struct

LAST = 0x10FFFF
MAX_REPEAT = 1000
MAX_PATTERN = 2000
_MAX_DEPTH = 50

Ranges: TypeAlias = tuple[tuple[int, int], ...]
"""Code points as sorted, disjoint, inclusive ranges."""


class Chars(Struct, frozen=True):
    """One code point out of `ranges`."""

    ranges: Ranges


class Concat(Struct, frozen=True):
    """One after the other; an empty one is the empty text."""

    items: tuple[Tree, ...]


class Either(Struct, frozen=True):
    """One of them."""

    items: tuple[Tree, ...]


class Repeat(Struct, frozen=True):
    """`least` times at least and `most` times at most (None: without end)."""

    item: Tree
    least: int
    most: int | None


class Edge(Struct, frozen=True):
    """A place between two code points: the text's start or end, a word's edge or no such edge."""

    kind: Literal["start", "end", "word", "no-word"]


Tree: TypeAlias = Chars | Concat | Either | Repeat | Edge


class PatternError(ValueError):
    """A pattern that cannot be used; blame: the configuration. `start` and `end` are offsets into it.

    `code` is CCR606 for what cannot be read, CCR607 for what is outside the linear-time subset.
    """

    def __init__(self, code: str, message: str, start: int, end: int, hint: str | None = None) -> None:
        super().__init__(message)
        self.code, self.message, self.start, self.end, self.hint = code, message, start, end, hint


def parse_regex(source: str, ignore_case: bool = False) -> Tree:
    """The tree of a pattern. Raises `PatternError`."""
    if len(source) > MAX_PATTERN:
        raise PatternError("CCR607", f"the pattern is longer than {MAX_PATTERN} characters", 0, len(source))
    return _Reader(source, ignore_case).read()


def ranges_in(tree: Tree) -> set[Ranges]:
    """The code points that each part of a tree stands for."""
    match tree:
        case Chars(ranges):
            return {ranges}
        case Edge():
            return set()
        case Repeat(item):
            return ranges_in(item)
        case Concat(items) | Either(items):
            return set[Ranges]().union(*map(ranges_in, items))
        case _:
            assert_never(tree)


def least_length(tree: Tree) -> int:
    """The length of the shortest text that a tree matches."""
    match tree:
        case Chars():
            return 1
        case Edge():
            return 0
        case Repeat(item, least):
            return least * least_length(item)
        case Concat(items):
            return sum(map(least_length, items))
        case Either(items):
            return min(map(least_length, items))
        case _:
            assert_never(tree)


def ranges_of(pairs: list[tuple[int, int]]) -> Ranges:
    """Any ranges as sorted and disjoint ones."""
    merged: list[tuple[int, int]] = []
    for low, high in sorted(pairs):
        if merged and low <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(high, merged[-1][1]))
        else:
            merged.append((low, high))
    return tuple(merged)


def complement(ranges: Ranges) -> Ranges:
    """All other code points."""
    result, at = [], 0
    for low, high in ranges:
        if at < low:
            result.append((at, low - 1))
        at = high + 1
    if at <= LAST:
        result.append((at, LAST))
    return tuple(result)


def either_case(ranges: Ranges) -> Ranges:
    """The ranges with the other case of every letter that has exactly one (in the scripts below U+2000)."""
    pairs = list(ranges)
    for low, high in ranges:
        for point in range(low, min(high, 0x1FFF) + 1):
            for other in (chr(point).lower(), chr(point).upper()):
                if len(other) == 1:
                    pairs.append((ord(other), ord(other)))
    return ranges_of(pairs)


DIGITS: Ranges = ((0x30, 0x39),)
WORD: Ranges = ((0x30, 0x39), (0x41, 0x5A), (0x5F, 0x5F), (0x61, 0x7A))
SPACE: Ranges = ((0x09, 0x0D), (0x20, 0x20))
_NO_NEWLINE = complement(((0x0A, 0x0A),))
_ANY: Ranges = ((0, LAST),)
_CLASSES: dict[str, Ranges] = {
    "d": DIGITS, "D": complement(DIGITS), "w": WORD, "W": complement(WORD), "s": SPACE, "S": complement(SPACE),
}  # fmt: skip
_EDGES: dict[str, Edge] = {
    "b": Edge("word"),
    "B": Edge("no-word"),
    "A": Edge("start"),
    "Z": Edge("end"),
    "z": Edge("end"),
}
_CONTROLS = {"t": 9, "n": 10, "v": 11, "f": 12, "r": 13, "0": 0, "a": 7}
_HEX_DIGITS = {"x": 2, "u": 4, "U": 8}
_LOOK_AROUND = {"?=": "look-ahead", "?!": "look-ahead", "?<=": "look-behind", "?<!": "look-behind"}


class _Reader:
    """A recursive-descent reader of one pattern; `at` is where it stands."""

    __slots__ = ("at", "depth", "dot", "ignore_case", "source")

    def __init__(self, source: str, ignore_case: bool) -> None:
        self.source, self.ignore_case, self.at, self.depth = source, ignore_case, 0, 0
        self.dot = _NO_NEWLINE

    def read(self) -> Tree:
        for flags in ("(?i)", "(?s)", "(?is)", "(?si)"):
            if self.source.startswith(flags):
                self.at = len(flags)
                self.ignore_case = self.ignore_case or "i" in flags
                self.dot = _ANY if "s" in flags[2:-1] else self.dot
        tree = self.alternatives()
        if self.at < len(self.source):
            self.fail("`)` without `(`", self.at)
        return tree

    def alternatives(self) -> Tree:
        items = [self.sequence()]
        while self.peek() == "|":
            self.at += 1
            items.append(self.sequence())
        return items[0] if len(items) == 1 else Either(tuple(items))

    def sequence(self) -> Tree:
        items: list[Tree] = []
        while (char := self.peek()) and char not in "|)":
            items.append(self.repeated())
        return items[0] if len(items) == 1 else Concat(tuple(items))

    def repeated(self) -> Tree:
        start, first = self.at, True
        item = self.atom()
        bare_edge = isinstance(item, Edge) and self.source[self.at - 1] != ")"
        while (bounds := self.quantifier()) is not None:
            if not first or bare_edge:
                self.fail("a repetition of nothing that can be repeated", start)
            least, most = bounds
            if self.peek() == "?":
                self.at += 1
            elif self.peek() == "+":
                self.refuse("a possessive repetition", start)
            item = Repeat(item, least, most)
            first = False
        return item

    def quantifier(self) -> tuple[int, int | None] | None:
        start, char = self.at, self.peek()
        if char in ("*", "+", "?"):
            self.at += 1
            return {"*": (0, None), "+": (1, None), "?": (0, 1)}[char]
        if char != "{":
            return None
        end = self.source.find("}", start)
        least, comma, most = self.source[start + 1 : end].partition(",") if end > 0 else ("", "", "")
        if not (least + most).isascii() or not (least.isdigit() and (most.isdigit() or not most)):
            return None
        self.at = end + 1
        low = int(least)
        high = (int(most) if most else None) if comma else low
        if max(low, high or 0) > MAX_REPEAT:
            self.refuse(f"a repetition of more than {MAX_REPEAT} times", start)
        if high is not None and high < low:
            self.fail(f"a repetition of at least {low} and at most {high} times", start)
        return low, high

    def atom(self) -> Tree:
        start, char = self.at, self.source[self.at]
        self.at += 1
        match char:
            case "(":
                return self.group(start)
            case "[":
                return Chars(self.bracket(start))
            case ".":
                return Chars(self.dot)
            case "^":
                return Edge("start")
            case "$":
                return Edge("end")
            case "\\":
                return self.escape(start)
            case "*" | "+" | "?":
                self.fail(f"`{char}` repeats nothing", start)
        return Chars(self.cased(((ord(char), ord(char)),)))

    def group(self, start: int) -> Tree:
        rest = self.source[self.at :]
        for opening, name in _LOOK_AROUND.items():
            if rest.startswith(opening):
                self.refuse(f"a {name}", start, start + 1 + len(opening))
        if rest.startswith("?:"):
            self.at += 2
        elif rest.startswith(("?P<", "?<")):
            self.at = self.source.find(">", self.at) + 1
            if self.at == 0:
                self.fail("a group's name without its `>`", start, len(self.source))
        elif rest.startswith("?P="):
            self.refuse("a back-reference", start)
        elif rest.startswith("?"):
            self.refuse("a group of this kind", start, start + 3)
        self.depth += 1
        if self.depth > _MAX_DEPTH:
            self.refuse(f"groups nested deeper than {_MAX_DEPTH}", start)
        tree = self.alternatives()
        self.depth -= 1
        if self.peek() != ")":
            self.fail("`(` without `)`", start)
        self.at += 1
        return tree

    def escape(self, start: int) -> Tree:
        if self.at >= len(self.source):
            self.fail("a backslash at the end", start)
        char = self.source[self.at]
        if char in _EDGES:
            self.at += 1
            return _EDGES[char]
        if char in "123456789":
            self.refuse("a back-reference", start, self.at + 1)
        return Chars(self.cased(self.escaped_ranges(start)))

    def escaped_ranges(self, start: int) -> Ranges:
        """What the escape at `start` stands for, inside a class or out of one."""
        if self.at >= len(self.source):
            self.fail("a backslash at the end", start)
        char = self.source[self.at]
        self.at += 1
        if char in _CLASSES:
            return _CLASSES[char]
        point = _CONTROLS.get(char)
        if char in _HEX_DIGITS:
            digits = self.source[self.at : self.at + _HEX_DIGITS[char]]
            try:
                point = int(digits, 16) if len(digits) == _HEX_DIGITS[char] else LAST + 1
            except ValueError:
                point = LAST + 1
            self.at += len(digits)
            if point > LAST:
                self.fail(f"`\\{char}` without its {_HEX_DIGITS[char]} hexadecimal digits", start)
        elif point is None:
            if char.isascii() and char.isalnum():
                self.fail(f"the unknown escape `\\{char}`", start)
            point = ord(char)
        return ((point, point),)

    def bracket(self, start: int) -> Ranges:
        negated = self.peek() == "^"
        self.at += negated
        pairs: list[tuple[int, int]] = []
        first = True
        while first or self.peek() != "]":
            if not self.peek():
                self.fail("`[` without `]`", start)
            first = False
            low = self.member(start)
            after = self.source[self.at + 1 : self.at + 2]
            if self.peek() == "-" and after not in ("]", ""):
                place, self.at = self.at, self.at + 1
                high = self.member(start)
                if len(low) != 1 or len(high) != 1 or low[0][0] != low[0][1] or high[0][0] != high[0][1]:
                    self.fail("a range between things that are not single characters", place)
                if high[0][0] < low[0][0]:
                    self.fail("a range that ends before it starts", place - 1)
                pairs.append((low[0][0], high[0][0]))
            else:
                pairs += low
        self.at += 1
        ranges = self.cased(ranges_of(pairs))
        return complement(ranges) if negated else ranges

    def member(self, start: int) -> Ranges:
        place, char = self.at, self.peek()
        if not char:
            self.fail("`[` without `]`", start)
        self.at += 1
        if char != "\\":
            return ((ord(char), ord(char)),)
        if self.peek() == "b":
            self.at += 1
            return ((8, 8),)
        return self.escaped_ranges(place)

    def cased(self, ranges: Ranges) -> Ranges:
        return either_case(ranges) if self.ignore_case else ranges

    def peek(self) -> str:
        return self.source[self.at : self.at + 1]

    def fail(self, message: str, start: int, end: int | None = None) -> NoReturn:
        raise PatternError("CCR606", f"the pattern has {message}", start, end or max(self.at, start + 1))

    def refuse(self, what: str, start: int, end: int | None = None) -> NoReturn:
        raise PatternError(
            "CCR607",
            f"the pattern has {what}, which cannot be matched in linear time",
            start,
            end or max(self.at, start + 1),
        )
