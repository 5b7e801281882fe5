"""Addresses in pieces: each piece's address has the verdicts that the predicates themselves give."""

from __future__ import annotations

from random import Random

import pytest

from rules import nodes
from rules.analysis.addresses import address_pieces
from rules.operands import network_of
from rules.operators import holds_for
from schemas.diagnostics import Span

HERE = Span("", 1, 1, 1, 1)
NETWORKS = ("0.0.0.0/0", "10.0.0.0/8", "10.0.0.0/9", "10.128.0.0/9", "10.1.0.0/16", "10.1.0.7", "127.0.0.0/8", "::/0", "::ffff:0:0/96", "::1", "fe80::/10", "2001:db8::/32")  # fmt: skip
ADDRESSES = ("127.0.0.1", "10.1.0.7", "::1", "::ffff:10.1.0.7", "2001:db8::5", "255.255.255.255", "ffff:" * 7 + "ffff")


def _test(random: Random) -> nodes.Test:
    if random.random() < 0.3:
        return nodes.Test("clientIp", "address", random.choice(ADDRESSES), HERE)
    chosen = random.sample(NETWORKS, random.randint(0, 4))
    return nodes.Test(
        "clientIp", "cidr", tuple(network for one in chosen if (network := network_of(one)) is not None), HERE
    )


@pytest.mark.parametrize("seed", range(60))
def test_each_piece_has_an_address_with_its_verdicts(seed: int) -> None:
    """No combination of verdicts that some address gets is missing, and none is there twice."""
    random = Random(seed)
    tests = [_test(random) for _ in range(random.randint(1, 5))]
    pieces = address_pieces(tests, "127.0.0.1")

    def verdicts(text: str) -> frozenset[int]:
        return frozenset(number for number, test in enumerate(tests) if holds_for(test, text))

    assert [holding for _, _, holding in pieces] == [verdicts(text) for text, _, _ in pieces]
    found = {holding for _, _, holding in pieces}
    assert len(found) == len(pieces)
    assert {verdicts(text) for text in (*ADDRESSES, "9.9.9.9", "10.1.2.3", "fe80::1", "::ffff:9.9.9.9")} <= found
