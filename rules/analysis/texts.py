"""The pieces of a text fact or an address: texts that no predicate on it tells apart, each piece with texts in it.

Texts written out (`eq`, `in`) are pieces of their own. All others fall into the combinations of verdicts that some text
gets, found by walking through the predicates' automata together. Where there would be too many of those, what is asked
of the end of a text, or anywhere in it, gets variables of its own, and only what implies what is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise, product
from math import prod

from msgspec import Struct, field

from rules.analysis.acceptors import acceptor_of, alphabet_for
from rules.analysis.addresses import address_pieces, addresses_after
from rules.analysis.asked import Asked, is_anywhere, is_end, is_start, sample_of
from rules.analysis.budget import Budget, Spent
from rules.analysis.space import Space
from rules.analysis.walks import walk
from rules.facts import MISSING, Seen
from rules.moments import Share, bucket_of
from rules.nodes import Test
from rules.operators import holds_for

MAX_ANYWHERE = 5
MAX_PIECES = 600
MAX_ENDS = 5_000
"""Pieces where only starts, or only ends, of texts are asked for."""

MAX_SHARES = 64
MAX_TRIES = 10_000
"""Texts of each kind that are tried where it depends on their buckets."""

FEW_TRIES = 40
"""Where it does not, a number behind a text that is not what is wanted hardly makes it so."""

USUAL = {"model": "claude-sonnet-4", "lastUserText": "hi", "systemText": "", "clientIp": "127.0.0.1"}

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

    def where(self, key: object) -> tuple[int, int]:
        """The variable and the pieces of it in which a predicate holds."""
        return self.apart[key] if key in self.apart else (self.variable, self.masks[key])

    @property
    def aside(self) -> set[int]:
        """The variables that predicates have apart from the pieces."""
        return set(self.by_variable)

    def wishes(self, domains: Sequence[int], space: Space) -> Wishes:
        """The verdicts that a point wants of predicates apart from the pieces."""
        pinned = [
            self._wishes_at(variable, space.piece_of(variable, domains[variable]))
            for variable in self.by_variable
            if domains[variable] != space.full[variable]
        ]
        if len(pinned) == 1:
            return pinned[0]
        return Wishes(
            frozenset[int]().union(*(one.yes for one in pinned)), frozenset[int]().union(*(one.no for one in pinned))
        )

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


def cut_texts(space: Space, fact: str, tests: Sequence[Test], optional: bool, budget: Budget) -> Texts:
    """The pieces of a text fact, put into the space."""
    distinct = tuple({key_of(test): test for test in tests}.values())
    shares = [test for test in distinct if test.operator == "rollout"]
    asking = [test for test in distinct if test.operator not in ("rollout", "exists")]
    cut = _addresses(asking) if fact == "clientIp" else _cut_of(asking, USUAL.get(fact, "x"), budget)
    salts = _salts_of(shares)
    inside = salts if prod(map(len, salts.values())) <= MAX_SHARES else {}
    pieces: list[Piece] = []
    masks: dict[object, int] = dict.fromkeys(map(key_of, cut.walked), 0)
    for base, holding in cut.pieces:
        for piece in _shared(base, inside):
            bit = 1 << len(pieces)
            for one in holding:
                masks[key_of(cut.walked[one])] |= bit
            pieces.append(piece)
    present = (1 << len(pieces)) - 1
    if optional:
        pieces.append(Piece(None, only=True))
    usual = USUAL.get(fact) if fact in ("model", "lastUserText", "systemText") else None
    start = next((number for number, piece in enumerate(pieces) if piece.text == usual), 0)
    for test in distinct:
        if test.operator == "exists":
            masks[key_of(test)] = present if test.operand else (1 << len(pieces)) - 1 & ~present
        elif isinstance(test.operand, Share) and inside:
            masks[key_of(test)] = sum(1 << number for number, piece in enumerate(pieces) if _is_in(test.operand, piece))
    numbers = frozenset(number for number, test in enumerate(distinct) if test.operator == "rollout")
    texts = Texts(fact, distinct, space.add(fact, len(pieces), start), pieces, masks, Asked(distinct), numbers)
    _set_apart_ends(space, texts, cut)
    for test in cut.free:
        texts.apart[key_of(test)] = (space.add(f"{fact} {test.operator} {test.operand}", 2), 0b10)
    if not inside:
        _set_apart_shares(space, texts, shares, salts)
    for number, test in enumerate(distinct):
        key = key_of(test)
        if key in texts.apart:
            texts.numbered[number] = texts.apart[key]
            variable, mask = texts.apart[key]
            texts.by_variable.setdefault(variable, []).append((number, mask))
    _relate(space, texts, {key_of(test) for test in cut.free})
    return texts


class _Cut(Struct, frozen=True):
    """Pieces, each with the numbers of those among `walked` that hold in it; ends likewise; predicates apart, one by one."""

    pieces: list[tuple[Piece, frozenset[int]]]
    walked: list[Test]
    ends: list[Test] = field(default_factory=list)
    end_pieces: list[frozenset[int]] = field(default_factory=list)
    free: list[Test] = field(default_factory=list)


def _addresses(tests: Sequence[Test]) -> _Cut:
    asked = [test for test in tests if test.operator in ("address", "cidr")]
    pieces = [(Piece(text, only), holding) for text, only, holding in address_pieces(asked, USUAL["clientIp"])]
    return _Cut(pieces, asked, free=[test for test in tests if test not in asked])


def _cut_of(tests: Sequence[Test], usual: str, budget: Budget) -> _Cut:
    """The pieces but for shares; fewer where the budget does not last, down to those of texts written out."""
    written = [test for test in tests if test.operator in ("eq", "in") and not test.ignore_case]
    moving = [test for test in tests if test.operator not in ("eq", "in") or test.ignore_case]
    literals: dict[str, list[int]] = {}
    for number, test in enumerate(written):
        for text in sorted(map(str, test.operand)) if isinstance(test.operand, frozenset) else (str(test.operand),):
            literals.setdefault(text, []).append(number)
    for walked, ends, free in _ways(moving):
        try:
            if walked or ends:
                budget.ask()
            others = _walked(walked, literals, usual, budget)
            end_pieces = [holding for holding, _ in _verdicts(ends, budget, backwards=True)] if ends else []
        except Spent:
            continue
        asked = Asked(walked)
        count = len(written)
        pieces = []
        for text, numbers in sorted(literals.items()):
            holding = frozenset([*numbers, *(count + one for one in asked.holding(text))])
            pieces.append((Piece(text, only=True), holding))
        pieces += [(Piece(text), frozenset(count + one for one in holding)) for text, holding in others]
        return _Cut(pieces, [*written, *walked], ends, end_pieces, free)
    raise AssertionError("without predicates there is one piece")


def _ways(moving: list[Test]) -> Iterator[tuple[list[Test], list[Test], list[Test]]]:
    """Predicates that are walked together, those about ends walked apart, and those that get a variable each; the best first."""
    anywhere: list[Test] = []
    beside: list[Test] = []
    ends: list[Test] = []
    others: list[Test] = []
    for test in moving:
        (anywhere if is_anywhere(test) else beside).append(test)
    for test in beside:
        (ends if is_end(test) else others).append(test)
    starts = [test for test in others if is_start(test)]
    if not ends or (len(others) + 1) * (len(ends) + 1) <= MAX_PIECES:
        if anywhere and len(anywhere) <= MAX_ANYWHERE:
            yield moving, [], []
        yield beside, [], anywhere
    if ends:
        yield others, ends, anywhere
    if len(starts) < len(others):
        yield starts, ends, [test for test in moving if is_anywhere(test) or not (is_end(test) or is_start(test))]
    yield [], [], moving


def _verdicts(tests: Sequence[Test], budget: Budget, *, backwards: bool = False) -> list[tuple[frozenset[int], str]]:
    """Each set of predicates that hold for some text and no others, with such a text. Raises `Spent`."""
    if not tests:
        return [(frozenset(), "")]
    alphabet = alphabet_for(tests)
    acceptors = [acceptor_of(test, alphabet, budget, backwards) for test in tests]
    alone = backwards or not any(is_end(test) or is_anywhere(test) for test in tests)
    most = MAX_ENDS if alone else MAX_PIECES
    found = []
    for verdicts, text in walk(acceptors, alphabet, budget):
        found.append((verdicts, text))
        if len(found) > most:
            raise Spent
    return found


def _walked(
    tests: Sequence[Test], literals: dict[str, list[int]], usual: str, budget: Budget
) -> list[tuple[str, frozenset[int]]]:
    """A text that is not written out for each combination of verdicts that such a text gets, as far as one is near."""
    found = dict(_verdicts(tests, budget))
    asked = Asked(tests)
    everyday = frozenset(asked.holding(usual))
    if everyday in found and usual not in literals:
        found[everyday] = usual
    return [
        (text if text == usual else _not_written(text, verdicts, asked, literals), verdicts)
        for verdicts, text in found.items()
    ]


def _not_written(text: str, verdicts: frozenset[int], asked: Asked, literals: dict[str, list[int]]) -> str:
    """A text with the same verdicts that is neither empty nor written out, if one is near."""
    if text and text not in literals:
        return text
    for filler in ("x", "-", "0", "other", "q", "Z9"):
        for number in range(4):
            for near in (text + filler * number, filler * number + text):
                if near and near not in literals and asked.holding(near) == verdicts:
                    return near
    return text


def _salts_of(shares: Sequence[Test]) -> dict[str, list[tuple[int, int]]]:
    """The stretches between the thresholds of the shares, by salt."""
    cuts: dict[str, set[int]] = {}
    for test in shares:
        assert isinstance(test.operand, Share)
        cuts.setdefault(test.operand.salt, {0, 2**64}).add(test.operand.threshold)
    return {salt: list(pairwise(sorted(bounds))) for salt, bounds in cuts.items()}


def _shared(base: Piece, salts: dict[str, list[tuple[int, int]]]) -> Iterator[Piece]:
    """A piece cut at the thresholds of the shares that go by the fact."""
    for combination in product(*([(salt, low, high) for low, high in bounds] for salt, bounds in salts.items())):
        if (
            not base.only
            or base.text is None
            or all(low <= bucket_of(salt, base.text) < high for salt, low, high in combination)
        ):
            yield Piece(base.text, base.only, combination)


def _is_in(share: Share, piece: Piece) -> bool:
    return piece.text is not None and any(
        salt == share.salt and high <= share.threshold for salt, _, high in piece.shares
    )


def _set_apart_ends(space: Space, texts: Texts, cut: _Cut) -> None:
    """One variable for what is asked of the ends of texts; its first piece is what a missing fact has."""
    if not cut.ends:
        return
    numbers = {holding: number for number, holding in enumerate(dict.fromkeys([*cut.end_pieces, frozenset[int]()]))}
    variable = space.add(f"{texts.fact} end", len(numbers), numbers[frozenset()])
    masks = [0] * len(cut.ends)
    for holding, number in numbers.items():
        for one in holding:
            masks[one] |= 1 << number
    for test, mask in zip(cut.ends, masks, strict=True):
        texts.apart[key_of(test)] = (variable, mask)
    asked = Asked(cut.ends)
    _fixed(space, texts, variable, lambda text: numbers[frozenset(asked.holding(text))], numbers[frozenset()])


def _set_apart_shares(
    space: Space, texts: Texts, shares: Sequence[Test], salts: dict[str, list[tuple[int, int]]]
) -> None:
    """One variable for each salt; its last piece is that there is no text."""
    for salt, bounds in salts.items():
        none = len(bounds)
        variable = space.add(f"{texts.fact} {salt}", none + 1)
        for test in shares:
            if isinstance(test.operand, Share) and test.operand.salt == salt:
                mask = sum(1 << number for number, (_, high) in enumerate(bounds) if high <= test.operand.threshold)
                texts.apart[key_of(test)] = (variable, mask)

        def piece_of(text: str, salt: str = salt, bounds: list[tuple[int, int]] = bounds) -> int:
            return next(number for number, (low, high) in enumerate(bounds) if low <= bucket_of(salt, text) < high)

        _fixed(space, texts, variable, piece_of, none)


def _fixed(space: Space, texts: Texts, variable: int, piece_of: Callable[[str], int], missing: int) -> None:
    """What pieces of a single text, and of none, are in another variable."""
    groups: dict[int, int] = {}
    for number, piece in enumerate(texts.pieces):
        if piece.only:
            place = missing if piece.text is None else piece_of(piece.text)
            groups[place] = groups.get(place, 0) | 1 << number
    for place, mask in groups.items():
        space.forbid((texts.variable, mask), (variable, space.full[variable] & ~(1 << place)))


def _relate(space: Space, texts: Texts, free: set[object]) -> None:
    """What the pieces and the predicates with a variable each say of one another."""
    single = {number: apart for number, apart in texts.numbered.items() if key_of(texts.tests[number]) in free}
    if not single:
        return
    yes: dict[int, int] = dict.fromkeys(single, 0)
    fixed = 0
    for number, piece in enumerate(texts.pieces):
        if piece.only:
            fixed |= 1 << number
            for one in texts.asked.holding(piece.text) if piece.text is not None else ():
                if one in yes:
                    yes[one] |= 1 << number
    for one, (variable, _) in single.items():
        space.forbid((texts.variable, fixed & ~yes[one]), (variable, 0b10))
        space.forbid((texts.variable, yes[one]), (variable, 0b01))
    for one, other in texts.asked.implied():
        if other in single and texts.tests[one].operator not in ("eq", "in"):
            space.forbid(texts.where(key_of(texts.tests[one])), (single[other][0], 0b01))
