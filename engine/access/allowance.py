"""What a router key may be used for, applied to a decision. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from engine.access.keys import RouterKey
from engine.replies import Refused, refusal
from engine.usage.budgets import Ledger
from providers.plan import PlannedTarget
from rules.nodes import Decision


def admitted(key: RouterKey, decision: Decision, targets: Sequence[PlannedTarget]) -> Sequence[PlannedTarget]:
    """The targets that the key may use, in their order; others are never tried.

    Raises `Refused` (403) where none is left, or where the key may not use what the decision's category is: a request
    that a rule or its model decided has none, so a key for some categories only may not make it.
    """
    if not key.allow.admits_category(decision.category):
        what = f"category `{decision.category}`" if decision.category is not None else f"rule `{decision.rule}`"
        raise Refused(refusal(403, f"the router key `{key.name}` may not use {what}"))
    left = [target for target in targets if key.allow.admits_target(target.pool.name, target.model)]
    if not left:
        first = f"{targets[0].pool.name},{targets[0].model}"
        raise Refused(refusal(403, f"the router key `{key.name}` may not use `{first}`, nor what stands in for it"))
    return left


def check_budgets(key: RouterKey, ledger: Ledger | None, now: float) -> None:
    """Raises `Refused` (429) while a budget of the key is spent; `now` is in seconds since the epoch."""
    for name in key.budgets if ledger is not None else ():
        until = ledger.at(now).spent_until(name) if ledger is not None else None
        if until is None:
            continue
        wait_s = max(1, math.ceil(until - now))
        message = f"{_spent(key, name)}; it begins anew in {wait_s} s"
        raise Refused(
            replace(refusal(429, message), headers=(("retry-after", str(wait_s)), ("x-should-retry", "false")))
        )


def check_states(key: RouterKey, states: Mapping[str, str]) -> None:
    """Raises `Refused` (429) where a budget of the key is spent, by the states of budgets alone."""
    for name in key.budgets:
        if states.get(name) == "spent":
            raise Refused(refusal(429, _spent(key, name)))


def _spent(key: RouterKey, budget: str) -> str:
    return f"budget `{budget}` of the router key `{key.name}` is spent"
