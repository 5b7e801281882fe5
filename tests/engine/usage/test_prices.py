"""What the tokens of a reply cost."""

from __future__ import annotations

from decimal import Decimal

import pytest

from engine.usage.prices import Prices, cost_of
from providers.messages.parts import Usage
from tests.fakes.gateway import checked

TEXT = """
providers:
  a:
    type: static
    settings: {models: [m, {name: own, price: {input: 1, output: 2}}, both]}
  b: {type: static, settings: {models: [m]}}
routing: {defaultProvider: a}
usage:
  currency: EUR
  prices:
    "a,m": {input: 3, output: 15, cacheRead: 0.3, cacheWrite: 3.75}
    "a,glob-*": {input: 5, output: 5}
    "a,glob-?": {input: 9, output: 9}
    "a,in-only": {input: 1}
    a: {input: 10, output: 20, thinking: 30}
"""


def prices() -> Prices:
    built = checked(TEXT).built
    assert built is not None
    return built.prices


ROWS = [
    ("each kind at its price", "a", "m", Usage(1000, 100, 10_000, 2000), "0.0150"),
    ("not one cent is lost", "a", "m", Usage(1, 0, 1, 1), "0.00000705"),
    ("a pattern", "a", "glob-x", Usage(1_000_000, 0), "5"),
    ("the model's own, before the provider's", "a", "own", Usage(1_000_000, 1_000_000), "3"),
    ("cache without a price of its own, as input", "a", "own", Usage(0, 0, 1_000_000, 1_000_000), "2"),
    ("the provider's", "a", "whatever", Usage(1_000_000, 0), "10"),
    ("thinking is a part of the output", "a", "whatever", Usage(0, 1_000_000, thinking=400_000), "24"),
    ("thinking as output", "a", "m", Usage(0, 1_000_000, thinking=400_000), "15"),
    ("nothing used", "a", "m", Usage(0, 0), "0"),
    ("no price", "b", "m", Usage(1, 1), None),
    ("no price for output", "a", "in-only", Usage(1, 1), None),
    ("no output", "a", "in-only", Usage(1_000_000, 0), "1"),
    ("nothing was counted", "a", "m", Usage(), None),
]


@pytest.mark.parametrize(
    ("provider", "model", "usage", "cost"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS]
)
def test_cost_of_a_reply(provider: str, model: str, usage: Usage, cost: str | None) -> None:
    """The nearest price counts for each kind of token, and what has none has no cost, which is not a cost of 0."""
    assert cost_of(prices(), provider, model, usage) == (None if cost is None else Decimal(cost))


def test_prices_say_their_currency_and_whether_there_are_any() -> None:
    """All prices of a file are in one currency."""
    assert (prices().currency, bool(prices()), bool(Prices())) == ("EUR", True, False)
