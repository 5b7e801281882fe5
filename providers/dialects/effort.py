"""How much to think, as the level that a target knows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from providers.dialects.losses import Losses

LEVELS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
"""Every level of effort, least first."""


def level_of(
    effort: object, budget: int | None, levels: Sequence[str], budgets: Mapping[str, int], losses: Losses
) -> str | None:
    """The level to send: the effort if given, else the level of the budget; None where the target's default is meant.

    `levels` are those the target knows, `budgets` the least budget in tokens for each level.
    """
    if effort is not None:
        if budget is not None:
            losses.add("thinking.budget_tokens", "the effort says how much to think")
        if effort not in LEVELS:
            losses.add("output_config.effort", "an unknown level")
            return None
        level = nearest(str(effort), levels)
        if level != effort:
            losses.add("output_config.effort", f"`{effort}` is not known here, `{level}` is sent")
        return level
    if budget is None:
        losses.add("thinking", "adaptive thinking without an effort is left to the upstream's default")
        return None
    fitting = [(least, level) for level, least in budgets.items() if budget >= least]
    if not fitting:
        losses.add("thinking.budget_tokens", "below the least budget that has a level")
        return None
    level = nearest(max(fitting)[1], levels)
    losses.add("thinking.budget_tokens", f"a budget becomes a level, `{level}` is sent")
    return level


def nearest(wanted: str, known: Sequence[str]) -> str | None:
    """The wanted level if known, else the nearest known below, else the least known above `none`."""
    ranked = sorted((level for level in known if level != "none"), key=LEVELS.index)
    below = [level for level in ranked if LEVELS.index(level) <= LEVELS.index(wanted)]
    return below[-1] if below else (ranked[0] if ranked else None)
