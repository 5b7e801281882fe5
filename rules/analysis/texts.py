"""A text fact or an address in the space: its pieces, where predicates hold, and texts that are in a piece."""

from __future__ import annotations

from collections.abc import Iterator, KeysView, Sequence
from math import prod

from msgspec import Struct, field

from rules.analysis.addresses import addresses_after
from rules.analysis.asked import Asked, is_end, sample_of
from rules.analysis.budget import Budget
from rules.analysis.space import Space
from rules.facts import MISSING, Seen
from rules.moments import Share, bucket_of
from rules.nodes import Test
from rules.operators import holds_for

MAX_TRIES = 10_000
"""Texts of each kind that are tried where it depends on their buckets."""

FEW_TRIES = 40
"""Where it does not, a number behind a text that is not what is wanted hardly makes it so."""

Bounds = tuple[tuple[str, int, int], ...]


class Piece(Struct, frozen=True):
    """`text` is one in it (None: the fact is missing), `only` says that there is no other; `shares` are bounds of buckets by salt."""

    text: str | None
    only: bool = False
    shares: Bounds = ()


class Wishes(Struct, frozen=True):
    """Predicates by number that are to hold, and that are not to."""

    yes: frozenset[int]
    no: frozenset[int]


BLOCK = 32
"""Variables that are compared together with what they were before."""

_MASKS = 3
"""Masks that are looked into in the time of an operation."""


class Texts(Struct):
    """A text fact in the space: a predicate is a mask of its pieces, or of a variable `apart` from them."""

    fact: str
    tests: tuple[Test, ...]
    variable: int
    pieces: list[Piece]
    masks: dict[object, int]
    asked: Asked
    shares: frozenset[int]
    apart: dict[object, tuple[int, int]] = field(default_factory=dict)
    numbered: dict[int, tuple[int, int]] = field(default_factory=dict)
    by_variable: dict[int, list[tuple[int, int]]] = field(default_factory=dict)
    _made: dict[object, str | None] = field(default_factory=dict)
    _expected: dict[int, frozenset[int]] = field(default_factory=dict)
    _wished: dict[tuple[int, int], Wishes] = field(default_factory=dict)
    _masks: list[tuple[int, int]] | None = None
    _before: list[int] | None = None
    _yes: set[int] = field(default_factory=set)
    _no: set[int] = field(default_factory=set)

    def where(self, key: object) -> tuple[int, int]:
        """The variable and the pieces of it in which a predicate holds."""
        return self.apart[key] if key in self.apart else (self.variable, self.masks[key])

    @property
    def aside(self) -> KeysView[int]:
        """The variables that predicates have apart from the pieces."""
        return self.by_variable.keys()

    def wishes(self, domains: Sequence[int], space: Space) -> Wishes:
        """The verdicts that a point wants of predicates apart from the pieces."""
        listed = list(self.by_variable)
        here = [domains[variable] for variable in listed]
        # from one question to the next, few of them are other ones
        before = self._before or [space.full[variable] for variable in listed]
        for start in range(0, len(listed), BLOCK):
            end = start + BLOCK
            if here[start:end] != before[start:end]:
                for variable, old, new in zip(listed[start:end], before[start:end], here[start:end], strict=True):
                    if old != new:
                        self._wish(variable, space, old, new)
        self._before = here
        return Wishes(frozenset(self._yes), frozenset(self._no))

    def _wish(self, variable: int, space: Space, old: int, new: int) -> None:
        full = space.full[variable]
        if old != full:
            gone = self._wishes_at(variable, space.piece_of(variable, old))
            self._yes -= gone.yes
            self._no -= gone.no
        if new != full:
            more = self._wishes_at(variable, space.piece_of(variable, new))
            self._yes |= more.yes
            self._no |= more.no

    def _wishes_at(self, variable: int, piece: int) -> Wishes:
        if (variable, piece) not in self._wished:
            apart = self.by_variable[variable]
            yes = frozenset(number for number, mask in apart if mask >> piece & 1)
            self._wished[variable, piece] = Wishes(yes, frozenset(number for number, _ in apart) - yes)
        return self._wished[variable, piece]

    def text_in(self, number: int, wanted: Wishes, budget: Budget) -> Seen | None:
        """A value in a piece that also gives predicates apart from it their wanted verdicts; None where none was found.

        Raises `Spent`.
        """
        piece = self.pieces[number]
        if piece.text is None:
            return MISSING
        known = (number, wanted)
        if known not in self._made:
            self._made[known] = None
            shares = self.shares & (wanted.yes | wanted.no)
            tries = MAX_TRIES if shares or piece.shares else FEW_TRIES
            if not piece.only and self._odds(piece, wanted) * tries < 1:
                return None
            # the first few shares that a text is not in settle it
            cost = 6 + min(2 * len(shares), 8)
            budget.work(1 + len(wanted.yes) + (0 if number in self._expected else len(self.tests) // _MASKS))
            for text in self._candidates(piece, [self.tests[one] for one in sorted(wanted.yes)], tries, budget):
                budget.need(self.asked.always)
                before = self.asked.worked
                fits = self.fits(number, text, wanted)
                budget.work(cost + self.asked.worked - before)
                if fits:
                    self._made[known] = text
                    break
        return self._made[known]

    def fits(self, number: int, text: str, wanted: Wishes) -> bool:
        """Whether a text is in a piece and gives the predicates apart from it their wanted verdicts."""
        piece = self.pieces[number]
        if not all(low <= bucket_of(salt, text) < high for salt, low, high in piece.shares):
            return False
        if not all(holds_for(self.tests[one], text) for one in wanted.yes):
            return False
        if any(holds_for(self.tests[one], text) for one in wanted.no & self.shares):
            return False
        held = self.asked.holding(text)
        if not wanted.no.isdisjoint(held):
            return False
        if number not in self._expected:
            self._expected[number] = frozenset(one for one, mask in self._places() if mask >> number & 1)
        return held - self.numbered.keys() == self._expected[number]

    def _odds(self, piece: Piece, wanted: Wishes) -> float:
        """The share of all texts that are in the wanted shares, and in none of the others."""
        bounds = {salt: (low, high) for salt, low, high in piece.shares}
        for one in self.shares & (wanted.yes | wanted.no):
            share = self.tests[one].operand
            assert isinstance(share, Share)
            low, high = bounds.get(share.salt, (0, 2**64))
            inner = (low, min(high, share.threshold)) if one in wanted.yes else (max(low, share.threshold), high)
            bounds[share.salt] = inner
        return prod(max(0, high - low) / 2**64 for low, high in bounds.values())

    def _places(self) -> list[tuple[int, int]]:
        """The tests that pieces decide, each with its pieces."""
        if self._masks is None:
            listed = enumerate(self.tests)
            masks = [(one, self.masks.get(key_of(test), 0)) for one, test in listed if test.operator != "rollout"]
            self._masks = [(one, mask) for one, mask in masks if mask]
        return self._masks

    def _candidates(self, piece: Piece, needed: Sequence[Test], tries: int, budget: Budget) -> Iterator[str]:
        assert piece.text is not None
        yield piece.text
        if piece.only:
            return
        if self.fact == "clientIp":
            yield from addresses_after(piece.text)
            return
        samples = [sample_of(test, budget) for test in needed if not is_end(test) and test.operator != "rollout"]
        words = " ".join(samples)
        end = max((sample_of(test, budget) for test in needed if is_end(test)), key=len, default="")
        if words or end:
            for text in (piece.text + words, words + piece.text, f"{piece.text} {words}", words):
                yield text + end
        for number in range(tries):
            for text in (f"{piece.text}{number}", f"{piece.text}-{number}", f"{number}{piece.text}"):
                yield text + words + end
        middle = len(piece.text) // 2
        for number in range(tries // 10):
            yield f"{piece.text[:middle]}{number}{piece.text[middle:]}{words}{end}"


def key_of(test: Test) -> object:
    """What makes two predicates on one fact the same."""
    operand = test.operand
    if isinstance(operand, Test):
        operand = key_of(operand)
    elif isinstance(operand, tuple):
        operand = tuple(key_of(one) if isinstance(one, Test) else one for one in operand)
    return (test.operator, test.ignore_case, type(operand), operand)
