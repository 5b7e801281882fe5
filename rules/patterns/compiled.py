"""Patterns ready to match: regular expressions of the linear-time subset, and globs."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import assert_never

from rules.patterns.automaton import Automaton, Matcher, automaton_of, states_of
from rules.patterns.regex import LAST, Chars, Concat, Edge, Either, Ranges, Repeat, Tree, complement, parse_regex

_MAX_CHOICES = 64


@dataclass(frozen=True)
class Pattern:
    """A regular expression of so many states; what matches is made when first needed."""

    source: str
    ignore_case: bool
    tree: Tree = field(compare=False, repr=False)
    states: int = field(compare=False, repr=False)

    def make_ready(self) -> None:
        """Makes `search` now."""
        _ = self.search

    @cached_property
    def automaton(self) -> Automaton:
        """What proofs reason about."""
        return automaton_of(self.tree)

    @cached_property
    def search(self) -> Callable[[str], bool]:
        """Whether the pattern is anywhere in a text, in time linear in the text.

        The standard library's matcher runs it where its backtracking is provably bounded (no choice multiplies with
        another, no unbounded repetition but one behind `^`), our automaton otherwise: the meaning is the tree's either way.
        """
        shorter = _trimmed(self.tree)
        if not _is_tame(shorter):
            return Matcher(self.automaton).search
        compiled = re.compile(_rendered(shorter), re.ASCII | re.DOTALL)
        return lambda text: compiled.search(text) is not None


@dataclass(frozen=True)
class Glob:
    """A glob over a whole text: `*` is any text, `?` one character, everything else itself."""

    source: str
    ignore_case: bool

    def make_ready(self) -> None:
        """Makes `fits` now."""
        _ = self.fits

    @cached_property
    def fits(self) -> Callable[[str], bool]:
        """Whether it is all of a text; matching is one pass from left to right."""
        return _fitting(self.source, self.ignore_case)


def pattern_of(source: str, ignore_case: bool = False) -> Pattern:
    """The pattern. Raises `PatternError`."""
    tree = parse_regex(source, ignore_case)
    return Pattern(source, ignore_case, tree, states_of(tree, len(source)))


def glob_of(source: str, ignore_case: bool = False) -> Glob:
    """The glob."""
    return Glob(source, ignore_case)


def _fitting(source: str, ignore_case: bool) -> Callable[[str], bool]:
    parts = (source.casefold() if ignore_case else source).split("*")
    find = [_finder(part) for part in parts]

    def fits(text: str) -> bool:
        subject = text.casefold() if ignore_case else text
        if len(parts) == 1:
            return len(subject) == len(parts[0]) and find[0](subject, 0, True) == 0
        tail = len(subject) - len(parts[-1])
        if find[0](subject, 0, True) != 0 or tail < len(parts[0]) or find[-1](subject, tail, True) < 0:
            return False
        at = len(parts[0])
        for part, seek in zip(parts[1:-1], find[1:-1], strict=True):
            at = seek(subject, at, False)
            if at < 0 or at + len(part) > tail:
                return False
            at += len(part)
        return True

    return fits


def _finder(part: str) -> Callable[[str, int, bool], int]:
    """Where a starless part of a glob is next, from a place on or exactly there; -1 where it is not."""
    if "?" not in part:
        return lambda text, at, here: (at if text.startswith(part, at) else -1) if here else text.find(part, at)
    compiled = re.compile("".join("." if char == "?" else re.escape(char) for char in part), re.DOTALL)

    def find(text: str, at: int, here: bool) -> int:
        found = compiled.match(text, at) if here else compiled.search(text, at)
        return -1 if found is None else found.start()

    return find


def _trimmed(tree: Tree) -> Tree:
    """The tree without what an unbound search does not need at its ends: `.*a.*` is found where `a` is."""
    if not isinstance(tree, Concat):
        return tree
    items = list(tree.items)
    for end in (-1, 0):
        while items and isinstance(items[end], Repeat):
            repeat = items[end]
            assert isinstance(repeat, Repeat)
            if repeat.most == repeat.least:
                break
            items[end : len(items) if end else 1] = [Repeat(repeat.item, repeat.least, repeat.least)] * (
                repeat.least > 0
            )
    return Concat(tuple(items))


def _is_tame(tree: Tree) -> bool:
    anchored = isinstance(tree, Concat) and bool(tree.items) and tree.items[0] == Edge("start")
    choices, unbounded = _ways(tree)
    return choices <= _MAX_CHOICES and unbounded <= int(anchored)


def _ways(tree: Tree) -> tuple[int, int]:
    """How many ways backtracking may try at one place, and the number of unbounded repetitions; both count upwards."""
    match tree:
        case Chars() | Edge():
            return 1, 0
        case Concat(items) | Either(items):
            choices, unbounded = (1 if isinstance(tree, Concat) else 0), 0
            for item in items:
                more, loops = _ways(item)
                choices = choices * more if isinstance(tree, Concat) else choices + more
                choices, unbounded = min(choices, _MAX_CHOICES + 1), unbounded + loops
            return choices, unbounded
        case Repeat(item, least, most):
            inner, loops = _ways(item)
            if loops or (inner > 1 and most != 1):
                return _MAX_CHOICES + 1, loops
            if most is None:
                return inner, 1
            return min(most - least + inner, _MAX_CHOICES + 1), 0
        case _:
            assert_never(tree)


def _rendered(tree: Tree) -> str:
    """The tree in the standard library's syntax."""
    match tree:
        case Chars(ranges):
            return _rendered_chars(ranges)
        case Edge(kind):
            return {"start": r"\A", "end": r"\Z", "word": r"\b", "no-word": r"\B"}[kind]
        case Concat(items):
            return "".join(_rendered(item) for item in items)
        case Either(items):
            return "(?:" + "|".join(_rendered(item) for item in items) + ")"
        case Repeat(item, least, most):
            return f"(?:{_rendered(item)}){{{least},{'' if most is None else most}}}"
        case _:
            assert_never(tree)


def _rendered_chars(ranges: Ranges) -> str:
    if not ranges:
        return r"[^\x00-\U0010ffff]"
    if ranges == ((0, LAST),):
        return "."
    if len(ranges) == 1 and ranges[0][0] == ranges[0][1]:
        return re.escape(chr(ranges[0][0]))
    if ranges[-1][1] == LAST:
        # its compiler goes through every code point of a wide range
        return f"[^{_rendered_ranges(complement(ranges))}]"
    return f"[{_rendered_ranges(ranges)}]"


def _rendered_ranges(ranges: Ranges) -> str:
    return "".join(f"\\U{low:08x}-\\U{high:08x}" for low, high in ranges)
