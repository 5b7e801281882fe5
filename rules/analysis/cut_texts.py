"""A text fact cut into pieces: texts that no predicate on it tells apart, each piece with texts in it.

Texts written out (`eq`, `in`) are pieces of their own. All others fall into the combinations of verdicts that some text
gets, found by walking through the predicates' automata together. Where there would be too many of those, what is asked
of the end of a text, or anywhere in it, gets variables of its own, and only what implies what is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise, product
from math import prod

from msgspec import Struct, field

from rules.analysis.acceptors import acceptor_of, alphabet_for, least_work
from rules.analysis.addresses import address_pieces
from rules.analysis.asked import Asked, is_anywhere, is_end, is_start
from rules.analysis.budget import OPERATIONS, Budget, Spent
from rules.analysis.space import Space
from rules.analysis.texts import Piece, Texts, key_of
from rules.analysis.walks import walk
from rules.moments import Share, bucket_of
from rules.nodes import Test

MAX_ANYWHERE = 5
MAX_PIECES = 600
MAX_ENDS = 5_000
"""Pieces where only starts, or only ends, of texts are asked for."""

MAX_SHARES = 64

RELATED = 2_000
RELATED_FOR_EACH = 2
"""Steps that finding what follows from what among predicates apart may take, and so many more for each of them."""

USUAL = {"model": "claude-sonnet-4", "lastUserText": "hi", "systemText": "", "clientIp": "127.0.0.1"}


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
    budget.need(sum(least_work(test, backwards) for test in tests))
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
    by_salt: dict[str, list[tuple[object, int]]] = {}
    for test in shares:
        assert isinstance(test.operand, Share)
        by_salt.setdefault(test.operand.salt, []).append((key_of(test), test.operand.threshold))
    is_missing = texts.pieces[space.usual[texts.variable]].text is None
    for salt, bounds in salts.items():
        none = len(bounds)
        variable = space.add(f"{texts.fact} {salt}", none + 1, none if is_missing else 0)
        for key, threshold in by_salt[salt]:
            texts.apart[key] = (
                variable,
                sum(1 << number for number, (_, high) in enumerate(bounds) if high <= threshold),
            )

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
    keys = [key_of(test) for test in texts.tests]
    most = texts.asked.worked + OPERATIONS * (RELATED + RELATED_FOR_EACH * len(single))
    for one, others in texts.asked.implied():
        for other in others:
            if other in single and texts.tests[one].operator not in ("eq", "in"):
                space.forbid(texts.where(keys[one]), (single[other][0], 0b01))
        if texts.asked.worked > most:
            # what is not said leaves more that may be: less is proved, and nothing wrong
            break
