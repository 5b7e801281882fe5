"""Where in a text a pattern is: every place, the leftmost and longest first, in time linear in the text.

Two passes over automata whose deterministic states are made when first met: from the right, which says at which places a
match begins; then from each such place on, which says how far it goes.
"""

from __future__ import annotations

from typing import assert_never

from msgspec import Struct, field

from rules.patterns.automaton import Automaton, Side, automaton_of, closure, read, side_of
from rules.patterns.regex import Chars, Concat, Edge, Either, Repeat, Tree, parse_regex

MOST_KNOWN = 2_000
STEPS_PER_CHAR = 8
"""What the second pass may take: where matches overlap so much that it would take more, the rest counts as found."""

Span = tuple[int, int]


class _State(Struct):
    """A deterministic state; `steps` lead to whether a match is complete before a character, and to the state behind it."""

    states: frozenset[int]
    before: Side
    steps: dict[str, tuple[bool, _State]] = field(default_factory=dict)


class _Machine:
    """An automaton run state by state; `anywhere`: a match may begin at every place, not only at the first."""

    __slots__ = ("_anywhere", "_automaton", "_known")

    def __init__(self, automaton: Automaton, *, anywhere: bool) -> None:
        self._automaton = automaton
        self._anywhere = anywhere
        self._known: dict[tuple[frozenset[int], Side], _State] = {}

    def start(self, before: Side) -> _State:
        return self._state(frozenset({0}), before)

    def step(self, state: _State, char: str) -> tuple[bool, _State]:
        known = state.steps.get(char)
        if known is None:
            after = side_of(char)
            closed = closure(self._automaton, state.states, state.before, after)
            states = read(self._automaton, closed, char)
            following = self._state(states if self._anywhere else self._without_start(closed, char), after)
            known = self._automaton.accept in closed, following
            if len(self._known) > MOST_KNOWN:
                self._known.clear()
                state.steps.clear()
            state.steps[char] = known
        return known

    def ends(self, state: _State) -> bool:
        """Whether a match is complete at the end of the text."""
        return self._automaton.accept in closure(self._automaton, state.states, state.before, Side.NOTHING)

    def _without_start(self, closed: frozenset[int], char: str) -> frozenset[int]:
        # `read` enters state 0 at every place; nothing leads there otherwise
        return read(self._automaton, closed, char) - {0}

    def _state(self, states: frozenset[int], before: Side) -> _State:
        key = (states, before)
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = _State(states, before)
        return found


class Finder:
    """Finds one pattern. Raises `PatternError` for one that cannot be used."""

    __slots__ = ("_backward", "_forward", "_needed", "source")

    def __init__(self, source: str) -> None:
        tree = parse_regex(source)
        self.source = source
        self._needed = _needed_in(tree)
        self._forward = _Machine(automaton_of(tree, len(source)), anywhere=False)
        self._backward = _Machine(automaton_of(_mirrored(tree), len(source)), anywhere=True)

    @property
    def finds_nothing(self) -> bool:
        """Whether it is found in the empty text."""
        return self._forward.ends(self._forward.start(Side.NOTHING))

    def may_be_in(self, text: str) -> bool:
        """Whether what every match holds is in the text."""
        return self._needed in text

    def spans(self, text: str) -> list[Span]:
        """Where it is, from left to right, none overlapping another; matches of nothing are none."""
        if not self.may_be_in(text):
            return []
        begins = self._begins(text)
        found: list[Span] = []
        left = STEPS_PER_CHAR * len(text) + 1
        at = begins.find(1)
        while at >= 0:
            end, steps = self._end(text, at)
            left -= steps
            if left < 0:
                return [*found, (at, len(text))]
            if end > at:
                found.append((at, end))
            at = begins.find(1, max(end, at + 1))
        return found

    def _begins(self, text: str) -> bytearray:
        """For every place, whether a match begins there."""
        begins = bytearray(len(text) + 1)
        machine = self._backward
        state = machine.start(Side.NOTHING)
        for place in range(len(text) - 1, -1, -1):
            step = state.steps.get(text[place])
            begins[place + 1], state = step if step is not None else machine.step(state, text[place])
        begins[0] = machine.ends(state)
        return begins

    def _end(self, text: str, at: int) -> tuple[int, int]:
        """Where the longest match from `at` on ends, and how many steps that took."""
        machine, end = self._forward, at
        state = machine.start(side_of(text[at - 1]) if at else Side.NOTHING)
        for place in range(at, len(text)):
            step = state.steps.get(text[place])
            complete, state = step if step is not None else machine.step(state, text[place])
            if complete:
                end = place
            if not state.states:
                return end, place - at + 1
        return (len(text) if machine.ends(state) else end), len(text) - at + 1


def _needed_in(tree: Tree) -> str:
    """The longest text found that is in every match; empty where there is none."""
    match tree:
        case Chars(ranges):
            return chr(ranges[0][0]) if len(ranges) == 1 and ranges[0][0] == ranges[0][1] else ""
        case Concat(items):
            runs, run = [""], ""
            for item in items:
                literal = _needed_in(item) if isinstance(item, Chars) else ""
                run = run + literal if literal else ""
                runs += [run, _needed_in(item)]
            return max(runs, key=len)
        case Repeat(item, least, _):
            return _needed_in(item) if least else ""
        case Either() | Edge():
            return ""
        case _:
            assert_never(tree)


def _mirrored(tree: Tree) -> Tree:
    """The tree of the same texts read from the right."""
    match tree:
        case Chars():
            return tree
        case Edge(kind):
            return Edge("end") if kind == "start" else Edge("start") if kind == "end" else tree
        case Concat(items):
            return Concat(tuple(_mirrored(item) for item in reversed(items)))
        case Either(items):
            return Either(tuple(_mirrored(item) for item in items))
        case Repeat(item, least, most):
            return Repeat(_mirrored(item), least, most)
        case _:
            assert_never(tree)
