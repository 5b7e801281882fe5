"""Deterministic automata of string predicates over one alphabet; `walks.py` goes through several of them at once."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import TypeVar

from msgspec import Struct

from rules.analysis.bits import union_of
from rules.analysis.budget import Budget, Spent
from rules.analysis.letters import Alphabet, alphabet_of
from rules.nodes import Test
from rules.patterns.automaton import Automaton, Side, closure, within
from rules.patterns.compiled import Glob, Pattern
from rules.patterns.regex import WORD, Ranges, least_length, ranges_in

StateT = TypeVar("StateT", bound=Hashable)
ReadT = TypeVar("ReadT", bound=Hashable)
MAX_STATES = 1_500
_ANY, _ONE = "*", "?"


class Acceptor(Struct, frozen=True):
    """States from 0, the start: `moves[state]` has the classes that lead elsewhere than `usual[state]`."""

    moves: Sequence[Mapping[int, int]]
    usual: Sequence[int]
    accepting: Sequence[bool]

    def after(self, state: int, letter: int) -> int:
        """The state after a code point of that class."""
        return self.moves[state].get(letter, self.usual[state])

    def is_settled(self, state: int) -> bool:
        """Whether nothing that follows changes the verdict."""
        return self.usual[state] == state and not self.moves[state]


def alphabet_for(tests: Sequence[Test]) -> Alphabet:
    """The alphabet that string predicates need together."""
    texts, folded, ranges = list[str](), list[str](), list[Ranges]()
    for test in tests:
        if isinstance(test.operand, Pattern):
            ranges += ranges_in(test.operand.tree)
        elif test.ignore_case:
            folded += [text.casefold() for text in _texts_of(test)]
        else:
            texts += _texts_of(test)
    return alphabet_of(texts, folded, ranges)


def acceptor_of(test: Test, alphabet: Alphabet, budget: Budget, backwards: bool = False) -> Acceptor:
    """The automaton of a string predicate, `backwards` of the text from its end (not for patterns).

    Raises `Spent` where it would be too large.
    """
    if isinstance(test.operand, Pattern):
        assert not backwards
        return _pattern_acceptor(test.operand.automaton, alphabet, budget)
    way = -1 if backwards else 1
    if _is_start(test, backwards):
        return _start_acceptor(str(test.operand)[::way], alphabet, budget)
    parts = [
        _glob_acceptor(_tokens_of(test, text)[::way], alphabet, budget, test.ignore_case, backwards)
        for text in _texts_of(test)
    ]
    return parts[0] if len(parts) == 1 else _union(parts, alphabet, budget)


def least_work(test: Test, backwards: bool = False) -> int:
    """About the least operations of making a predicate's automaton and walking through it: a state for each character."""
    if _is_start(test, backwards):
        return 0
    if isinstance(test.operand, Pattern):
        tree = test.operand.tree
        return 2 * (1 + least_length(tree)) * _steps_for(len(ranges_in(tree)))
    return sum(2 * len(text) * _steps_for(len({*text})) for text in _texts_of(test))


def _is_start(test: Test, backwards: bool) -> bool:
    """Whether a predicate is about the start of a text, or its end backwards, and no more than a plain text."""
    return test.operator == ("suffix" if backwards else "prefix") and not test.ignore_case


def _steps_for(classes: int, cost: int = 2) -> int:
    """The operations of going on from a state with letters of so many classes."""
    return 4 + cost * classes


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


def _start_acceptor(word: str, alphabet: Alphabet, budget: Budget) -> Acceptor:
    """Of texts that start with a word: one state after the other, then one for those that do and one for those that do not."""
    budget.work(1 + len(word) // 2)
    does, does_not = len(word), len(word) + 1
    moves: list[dict[int, int]] = [{alphabet.class_of(char): place + 1} for place, char in enumerate(word)]
    accepting = [False] * does + [True, False]
    return Acceptor([*moves, {}, {}], [*([does_not] * does), does, does_not], accepting)


def _glob_acceptor(
    tokens: tuple[str, ...], alphabet: Alphabet, budget: Budget, ignore_case: bool, backwards: bool
) -> Acceptor:
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

    def read(char: str) -> tuple[int, ...]:
        folded = char.casefold() if ignore_case else char
        return tuple(places.get(single, 0) | ones for single in (reversed(folded) if backwards else folded))

    def step(state: int, read: tuple[int, ...]) -> int:
        for fitting in read:
            state = closed((state & fitting) << 1 | state & stars)
        return state

    return _explored(closed(1), step, lambda state: bool(state & accept), map(read, alphabet.shown), budget)


class _Row(Struct):
    """Moves over ranges, which are bits, all of them together, and where those lead that have a code point in common."""

    moves: Sequence[tuple[int, int]]
    ranges: int
    known: dict[int, frozenset[int]]


def _pattern_acceptor(automaton: Automaton, alphabet: Alphabet, budget: Budget) -> Acceptor:
    """As the production matcher runs it: a match anywhere decides."""
    matched = (frozenset[int](), Side.OTHER)
    ranges = list(dict.fromkeys([*_ranges_in(automaton), WORD]))
    places = {some: place for place, some in enumerate(ranges)}
    has_edges = any(kind in ("word", "no-word") for row in automaton.edges for kind, _ in row)
    rows: dict[tuple[frozenset[int], Side, Side], _Row | None] = {}

    def row_of(states: frozenset[int], before: Side, after: Side) -> _Row | None:
        """What leads on between these neighbours; None: it matches already."""
        key = (states, before, after)
        if key not in rows:
            reached = closure(automaton, states, before, after)
            moves = [(1 << places[some], target) for state in reached for some, target in automaton.moves[state]]
            budget.work(len(reached) + len(moves))
            rows[key] = None if automaton.accept in reached else _Row(moves, union_of(one for one, _ in moves), {})
        return rows[key]

    def step(state: tuple[frozenset[int], Side], letter: int) -> tuple[frozenset[int], Side]:
        states, before = state
        if state == matched:
            return matched
        after = Side.WORD if letter >> places[WORD] & 1 else Side.OTHER
        row = row_of(states, before, after)
        if row is None:
            return matched
        fitting = letter & row.ranges
        if fitting not in row.known:
            budget.work(1 + len(row.moves) // 4)
            row.known[fitting] = frozenset([0, *(target for some, target in row.moves if some & fitting)])
        return row.known[fitting], after if has_edges else Side.OTHER

    def accepts(state: tuple[frozenset[int], Side]) -> bool:
        states, before = state
        return state == matched or row_of(states, before, Side.NOTHING) is None

    budget.work(len(ranges) * len(alphabet.shown) // 2)
    letters = [
        sum(1 << place for place, some in enumerate(ranges) if within(ord(char), some)) for char in alphabet.shown
    ]
    found = _explored((frozenset({0}), Side.NOTHING), step, accepts, letters, budget)
    # what a state remembers of the letter before it is often of no account
    return _smallest(found, budget) if has_edges else found


def _union(parts: Sequence[Acceptor], alphabet: Alphabet, budget: Budget) -> Acceptor:
    return _explored(
        (0,) * len(parts),
        lambda states, letter: tuple(part.after(state, letter) for part, state in zip(parts, states, strict=True)),
        lambda states: any(part.accepting[state] for part, state in zip(parts, states, strict=True)),
        range(len(alphabet.shown)),
        budget,
        len(parts),
    )


def _explored(
    start: StateT,
    step: Callable[[StateT, ReadT], StateT],
    accepts: Callable[[StateT], bool],
    letters: Iterable[ReadT],
    budget: Budget,
    cost: int = 2,
) -> Acceptor:
    """`letters` are the classes of the alphabet as the predicate reads them; those it reads alike are tried once.

    `cost` is that of a step in operations. Raises `Spent`.
    """
    classes: dict[ReadT, list[int]] = {}
    for number, letter in enumerate(letters):
        classes.setdefault(letter, []).append(number)
    steps = _steps_for(len(classes), cost)
    numbers = {start: 0}
    order = [start]
    usual: list[int] = []
    moves: list[dict[int, int]] = []
    for state in order:
        budget.work(steps)
        row: list[int] = []
        frequency: dict[int, int] = {}
        for letter, alike in classes.items():
            target = step(state, letter)
            number = numbers.setdefault(target, len(order))
            if number == len(order):
                order.append(target)
            row.append(number)
            frequency[number] = frequency.get(number, 0) + len(alike)
        most = max(frequency, key=lambda target: (frequency[target], -target))
        usual.append(most)
        moves.append(
            {
                number: target
                for target, alike in zip(row, classes.values(), strict=True)
                if target != most
                for number in alike
            }
        )
        if len(order) > MAX_STATES:
            raise Spent
    return Acceptor(moves, usual, [accepts(state) for state in order])


def _smallest(acceptor: Acceptor, budget: Budget) -> Acceptor:
    """The same language with as few states as there can be (Moore's refinement)."""
    count = len(acceptor.accepting)
    group = [int(accepts) for accepts in acceptor.accepting]
    groups = len(set(group))
    moves_of_all = sum(map(len, acceptor.moves))
    while True:
        budget.work(count + moves_of_all // 2)
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
