"""What a router key may be used for, applied to a decision. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from engine.keys import RouterKey
from engine.replies import Refused, refusal
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
