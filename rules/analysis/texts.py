"""A text fact or an address in the space: its pieces, where predicates hold, and texts that are in a piece."""

from __future__ import annotations

from collections.abc import Iterator, KeysView, Sequence
from itertools import chain
from math import prod

from msgspec import Struct, field

from rules.analysis.addresses import addresses_after
from rules.analysis.asked import Asked, is_end, sample_of
from rules.analysis.bits import bits_of, together
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
    """Predicates by number that are to hold; of those with variables that are `pinned`, as bits, no others are to."""

    yes: frozenset[int]
    pinned: int


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
    _masks: list[tuple[int, int]] | None = None
    _holding: dict[int, dict[int, list[int]]] = field(default_factory=dict)
    _usually: int | None = None

    def where(self, key: object) -> tuple[int, int]:
        """The variable and the pieces of it in which a predicate holds."""
        return self.apart[key] if key in self.apart else (self.variable, self.masks[key])

    @property
    def aside(self) -> KeysView[int]:
        """The variables that predicates have apart from the pieces."""
        return self.by_variable.keys()

    def wishes(self, domains: Sequence[int], space: Space) -> Wishes:
        """The verdicts that a point wants of predicates apart from the pieces."""
        usual, full = space.usual, space.full
        pinned = [one for one in self.by_variable if domains[one] != full[one]]
        odd = [one for one in pinned if not domains[one] >> usual[one] & 1]
        return self.wished(together(sorted(pinned)), together(sorted(odd)), domains, space)

    def wished(self, pinned: int, odd: int, domains: Sequence[int], space: Space) -> Wishes:
        """The same of variables that are known, as bits, to be pinned, and not to have their everyday pieces."""
        if self._usually is None:
            here = (one for one in self.by_variable if self._held(one, space.usual[one]))
            self._usually = together(sorted(here))
        yes = (self._held(one, space.piece_of(one, domains[one])) for one in bits_of(pinned & (odd | self._usually)))
        return Wishes(frozenset(chain.from_iterable(yes)), pinned)

    def _held(self, variable: int, piece: int) -> Sequence[int]:
        """The predicates apart that hold in a piece of a variable of theirs."""
        known = self._holding.get(variable)
        if known is None:
            known = self._holding[variable] = {}
            for number, mask in self.by_variable[variable]:
                for one in bits_of(mask):
                    known.setdefault(one, []).append(number)
        return known.get(piece, ())

    def _pinned_shares(self, wanted: Wishes) -> list[int]:
        """The shares apart from the pieces of which something is wanted."""
        shares = (one for one in sorted(self.shares) if one in self.numbered)
        return [one for one in shares if wanted.pinned >> self.numbered[one][0] & 1]

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
            shares = self._pinned_shares(wanted)
            tries = MAX_TRIES if shares or piece.shares else FEW_TRIES
            if not piece.only and self._odds(piece, wanted, shares) * tries < 1:
                return None
            # the first few shares that a text is not in settle it
            cost = 6 + min(2 * len(shares), 8)
            budget.work(1 + len(wanted.yes) + (0 if number in self._expected else len(self.tests) // _MASKS))
            for text in self._candidates(piece, [self.tests[one] for one in sorted(wanted.yes)], tries, budget):
                budget.need(self.asked.always)
                before = self.asked.worked
                fits = self._fits(number, text, wanted, shares)
                budget.work(cost + self.asked.worked - before)
                if fits:
                    self._made[known] = text
                    break
        return self._made[known]

    def fits(self, number: int, text: str, wanted: Wishes) -> bool:
        """Whether a text is in a piece and gives the predicates apart from it their wanted verdicts."""
        return self._fits(number, text, wanted, self._pinned_shares(wanted))

    def _fits(self, number: int, text: str, wanted: Wishes, shares: Sequence[int]) -> bool:
        piece = self.pieces[number]
        if not all(low <= bucket_of(salt, text) < high for salt, low, high in piece.shares):
            return False
        if not all(holds_for(self.tests[one], text) for one in wanted.yes):
            return False
        if any(one not in wanted.yes and holds_for(self.tests[one], text) for one in shares):
            return False
        held = self.asked.holding(text)
        inside: set[int] = set()
        for one in held:
            apart = self.numbered.get(one)
            if apart is None:
                inside.add(one)
            elif wanted.pinned >> apart[0] & 1 and one not in wanted.yes:
                return False
        if number not in self._expected:
            self._expected[number] = frozenset(one for one, mask in self._places() if mask >> number & 1)
        return inside == self._expected[number]

    def _odds(self, piece: Piece, wanted: Wishes, shares: Sequence[int]) -> float:
        """The share of all texts that are in the wanted shares, and in none of the others."""
        bounds = {salt: (low, high) for salt, low, high in piece.shares}
        for one in shares:
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
        for test in needed:
            if test.operator in ("eq", "in"):
                # no other texts are those, but in another case
                yield from (
                    sorted(map(str, test.operand)) if isinstance(test.operand, frozenset) else (str(test.operand),)
                )
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
