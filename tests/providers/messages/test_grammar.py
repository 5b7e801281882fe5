"""The grammar table: complete, and drawn as it is."""

from __future__ import annotations

from pathlib import Path

from providers.messages.grammar import DELTA_MEMBER, DELTAS, NEXT, State, drawing

README = Path(__file__).resolve().parents[3] / "providers" / "messages" / "README.md"
BEGIN, END = "<!-- grammar: begin -->\n", "<!-- grammar: end -->"


def test_every_state_has_a_row_and_can_be_reached() -> None:
    """No state is without a row, and none but the first without a way to it."""
    assert set(NEXT) == set(State)
    assert {after for events in NEXT.values() for after in events.values()} == set(State) - {State.BEFORE}


def test_every_delta_has_its_member() -> None:
    """Each delta a block takes has a payload."""
    assert {delta for deltas in DELTAS.values() for delta in deltas} == set(DELTA_MEMBER)


def test_the_readme_shows_the_table() -> None:
    """The drawing in the README is the table's; `python -m providers.messages.grammar` prints it."""
    shown = README.read_text("utf-8").partition(BEGIN)[2].partition(END)[0]
    assert shown == drawing()
