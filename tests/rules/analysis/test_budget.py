"""What hard questions may take of a check of a whole file, so that the easy ones are all answered."""

from __future__ import annotations

import pytest

from rules.analysis.budget import EASY, WASTED, Budget, Spent


def taking(budget: Budget, *steps: int) -> list[bool]:
    """Of questions that take so many steps, which are answered."""
    answered = []
    for one in steps:
        try:
            budget.ask()
            budget.step(one)
            answered.append(True)
        except Spent:
            answered.append(False)
    return answered


LIMITED: list[tuple[str, int, list[int], list[bool]]] = [
    ("easy ones take nothing of it", 0, [EASY] * 50, [True] * 50),
    ("a hard one has a share of it", 400, [110, 111], [True, False]),
    ("and the next one less", 400, [110, 90], [True, False]),
    ("once it is spent, easy ones are still answered", 0, [EASY + 1, EASY, EASY + 1, 3], [False, True, False, True]),
    ("what leads nowhere takes several times as much", 400, [111, 10, 11], [False, True, False]),
]  # fmt: skip


@pytest.mark.parametrize(("hard", "steps", "answered"), [row[1:] for row in LIMITED], ids=[row[0] for row in LIMITED])
def test_hard_questions_share_what_there_is(hard: int, steps: list[int], answered: list[bool]) -> None:
    """Each row: the steps there are for hard questions, those that some questions take, which of them are answered."""
    assert taking(Budget(total=10_000, hard=hard), *steps) == answered


def test_questions_that_lead_nowhere_end_the_file() -> None:
    """A thousand steps last for a hundred easy questions, and for a quarter of them where none is answered."""
    assert sum(taking(Budget(total=1_000, hard=0), *[EASY] * 200)) == 100
    budget = Budget(total=1_000, hard=0)
    assert not any(taking(budget, *[EASY + 1] * 200))
    assert budget.used < 1_000 // (WASTED - 1)


def test_what_is_done_aside_takes_nothing_of_it() -> None:
    """Requests that only make proofs clearer leave as much for proofs as there was."""
    budget = Budget(total=10_000, hard=400)
    with budget.aside(300):
        assert taking(budget, 110, 500) == [True, False]
    assert taking(budget, 110) == [True]


def test_making_ready_is_no_question() -> None:
    """What was taken before the first question is not its."""
    budget = Budget(total=10_000, hard=0)
    part = budget.part(2_000)
    part.ask()
    part.step(1_500)
    budget.add(part)
    assert taking(budget, EASY) == [True]
    assert budget.used == 1_500 + EASY


@pytest.mark.parametrize("hard", [None, 0])
def test_without_such_a_limit_a_question_takes_what_it_takes(hard: int | None) -> None:
    """Only a check of a file has one."""
    assert taking(Budget(total=10_000, hard=hard), 1_000) == [hard is None]
