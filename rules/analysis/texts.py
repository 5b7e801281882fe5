"""The pieces of a text fact or an address: texts that no predicate on it tells apart, each piece with texts in it.

Texts written out (`eq`, `in`) are pieces of their own. All others fall into the combinations of verdicts that some text
gets, found by walking through the predicates' automata together. Where there would be too many of those, predicates
that ask for a text anywhere become variables of their own, and only what implies what is kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address
from itertools import pairwise, product

from rules.analysis.acceptors import Acceptor, acceptor_of, alphabet_for, walk
from rules.analysis.budget import Spent
from rules.analysis.space import Space
from rules.facts import MISSING, Seen
from rules.moments import Share, bucket_of
from rules.nodes import Test
from rules.operators import Network, address_of, holds_for
from rules.patterns import Glob, Pattern

MAX_ANYWHERE = 5
MAX_PIECES = 600
MAX_SHARES = 64
MAX_TRIES = 10_000
USUAL = {"model": "claude-sonnet-4", "lastUserText": "hi", "systemText": "", "clientIp": "127.0.0.1"}


@dataclass(frozen=True, slots=True)
class Piece:
    """`text` is one in it (None: the fact is missing), `only` says that there is no other; `shares` are bounds of buckets by salt."""

    text: str | None
    only: bool = False
    shares: tuple[tuple[str, int, int], ...] = ()


@dataclass(slots=True)
class Texts:
    """A text fact in the space. `free` are the variables of predicates taken apart from the pieces."""

    fact: str
    tests: tuple[Test, ...]
    variable: int
    pieces: list[Piece]
    masks: dict[object, int] = field(default_factory=dict)
    free: dict[object, int] = field(default_factory=dict)
    _made: dict[object, str | None] = field(default_factory=dict)

    def text_in(self, number: int, wanted: dict[object, bool]) -> Seen | None:
        """A value in a piece that also gives the free predicates their wanted verdicts; None where none was found."""
        piece = self.pieces[number]
        if piece.text is None:
            return MISSING
        known = (number, frozenset(wanted.items()))
        if known not in self._made:
            needed = [test for test in self.tests if wanted.get(key_of(test))]
            fitting = (text for text in self._candidates(piece, needed) if self.fits(number, text, wanted))
            self._made[known] = next(fitting, None)
        return self._made[known]

    def fits(self, number: int, text: str, wanted: dict[object, bool]) -> bool:
        """Whether a text is in a piece and gives the free predicates their wanted verdicts."""
        piece = self.pieces[number]
        if not all(low <= bucket_of(salt, text) < high for salt, low, high in piece.shares):
            return False
        for test in self.tests:
            key = key_of(test)
            if key in wanted:
                verdict = wanted[key]
            elif key in self.free or test.operator == "rollout":
                continue
            else:
                verdict = _holds_in(test, piece)
            if holds_for(test, text) is not verdict:
                return False
        return True

    def _candidates(self, piece: Piece, needed: Sequence[Test]) -> Iterator[str]:
        assert piece.text is not None
        yield piece.text
        if piece.only:
            return
        if self.fact == "clientIp":
            yield from _addresses_after(piece.text)
            return
        words = " ".join(_sample_of(test) for test in needed)
        if words:
            yield from (piece.text + words, words + piece.text, f"{piece.text} {words}", words)
        if piece.shares or words:
            for number in range(MAX_TRIES):
                for text in (f"{piece.text}{number}", f"{piece.text}-{number}", f"{number}{piece.text}"):
                    yield text + words
            middle = len(piece.text) // 2
            for number in range(MAX_TRIES // 10):
                yield f"{piece.text[:middle]}{number}{piece.text[middle:]}{words}"


def key_of(test: Test) -> object:
    """What makes two predicates on one fact the same."""
    operand = test.operand
    if isinstance(operand, Test):
        operand = key_of(operand)
    elif isinstance(operand, tuple):
        operand = tuple(key_of(one) if isinstance(one, Test) else one for one in operand)
    return (test.operator, test.ignore_case, type(operand), operand)


def cut_texts(space: Space, fact: str, tests: Sequence[Test], optional: bool) -> Texts:
    """The pieces of a text fact, put into the space."""
    distinct = tuple({key_of(test): test for test in tests}.values())
    shares = [test for test in distinct if test.operator == "rollout"]
    asking = [test for test in distinct if test.operator not in ("rollout", "exists")]
    free: tuple[Test, ...]
    if fact == "clientIp":
        bases = _address_bases([test for test in asking if test.operator in ("address", "cidr")])
        free = tuple(test for test in asking if test.operator not in ("address", "cidr"))
    else:
        bases, free = _text_bases(asking, USUAL.get(fact, "x"))
    pieces = [
        piece
        for base in bases
        for piece in _shared(base, [test.operand for test in shares if isinstance(test.operand, Share)])
    ]
    if optional:
        pieces.append(Piece(None, only=True))
    usual = USUAL.get(fact)
    start = next(
        (
            number
            for number, piece in enumerate(pieces)
            if piece.text == (usual if fact in ("model", "lastUserText", "systemText") else None)
        ),
        0,
    )
    texts = Texts(fact, distinct, space.add(fact, len(pieces), start), pieces)
    free_keys = {key_of(test) for test in free}
    for test in distinct:
        key = key_of(test)
        if key in free_keys:
            texts.free[key] = space.add(f"{fact} {test.operator} {test.operand}", 2)
        else:
            texts.masks[key] = sum(1 << number for number, piece in enumerate(pieces) if _holds_in(test, piece))
    _relate(space, texts, free)
    return texts


def _holds_in(test: Test, piece: Piece) -> bool:
    if isinstance(test.operand, Share):
        return any(salt == test.operand.salt and high <= test.operand.threshold for salt, _, high in piece.shares) or (
            piece.text is not None and test.operand.threshold == 2**64
        )
    if not piece.only and test.operator in ("eq", "in") and not test.ignore_case:
        # texts written out are pieces of their own
        return False
    return holds_for(test, MISSING if piece.text is None else piece.text)


def _text_bases(tests: Sequence[Test], usual: str) -> tuple[list[Piece], tuple[Test, ...]]:
    """The pieces but for shares, and the predicates that are no part of them."""
    literals = {str(test.operand) for test in tests if test.operator == "eq" and not test.ignore_case}
    literals |= {
        str(text)
        for test in tests
        if test.operator == "in" and not test.ignore_case and isinstance(test.operand, frozenset)
        for text in test.operand
    }
    moving = [test for test in tests if test.operator not in ("eq", "in") or test.ignore_case]
    anywhere = [test for test in moving if _is_anywhere(test)]
    apart: tuple[tuple[Test, ...], ...] = ((), tuple(anywhere), tuple(moving))
    for free in apart:
        if not free and len(anywhere) > MAX_ANYWHERE:
            continue
        walked = [test for test in moving if test not in free]
        try:
            others = _walked(walked, literals, usual)
        except Spent:
            continue
        ordered = sorted(literals)
        return [*(Piece(text, only=True) for text in ordered), *others], free
    raise AssertionError("without predicates there is one piece")


def _walked(tests: Sequence[Test], literals: set[str], usual: str) -> list[Piece]:
    """A piece for each combination of verdicts that a text gets which is not written out."""
    alphabet = alphabet_for(tests)
    acceptors = [acceptor_of(test, alphabet) for test in tests]
    found: dict[tuple[bool, ...], str] = {}
    for verdicts, text in walk(acceptors, alphabet):
        found[verdicts] = text
        if len(found) > MAX_PIECES:
            raise Spent
    everyday = tuple(holds_for(test, usual) for test in tests)
    if everyday in found and usual not in literals:
        found[everyday] = usual
    pieces = []
    for verdicts, text in found.items():
        shown = text if text == usual else _not_written(text, verdicts, tests, literals)
        pieces.append(Piece(shown))
    return pieces


def _not_written(text: str, verdicts: tuple[bool, ...], tests: Sequence[Test], literals: set[str]) -> str:
    """A text with the same verdicts that is neither empty nor written out, if one is near."""
    if text and text not in literals:
        return text
    for filler in ("x", "-", "0", "other", "q", "Z9"):
        for number in range(4):
            for near in (text + filler * number, filler * number + text):
                same = near and near not in literals
                if same and tuple(holds_for(test, near) for test in tests) == verdicts:
                    return near
    return text


def _is_anywhere(test: Test) -> bool:
    """Whether a predicate asks for something anywhere in the text, so that others hardly ever decide it."""
    if isinstance(test.operand, Glob):
        return test.operand.source.startswith("*") and test.operand.source.endswith("*")
    if isinstance(test.operand, Pattern):
        return not test.operand.source.startswith("^")
    return test.operator == "contains" or (test.ignore_case and test.operator == "in")


def _relate(space: Space, texts: Texts, free: Sequence[Test]) -> None:
    """What the pieces and the free predicates say of one another."""
    missing = sum(1 << number for number, piece in enumerate(texts.pieces) if piece.text is None)
    for test in free:
        variable = texts.free[key_of(test)]
        fixed = [(number, piece) for number, piece in enumerate(texts.pieces) if piece.only]
        yes = sum(1 << number for number, piece in fixed if piece.text is not None and holds_for(test, piece.text))
        no = sum(1 << number for number, _ in fixed) & ~yes | missing
        space.forbid((texts.variable, no), (variable, 0b10))
        space.forbid((texts.variable, yes), (variable, 0b01))
        for other in texts.tests:
            key = key_of(other)
            if other is test or not _implies(other, test):
                continue
            if key in texts.free:
                space.forbid((texts.free[key], 0b10), (variable, 0b01))
            elif other.operator not in ("eq", "in", "rollout", "exists"):
                space.forbid((texts.variable, texts.masks[key]), (variable, 0b01))


def _implies(one: Test, other: Test) -> bool:
    """Whether every text for which one predicate holds is one for the other, as far as their words show it."""
    if other.operator != "contains" or not isinstance(other.operand, str):
        return False
    if isinstance(one.operand, Glob):
        parts = one.operand.source.replace("?", "*").split("*")
    elif isinstance(one.operand, str) and one.operator in ("contains", "prefix", "suffix", "eq"):
        parts = [one.operand]
    else:
        return False
    if other.ignore_case:
        return any(other.operand.casefold() in part.casefold() for part in parts)
    return not one.ignore_case and any(other.operand in part for part in parts)


def _shared(base: Piece, shares: Sequence[Share]) -> list[Piece]:
    """A piece cut at the thresholds of the shares that go by the fact."""
    cuts: dict[str, set[int]] = {}
    for share in shares:
        cuts.setdefault(share.salt, {0, 2**64}).add(share.threshold)
    salts = []
    for salt, bounds in cuts.items():
        edges = sorted(bounds)
        salts.append([(salt, low, high) for low, high in pairwise(edges)])
    pieces = [Piece(base.text, base.only, combination) for combination in product(*salts)]
    if base.only and base.text is not None:
        text = base.text
        pieces = [
            piece for piece in pieces if all(low <= bucket_of(salt, text) < high for salt, low, high in piece.shares)
        ]
    if len(pieces) > MAX_SHARES:
        raise Spent
    return pieces


def _address_bases(tests: Sequence[Test]) -> list[Piece]:
    """The pieces of all addresses of both versions, cut at the ends of networks."""
    pieces: dict[tuple[bool, ...], Piece] = {}
    usual = USUAL["clientIp"]
    starts: dict[int, set[int]] = {4: {0}, 6: {0}}
    single: set[str] = set()
    for test in tests:
        networks: tuple[Network, ...] = test.operand if isinstance(test.operand, tuple) else ()
        for network in networks:
            first, last = int(network.network_address), int(network.broadcast_address)
            starts[network.version] |= {first, last + 1}
        address = address_of(str(test.operand)) if test.operator == "address" else None
        if address is not None:
            starts[address.version] |= {int(address), int(address) + 1}
            single.add(str(address))
    candidates = [usual]
    for version, firsts in starts.items():
        make: type[IPv4Address] | type[IPv6Address] = IPv4Address if version == 4 else IPv6Address
        for first in sorted(firsts):
            if first < 1 << (32 if version == 4 else 128):
                candidates += [str(make(first))]
    for text in candidates:
        address = address_of(text)
        verdicts = tuple(holds_for(test, text) for test in tests)
        pieces.setdefault(verdicts, Piece(text, only=address is not None and str(address) in single))
    return list(pieces.values())


def _addresses_after(text: str) -> Iterator[str]:
    address = address_of(text)
    if address is not None:
        for number in range(1, MAX_TRIES):
            try:
                yield str(address + number)
            except ValueError:
                return


def _sample_of(test: Test) -> str:
    if isinstance(test.operand, Glob):
        return test.operand.source.replace("*", "").replace("?", "x")
    if isinstance(test.operand, Pattern):
        alphabet = alphabet_for([test])
        acceptor: Acceptor = acceptor_of(test, alphabet)
        return next((text for verdicts, text in walk([acceptor], alphabet) if verdicts == (True,)), "")
    return str(test.operand)
