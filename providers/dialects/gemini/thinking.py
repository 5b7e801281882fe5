"""Thinking and effort as `thinkingConfig`.

| client | by level | by budget |
|---|---|---|
| effort `high` | `HIGH` | the budget of `high` in `thinkingBudgets` |
| enabled, 10000 tokens | the level of the budget | 10000, at most the largest of `thinkingBudgets` |
| adaptive alone | nothing: the model's own default | nothing |
| disabled | the least level | 0, or the least where the model always thinks |

Thoughts are asked for (`includeThoughts`) exactly when the client wants to read them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from providers.dialects.effort import LEVELS, level_of, nearest
from providers.dialects.gemini.settings import Options
from providers.dialects.losses import Losses
from providers.spec import ModelSpec
from schemas.request import MessagesRequest

LEAST_BUDGET_OF_PRO = 128
"""The `pro` models of generation 2.5 cannot be told not to think."""


def wants_thoughts(request: MessagesRequest) -> bool:
    """Whether the client asked to read what the model thinks."""
    thinking = request.thinking or {}
    return thinking.get("type") in ("enabled", "adaptive") and thinking.get("display") != "omitted"


def thinking_of(
    ask_model: str,
    request: MessagesRequest,
    options: Options,
    model: ModelSpec | None,
    generation: float,
    losses: Losses,
) -> dict[str, Any]:
    """The member `thinkingConfig`, where there is one."""
    thinking: Mapping[str, Any] = request.thinking or {}
    mode = thinking.get("type")
    effort = (request.output_config or {}).get("effort")
    if mode is None and effort is None:
        return {}
    if not _thinks(options, model, generation):
        why = "`thinking` is `never`" if options.thinking == "never" else "the model is not known to think"
        if mode not in (None, "disabled"):
            losses.add("thinking", why)
        if effort is not None:
            losses.add("output_config.effort", why)
        return {}
    by_level = options.thinking_field == "level" or (options.thinking_field == "auto" and generation >= 3)
    if mode == "disabled":
        if effort is not None:
            losses.add("output_config.effort", "thinking is disabled")
        config = _least(ask_model, options, by_level, losses)
    else:
        budget = thinking.get("budget_tokens")
        budget = budget if isinstance(budget, int) and mode == "enabled" else None
        config = _level(effort, budget, options, losses) if by_level else _budget(effort, budget, options, losses)
    if wants_thoughts(request):
        config["includeThoughts"] = True
    return {"thinkingConfig": config} if config else {}


def _thinks(options: Options, model: ModelSpec | None, generation: float) -> bool:
    if options.thinking != "auto":
        return options.thinking == "always"
    if model is not None and model.capabilities is not None:
        return "thinking" in model.capabilities
    return generation >= 2.5


def _least(ask_model: str, options: Options, by_level: bool, losses: Losses) -> dict[str, Any]:
    if by_level:
        least = min(options.thinking_levels, key=LEVELS.index, default=None)
        losses.add("thinking", f"the model always thinks, `{least}` is sent" if least else "the model always thinks")
        return {"thinkingLevel": least.upper()} if least else {}
    if "pro" in ask_model:
        losses.add("thinking", f"the model always thinks, {LEAST_BUDGET_OF_PRO} tokens are sent")
        return {"thinkingBudget": LEAST_BUDGET_OF_PRO}
    return {"thinkingBudget": 0}


def _level(effort: object, budget: int | None, options: Options, losses: Losses) -> dict[str, Any]:
    level = level_of(effort, budget, options.thinking_levels, options.thinking_budgets, losses)
    return {} if level is None else {"thinkingLevel": level.upper()}


def _budget(effort: object, budget: int | None, options: Options, losses: Losses) -> dict[str, Any]:
    budgets = options.thinking_budgets
    if effort in LEVELS and budgets:
        if budget is not None:
            losses.add("thinking.budget_tokens", "the effort says how much to think")
        level = nearest(str(effort), tuple(budgets))
        if level is None:
            losses.add("output_config.effort", "no budget is set for any level")
            return {}
        losses.add("output_config.effort", f"a level becomes a budget, that of `{level}` is sent")
        return {"thinkingBudget": budgets[level]}
    if effort is not None:
        losses.add("output_config.effort", "an unknown level")
    if budget is None:
        return {}
    most = max(budgets.values(), default=budget)
    if budget > most:
        losses.add("thinking.budget_tokens", f"{most} is the most that is sent")
    return {"thinkingBudget": min(budget, most)}
