"""The retry budget of the process."""

from __future__ import annotations

from providers.retry_budget import RetryBudget


def test_retries_are_a_share_of_requests_beside_a_few_per_second() -> None:
    """An empty budget gains a fifth of a retry per request and ten per second, up to its cap."""
    budget = RetryBudget(tokens=0.0)
    for _ in range(5):
        budget.earn(0.0)

    assert [budget.spend(0.0), budget.spend(0.0)] == [True, False]
    assert [budget.spend(0.15), budget.spend(0.15)] == [True, False]
    budget.earn(1_000.0)
    assert budget.tokens == budget.most


def test_clock_that_steps_back_earns_nothing() -> None:
    """Time that runs backwards neither pays nor takes."""
    budget = RetryBudget(tokens=0.0, at=100.0)

    assert not budget.spend(50.0)
    assert (budget.tokens, budget.at) == (0.0, 100.0)
