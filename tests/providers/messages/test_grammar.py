"""The grammar table is complete; `tests/test_readme.py` compares its drawing."""

from __future__ import annotations

from providers.messages.grammar import DELTA_MEMBER, DELTAS, NEXT, State


def test_every_state_has_a_row_and_can_be_reached() -> None:
    """No state is without a row, and none but the first without a way to it."""
    assert set(NEXT) == set(State)
    assert {after for events in NEXT.values() for after in events.values()} == set(State) - {State.BEFORE}


def test_every_delta_has_its_member() -> None:
    """Each delta a block takes has a payload."""
    assert {delta for deltas in DELTAS.values() for delta in deltas} == set(DELTA_MEMBER)
