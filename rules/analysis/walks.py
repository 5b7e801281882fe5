"""Walks through several automata at once: which combinations of verdicts some text gets, and the shortest such text.

A place in the walk holds only those automata whose verdict is still open, so that a thousand prefixes cost as much as
the tree of their letters.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

from rules.analysis.acceptors import Acceptor
from rules.analysis.budget import Budget
from rules.analysis.letters import Alphabet

MOVES = 2
"""Moves of single automata in the time of an operation."""

_Place: TypeAlias = tuple[frozenset[tuple[int, int]], frozenset[int]]
"""Automata with their states that are open; those that accept whatever follows."""


def walk(acceptors: Sequence[Acceptor], alphabet: Alphabet, budget: Budget) -> Iterator[tuple[frozenset[int], str]]:
    """Every reachable set of accepting automata, each first with the shortest text that gives it. Raises `Spent`."""
    sinks = [[acceptor.is_settled(state) for state in range(len(acceptor.usual))] for acceptor in acceptors]
    count = len(alphabet.shown)

    def place_of(states: Mapping[int, int], accepted: frozenset[int]) -> _Place:
        settled = [number for number, state in states.items() if sinks[number][state]]
        if not settled:
            return frozenset(states.items()), accepted
        more = [number for number in settled if acceptors[number].accepting[states[number]]]
        is_open = frozenset(one for one in states.items() if not sinks[one[0]][one[1]])
        return is_open, accepted.union(more) if more else accepted

    start = place_of(dict.fromkeys(range(len(acceptors)), 0), frozenset())
    reached: dict[_Place, tuple[_Place, int] | None] = {start: None}
    waiting = deque([start])
    known: set[frozenset[int]] = set()
    while waiting:
        place = waiting.popleft()
        states, accepted = place
        verdicts = accepted.union(number for number, state in states if acceptors[number].accepting[state])
        if verdicts not in known:
            known.add(verdicts)
            yield verdicts, _path_to(place, reached, alphabet)
        usual = {number: acceptors[number].usual[state] for number, state in states}
        special: dict[int, dict[int, int]] = {}
        for number, state in states:
            for letter, target in acceptors[number].moves[state].items():
                special.setdefault(letter, {})[number] = target
        lasting = {
            number: state for number, state in usual.items() if not _is_lost(acceptors[number], sinks[number], state)
        }
        moves = len(usual) + len(lasting) * len(special) + sum(map(len, special.values()))
        budget.work(5 + 5 * len(special) + moves // MOVES)
        following = [(place_of({**lasting, **special[letter]}, accepted), letter) for letter in sorted(special)]
        other = next((letter for letter in range(count) if letter not in special), None)
        if other is not None:
            following.append((place_of(lasting, accepted), other))
        for reached_place, letter in following:
            if reached_place not in reached:
                reached[reached_place] = (place, letter)
                waiting.append(reached_place)


def _is_lost(acceptor: Acceptor, sinks: Sequence[bool], state: int) -> bool:
    return sinks[state] and not acceptor.accepting[state]


def _path_to(place: _Place, reached: Mapping[_Place, tuple[_Place, int] | None], alphabet: Alphabet) -> str:
    letters: list[str] = []
    step = reached[place]
    while step is not None:
        before, letter = step
        letters.append(alphabet.shown[letter])
        step = reached[before]
    return "".join(reversed(letters))
