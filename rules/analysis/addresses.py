"""The pieces of an address: addresses of both versions, cut at the ends of networks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from ipaddress import IPv4Address, IPv6Address

from rules.nodes import Test
from rules.operators import Network, address_of, holds_for

MAX_TRIES = 1_000


def address_pieces(tests: Sequence[Test], usual: str) -> list[tuple[str, bool, frozenset[int]]]:
    """One address of each piece, whether it is the only one, and the predicates (by number) that hold for it."""
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
        candidates += [str(make(first)) for first in sorted(firsts) if first < 1 << (32 if version == 4 else 128)]
    pieces: dict[frozenset[int], tuple[str, bool, frozenset[int]]] = {}
    for text in candidates:
        verdicts = frozenset(number for number, test in enumerate(tests) if holds_for(test, text))
        pieces.setdefault(verdicts, (text, text in single, verdicts))
    return list(pieces.values())


def addresses_after(text: str) -> Iterator[str]:
    """Some that follow an address."""
    address = address_of(text)
    if address is not None:
        for number in range(1, MAX_TRIES):
            try:
                yield str(address + number)
            except ValueError:
                return
