"""Thinking and effort as the upstream asks for them.

| client | `reasoning_effort` | `reasoning` | `thinking` | `enable_thinking` |
|---|---|---|---|---|
| effort `high` | `high` | `{"effort": "high"}` | `{"type": "enabled"}` | true |
| enabled, 10000 tokens | the level of the budget | `{"max_tokens": 10000}` | `{"type": "enabled"}` | true, `thinking_budget` 10000 |
| adaptive alone | nothing: the model's own default | `{"enabled": true}` | `{"type": "enabled"}` | true |
| disabled | `none` or `minimal` where known | `{"enabled": false}` | `{"type": "disabled"}` | false |
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from providers.dialects.effort import level_of
from providers.dialects.losses import Losses
from providers.dialects.openai.options import Options
from providers.spec import ModelSpec
from schemas.request import MessagesRequest


def is_reasoner(options: Options, model: ModelSpec | None) -> bool:
    """Whether the target is known to think: the model lists the capability `thinking`, or the settings say always."""
    if options.reasoning == "always":
        return True
    return model is not None and model.capabilities is not None and "thinking" in model.capabilities


def reasoning_of(request: MessagesRequest, options: Options, model: ModelSpec | None, losses: Losses) -> dict[str, Any]:
    """The members of the body that ask for (or forbid) thinking, possibly none."""
    thinking: Mapping[str, Any] = request.thinking or {}
    mode = thinking.get("type")
    effort = (request.output_config or {}).get("effort")
    if mode is None and effort is None:
        return {}
    if options.reasoning == "never" or not (is_reasoner(options, model) or _is_own_word(request, model)):
        why = "`reasoning` is `never`" if options.reasoning == "never" else "the model does not list `thinking`"
        if mode not in (None, "disabled"):
            losses.add("thinking", why)
        if effort is not None:
            losses.add("output_config.effort", why)
        return {}
    if "display" in thinking:
        losses.add("thinking.display", "the upstream shows its thinking in its own way")
    if mode == "disabled":
        if effort is not None:
            losses.add("output_config.effort", "thinking is disabled")
        return without_reasoning(options, losses)
    budget = thinking.get("budget_tokens")
    budget = budget if isinstance(budget, int) and mode == "enabled" else None
    return _enabled(options, effort, budget, losses)


def _is_own_word(request: MessagesRequest, model: ModelSpec | None) -> bool:
    """Whether the client wrote this API's own `reasoning_effort`, and nothing is known of the model: then it knows best."""
    return request.origin == "chat" and (model is None or model.capabilities is None)


def without_reasoning(options: Options, losses: Losses) -> dict[str, Any]:
    """The members that forbid thinking."""
    match options.reasoning_field:
        case "reasoning":
            return {"reasoning": {"enabled": False}}
        case "thinking":
            return {"thinking": {"type": "disabled"}}
        case "enable_thinking":
            return {"enable_thinking": False}
        case _:
            least = next((level for level in ("none", "minimal") if level in options.reasoning_levels), None)
            if least is None:
                losses.add("thinking", "the upstream has no level without thinking")
                return {}
            return {"reasoning_effort": least}


def _enabled(options: Options, effort: object, budget: int | None, losses: Losses) -> dict[str, Any]:
    match options.reasoning_field:
        case "thinking":
            _lose(effort, budget, "the upstream knows only whether to think", losses)
            return {"thinking": {"type": "enabled"}}
        case "enable_thinking":
            _lose(effort, None, "the upstream knows only whether to think", losses)
            return {"enable_thinking": True} | ({} if budget is None else {"thinking_budget": budget})
        case "reasoning":
            if effort is None and budget is not None:
                return {"reasoning": {"max_tokens": budget}}
            level = level_of(effort, budget, options.reasoning_levels, options.reasoning_budgets, losses)
            return {"reasoning": {"enabled": True} if level is None else {"effort": level}}
        case _:
            level = level_of(effort, budget, options.reasoning_levels, options.reasoning_budgets, losses)
            return {} if level is None else {"reasoning_effort": level}


def _lose(effort: object, budget: int | None, why: str, losses: Losses) -> None:
    if effort is not None:
        losses.add("output_config.effort", why)
    if budget is not None:
        losses.add("thinking.budget_tokens", why)
