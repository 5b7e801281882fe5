"""Deterministic automata of string predicates over one alphabet, and walks through several of them at once."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from rules.analysis.budget import Spent
from rules.analysis.letters import Alphabet, alphabet_of
from rules.automaton import Automaton, Side, closure, read, side_of
from rules.nodes import Test
from rules.patterns import Glob, Pattern
from rules.regex import Ranges

StateT = TypeVar("StateT", bound=Hashable)
MAX_STATES = 1_500
MAX_WALK = 6_000
_ANY, _ONE = "*", "?"


@dataclass(frozen=True, slots=True)
class Acceptor:
    """States from 0, the start: `moves[state]` has the classes that lead elsewhere than `usual[state]`."""

    moves: Sequence[Mapping[int, int]]
    usual: Sequence[int]
    accepting: Sequence[bool]

    def after(self, state: int, letter: int) -> int:
        """The state after a code point of that class."""
        return self.moves[state].get(letter, self.usual[state])


def alphabet_for(tests: Sequence[Test]) -> Alphabet:
    """The alphabet that string predicates need together."""
    texts, folded, ranges = [], [], []
    for test in tests:
        if isinstance(test.operand, Pattern):
            ranges += _ranges_in(test.operand.automaton)
        elif test.ignore_case:
            folded += [text.casefold() for text in _texts_of(test)]
        else:
            texts += _texts_of(test)
    return alphabet_of(texts, folded, ranges)


def acceptor_of(test: Test, alphabet: Alphabet) -> Acceptor:
    """The automaton of a string predicate. Raises `Spent` where it would be too large."""
    if isinstance(test.operand, Pattern):
        return _smallest(_pattern_acceptor(test.operand.automaton, alphabet))
    parts = [_glob_acceptor(_tokens_of(test, text), alphabet, test.ignore_case) for text in _texts_of(test)]
    return parts[0] if len(parts) == 1 else _union(parts, alphabet)


def walk(
    acceptors: Sequence[Acceptor], alphabet: Alphabet, budget: int = MAX_WALK
) -> Iterator[tuple[tuple[bool, ...], str]]:
    """Every reachable combination of verdicts, each first with the shortest text that gives it. Raises `Spent`."""
    start = (0,) * len(acceptors)
    reached: dict[tuple[int, ...], tuple[tuple[int, ...], int] | None] = {start: None}
    waiting = deque([start])
    count = len(alphabet.shown)
    known: set[tuple[bool, ...]] = set()
    while waiting:
        states = waiting.popleft()
        verdicts = tuple(acceptor.accepting[state] for acceptor, state in zip(acceptors, states, strict=True))
        if verdicts not in known:
            known.add(verdicts)
            yield verdicts, _path_to(states, reached, alphabet)
        special: dict[int, None] = {}
        for acceptor, state in zip(acceptors, states, strict=True):
            special |= dict.fromkeys(acceptor.moves[state])
        following = [
            (tuple(acceptor.after(state, letter) for acceptor, state in zip(acceptors, states, strict=True)), letter)
            for letter in sorted(special)
        ]
        other = next((letter for letter in range(count) if letter not in special), None)
        if other is not None:
            usual = tuple(acceptor.usual[state] for acceptor, state in zip(acceptors, states, strict=True))
            following.append((usual, other))
        for target, letter in following:
            if target not in reached:
                reached[target] = (states, letter)
                waiting.append(target)
        if len(reached) > budget:
            raise Spent


def _path_to(
    states: tuple[int, ...], reached: Mapping[tuple[int, ...], tuple[tuple[int, ...], int] | None], alphabet: Alphabet
) -> str:
    letters: list[str] = []
    step = reached[states]
    while step is not None:
        before, letter = step
        letters.append(alphabet.shown[letter])
        step = reached[before]
    return "".join(reversed(letters))


def _texts_of(test: Test) -> list[str]:
    if isinstance(test.operand, Glob):
        return [test.operand.source]
    if isinstance(test.operand, frozenset):
        return sorted(map(str, test.operand))
    return [str(test.operand)]


def _tokens_of(test: Test, text: str) -> tuple[str, ...]:
    """A text as characters, each marked as literal, and wildcards: `*` any text, `?` one character."""
    whole = text.casefold() if test.ignore_case else text
    if test.operator == "glob":
        return tuple(char if char in (_ANY, _ONE) else f"={char}" for char in whole)
    literal = tuple(f"={char}" for char in whole)
    before = (_ANY,) if test.operator in ("contains", "suffix") else ()
    behind = (_ANY,) if test.operator in ("contains", "prefix") else ()
    return (*before, *literal, *behind)


def _glob_acceptor(tokens: tuple[str, ...], alphabet: Alphabet, ignore_case: bool) -> Acceptor:
    """Shift-and over the tokens; a state is the set of places in them as bits."""
    stars = sum(1 << place for place, token in enumerate(tokens) if token == _ANY)
    ones = sum(1 << place for place, token in enumerate(tokens) if token == _ONE)
    places: dict[str, int] = {}
    for place, token in enumerate(tokens):
        if token not in (_ANY, _ONE):
            places[token[1:]] = places.get(token[1:], 0) | 1 << place
    accept = 1 << len(tokens)

    def closed(state: int) -> int:
        """With what follows a star; without what stands before the last one, which that one makes up for."""
        while (more := state | (state & stars) << 1) != state:
            state = more
        last = state & stars
        return state & ~((1 << last.bit_length() - 1) - 1) if last else state

    def step(state: int, char: str) -> int:
        for single in char.casefold() if ignore_case else char:
            state = closed((state & (places.get(single, 0) | ones)) << 1 | state & stars)
        return state

    return _explored(closed(1), step, lambda state: bool(state & accept), alphabet)


def _pattern_acceptor(automaton: Automaton, alphabet: Alphabet) -> Acceptor:
    """As the production matcher runs it: a match anywhere decides."""
    matched = (frozenset[int](), Side.OTHER)

    def step(state: tuple[frozenset[int], Side], char: str) -> tuple[frozenset[int], Side]:
        states, before = state
        if state == matched:
            return matched
        after = side_of(char)
        reached = closure(automaton, states, before, after)
        return matched if automaton.accept in reached else (read(automaton, reached, char), after)

    def accepts(state: tuple[frozenset[int], Side]) -> bool:
        states, before = state
        return state == matched or automaton.accept in closure(automaton, states, before, Side.NOTHING)

    return _explored((frozenset({0}), Side.NOTHING), step, accepts, alphabet)


def _union(parts: Sequence[Acceptor], alphabet: Alphabet) -> Acceptor:
    letters = {char: number for number, char in enumerate(alphabet.shown)}
    return _explored(
        (0,) * len(parts),
        lambda states, char: tuple(part.after(state, letters[char]) for part, state in zip(parts, states, strict=True)),
        lambda states: any(part.accepting[state] for part, state in zip(parts, states, strict=True)),
        alphabet,
    )


def _explored(
    start: StateT, step: Callable[[StateT, str], StateT], accepts: Callable[[StateT], bool], alphabet: Alphabet
) -> Acceptor:
    numbers = {start: 0}
    order = [start]
    rows: list[list[int]] = []
    for state in order:
        row = []
        for char in alphabet.shown:
            target = step(state, char)
            if target not in numbers:
                numbers[target] = len(order)
                order.append(target)
            row.append(numbers[target])
        rows.append(row)
        if len(order) > MAX_STATES:
            raise Spent
    return _compact(rows, [accepts(state) for state in order])


def _compact(rows: Sequence[Sequence[int]], accepting: Sequence[bool]) -> Acceptor:
    usual, moves = [], []
    for row in rows:
        most = max(set(row), key=lambda target: (row.count(target), -target))
        usual.append(most)
        moves.append({letter: target for letter, target in enumerate(row) if target != most})
    return Acceptor(moves, usual, accepting)


def _smallest(acceptor: Acceptor) -> Acceptor:
    """The same language with as few states as there can be (Moore's refinement)."""
    count = len(acceptor.accepting)
    group = [int(accepts) for accepts in acceptor.accepting]
    groups = len(set(group))
    while True:
        keys: dict[object, int] = {}
        following = [
            keys.setdefault(
                (
                    group[state],
                    group[acceptor.usual[state]],
                    tuple(
                        (letter, group[target])
                        for letter, target in acceptor.moves[state].items()
                        if group[target] != group[acceptor.usual[state]]
                    ),
                ),
                len(keys),
            )
            for state in range(count)
        ]
        group = following
        if len(keys) == groups:
            break
        groups = len(keys)
    first: dict[int, int] = {}
    for state, number in enumerate(group):
        first.setdefault(number, state)
    moves = [
        {
            letter: group[target]
            for letter, target in acceptor.moves[state].items()
            if group[target] != group[acceptor.usual[state]]
        }
        for state in first.values()
    ]
    return Acceptor(
        moves,
        [group[acceptor.usual[state]] for state in first.values()],
        [acceptor.accepting[state] for state in first.values()],
    )


def _ranges_in(automaton: Automaton) -> list[Ranges]:
    return [ranges for row in automaton.moves for ranges, _ in row]
