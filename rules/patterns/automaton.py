"""Finite automata of patterns: what runs those that `re` would backtrack over, and what proofs reason about.

A text is searched in one pass; states of the deterministic automaton are made when first met and forgotten when they
are too many, so time is linear in the text and memory is bounded, whatever the pattern (Thompson's construction).
"""

from __future__ import annotations

from bisect import bisect_right
from enum import IntEnum
from typing import assert_never

from msgspec import Struct

from rules.patterns.regex import WORD, Chars, Concat, Edge, Either, PatternError, Ranges, Repeat, Tree

MAX_STATES = 1000
_MAX_KNOWN = 1000
_MAX_STEPS = 20_000


class Side(IntEnum):
    """What stands beside a place in the text."""

    NOTHING = 0
    WORD = 1
    OTHER = 2


class Automaton(Struct, frozen=True):
    """A nondeterministic automaton: per state its free moves, its moves across an edge, its moves over a code point.

    A match is anywhere in the text: state 0 is entered at every place, `accept` left at any.
    """

    free: tuple[tuple[int, ...], ...]
    edges: tuple[tuple[tuple[str, int], ...], ...]
    moves: tuple[tuple[tuple[Ranges, int], ...], ...]
    accept: int


def automaton_of(tree: Tree, length: int = 0) -> Automaton:
    """The automaton of a tree. Raises `PatternError` where it would be too large (`length` is the pattern's)."""
    states_of(tree, length)
    builder = _Builder()
    start = builder.state()
    accept = builder.add(tree, start)
    return Automaton(
        tuple(map(tuple, builder.free)), tuple(map(tuple, builder.edges)), tuple(map(tuple, builder.moves)), accept
    )


def states_of(tree: Tree, length: int = 0) -> int:
    """How many states the automaton of a tree has. Raises `PatternError` as `automaton_of`, without making it."""
    states = 1 + _added(tree)
    if states > MAX_STATES:
        raise PatternError("CCR607", "the pattern's repetitions make it too large", 0, length)
    return states


def _added(tree: Tree) -> int:
    """The states that `_Builder.add` makes for a tree."""
    match tree:
        case Chars() | Edge():
            return 1
        case Concat(items):
            return sum(map(_added, items))
        case Either(items):
            return 1 + sum(1 + _added(item) for item in items)
        case Repeat(item, least, most):
            times, others = (least + 1, 2) if most is None else (most, 1)
            return times * _added(item) + others
        case _:
            assert_never(tree)


class _Builder:
    __slots__ = ("edges", "free", "moves")

    def __init__(self) -> None:
        self.free: list[list[int]] = []
        self.edges: list[list[tuple[str, int]]] = []
        self.moves: list[list[tuple[Ranges, int]]] = []

    def state(self) -> int:
        self.free.append([])
        self.edges.append([])
        self.moves.append([])
        return len(self.free) - 1

    def add(self, tree: Tree, start: int) -> int:
        """Puts the tree behind `start`; the state in which it is complete."""
        match tree:
            case Chars(ranges):
                end = self.state()
                self.moves[start].append((ranges, end))
                return end
            case Edge(kind):
                end = self.state()
                self.edges[start].append((kind, end))
                return end
            case Concat(items):
                for item in items:
                    start = self.add(item, start)
                return start
            case Either(items):
                end = self.state()
                for item in items:
                    entry = self.state()
                    self.free[start].append(entry)
                    self.free[self.add(item, entry)].append(end)
                return end
            case Repeat():
                return self.repeat(tree, start)
            case _:
                assert_never(tree)

    def repeat(self, tree: Repeat, start: int) -> int:
        for _ in range(tree.least):
            start = self.add(tree.item, start)
        if tree.most is None:
            loop = self.state()
            self.free[start].append(loop)
            self.free[self.add(tree.item, loop)].append(loop)
            end = self.state()
            self.free[loop].append(end)
            return end
        end = self.state()
        for _ in range(tree.most - tree.least):
            self.free[start].append(end)
            start = self.add(tree.item, start)
        self.free[start].append(end)
        return end


def side_of(char: str) -> Side:
    """What kind of neighbour a code point is for an edge."""
    return Side.WORD if within(ord(char), WORD) else Side.OTHER


def closure(automaton: Automaton, states: frozenset[int], before: Side, after: Side) -> frozenset[int]:
    """All states reachable from `states` without reading, at a place between these neighbours."""
    reached, waiting = set(states), list(states)
    while waiting:
        state = waiting.pop()
        for target in automaton.free[state]:
            if target not in reached:
                reached.add(target)
                waiting.append(target)
        for kind, target in automaton.edges[state]:
            if target not in reached and crosses(kind, before, after):
                reached.add(target)
                waiting.append(target)
    return frozenset(reached)


def crosses(kind: str, before: Side, after: Side) -> bool:
    """Whether a place between these neighbours is an edge of that kind."""
    match kind:
        case "start":
            return before is Side.NOTHING
        case "end":
            return after is Side.NOTHING
        case "word":
            return (before is Side.WORD) != (after is Side.WORD)
        case _:
            return (before is Side.WORD) == (after is Side.WORD)


def read(automaton: Automaton, states: frozenset[int], char: str) -> frozenset[int]:
    """The states after reading one code point in `states` (already closed); a match may start behind it, too."""
    point = ord(char)
    return frozenset(
        target for state in states for ranges, target in automaton.moves[state] if within(point, ranges)
    ) | {0}


class Matcher:
    """A searching matcher of one automaton, with the deterministic states met so far."""

    __slots__ = ("_automaton", "_ids", "_keys", "_steps", "_total")

    def __init__(self, automaton: Automaton) -> None:
        self._automaton = automaton
        self._forget()

    def search(self, text: str) -> bool:
        """Whether the pattern is anywhere in the text."""
        steps, state = self._steps, 0
        for char in text:
            following = steps[state].get(char)
            if following is None:
                state, following = self._step(state, char)
                steps = self._steps
            if following < 0:
                return True
            state = following
        states, before = self._keys[state]
        return self._automaton.accept in closure(self._automaton, states, before, Side.NOTHING)

    def _step(self, state: int, char: str) -> tuple[int, int]:
        """The state (by its number after forgetting, if that was needed) and the one after `char`; -1: matched."""
        states, before = self._keys[state]
        if self._total > _MAX_STEPS or len(self._keys) > _MAX_KNOWN:
            self._forget()
            state = self._number(states, before)
        after = side_of(char)
        closed = closure(self._automaton, states, before, after)
        matched = self._automaton.accept in closed
        following = -1 if matched else self._number(read(self._automaton, closed, char), after)
        self._steps[state][char] = following
        self._total += 1
        return state, following

    def _number(self, states: frozenset[int], before: Side) -> int:
        key = (states, before)
        number = self._ids.get(key)
        if number is None:
            number = self._ids[key] = len(self._keys)
            self._keys.append(key)
            self._steps.append({})
        return number

    def _forget(self) -> None:
        start = (frozenset({0}), Side.NOTHING)
        self._ids: dict[tuple[frozenset[int], Side], int] = {start: 0}
        self._keys = [start]
        self._steps: list[dict[str, int]] = [{}]
        self._total = 0


def within(point: int, ranges: Ranges) -> bool:
    """Whether a code point is in one of the ranges."""
    at = bisect_right(ranges, (point, 0x7FFFFFFF)) - 1
    return at >= 0 and point <= ranges[at][1]
