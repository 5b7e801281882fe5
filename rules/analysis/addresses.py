"""The pieces of an address: addresses of both versions, cut at the ends of networks."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from ipaddress import IPv4Address, IPv6Address
from itertools import accumulate
from operator import xor

from rules.analysis.bits import bits_of
from rules.nodes import Test
from rules.operators import Network, address_of

MAX_TRIES = 1_000


def address_pieces(tests: Sequence[Test], usual: str) -> list[tuple[str, bool, frozenset[int]]]:
    """One address of each piece, whether it is the only one, and the predicates (by number) that hold for it."""
    # version -> first address of a stretch -> the predicates, as bits, that begin or end to hold there
    turns: dict[int, dict[int, int]] = {4: {0: 0}, 6: {0: 0}}
    single: set[str] = set()
    for number, test in enumerate(tests):
        for version, first, last in _stretches(test):
            for at in (first, last + 1):
                turns[version][at] = turns[version].get(at, 0) ^ 1 << number
        address = address_of(str(test.operand)) if test.operator == "address" else None
        if address is not None:
            single.add(str(address))
    known = address_of(usual)
    assert known is not None
    candidates: list[IPv4Address | IPv6Address] = [known]
    stretches: dict[int, tuple[list[int], list[int]]] = {}
    for version, turned in turns.items():
        firsts = sorted(turned)
        stretches[version] = (firsts, list(accumulate((turned[first] for first in firsts), xor)))
        candidates += [_MAKE[version](first) for first in firsts if first < 1 << _BITS[version]]
    pieces: dict[int, tuple[str, bool, frozenset[int]]] = {}
    for address in candidates:
        meant = getattr(address, "ipv4_mapped", None) or address
        firsts, holding = stretches[meant.version]
        verdicts = holding[bisect_right(firsts, int(meant)) - 1]
        if verdicts not in pieces:
            pieces[verdicts] = (str(address), str(address) in single, frozenset(bits_of(verdicts)))
    return list(pieces.values())


_MAKE: dict[int, type[IPv4Address] | type[IPv6Address]] = {4: IPv4Address, 6: IPv6Address}
_BITS = {4: 32, 6: 128}


def _stretches(test: Test) -> Iterator[tuple[int, int, int]]:
    """Where a predicate holds: version, first and last address of stretches that do not overlap."""
    networks: tuple[Network, ...] = test.operand if isinstance(test.operand, tuple) else ()
    spans = [(one.version, int(one.network_address), int(one.broadcast_address)) for one in networks]
    address = address_of(str(test.operand)) if test.operator == "address" else None
    if address is not None:
        spans.append((address.version, int(address), int(address)))
    open_one: tuple[int, int, int] | None = None
    for version, first, last in sorted(spans):
        if open_one is not None and open_one[0] == version and first <= open_one[2]:
            open_one = (version, open_one[1], max(open_one[2], last))
            continue
        if open_one is not None:
            yield open_one
        open_one = (version, first, last)
    if open_one is not None:
        yield open_one


def addresses_after(text: str) -> Iterator[str]:
    """Some that follow an address."""
    address = address_of(text)
    if address is not None:
        for number in range(1, MAX_TRIES):
            try:
                yield str(address + number)
            except ValueError:
                return
