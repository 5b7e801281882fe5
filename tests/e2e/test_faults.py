"""`make faults`: runs every row of the fault laboratory and prints the table."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import pytest

from tests.e2e.crowds import CROWDS, beside
from tests.e2e.faults import ROWS, Row, Tally, table
from tests.e2e.storms import STORMS

pytestmark = pytest.mark.faults


@pytest.fixture(scope="module")
def found() -> Iterator[list[tuple[Row, Tally]]]:
    """What the rows gave, printed at the end."""
    rows: list[tuple[Row, Tally]] = []
    yield rows
    print("\n" + table(rows))


BESIDE = [
    Row(name, partial(beside, crowd, **connections), all_right=True) for name, (crowd, connections) in CROWDS.items()
]


@pytest.mark.parametrize("row", [*ROWS, *STORMS, *BESIDE], ids=lambda row: row.name)
def test_nothing_is_lost_or_doubled(row: Row, found: list[tuple[Row, Tally]]) -> None:
    """Every request ends in a whole reply or a proper error, no tool call comes twice, and a healthy instance is used."""
    tally = row.run()
    found.append((row, tally))
    assert tally.sent, "nothing was sent"
    assert (tally.lost, tally.doubled) == (0, 0), tally
    if row.all_right:
        assert tally.right == tally.sent, tally
