"""Thinking and effort as `reasoning`, and whether reasoning is asked for in a form that can be sent back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from providers.dialects.effort import level_of
from providers.dialects.losses import Losses
from providers.dialects.openai_responses.settings import Options
from providers.spec import ModelSpec
from schemas.request import MessagesRequest

ENCRYPTED = "reasoning.encrypted_content"
"""What `include` names so that an item of reasoning can be sent back although nothing is stored."""


def is_reasoner(options: Options, model: ModelSpec | None) -> bool:
    """Whether the target is known to reason: the model lists the capability `thinking`, or the settings say always."""
    if options.reasoning != "auto":
        return options.reasoning == "always"
    return model is not None and model.capabilities is not None and "thinking" in model.capabilities


def sends_reasoning(options: Options, model: ModelSpec | None) -> bool:
    """Whether earlier reasoning is part of the conversation."""
    return options.thinking_history == "encrypted" and is_reasoner(options, model)


def reasoning_of(request: MessagesRequest, options: Options, model: ModelSpec | None, losses: Losses) -> dict[str, Any]:
    """The member `reasoning`, where there is one."""
    thinking: Mapping[str, Any] = request.thinking or {}
    mode = thinking.get("type")
    effort = (request.output_config or {}).get("effort")
    if mode is None and effort is None:
        return {}
    if not is_reasoner(options, model) and not _is_own_word(request, options, model):
        why = "`reasoning` is `never`" if options.reasoning == "never" else "the model does not list `thinking`"
        if mode not in (None, "disabled"):
            losses.add("thinking", why)
        if effort is not None:
            losses.add("output_config.effort", why)
        return {}
    if mode == "disabled":
        if effort is not None:
            losses.add("output_config.effort", "thinking is disabled")
        return _disabled(options, losses)
    budget = thinking.get("budget_tokens")
    budget = budget if isinstance(budget, int) and mode == "enabled" else None
    level = level_of(effort, budget, options.reasoning_levels, options.reasoning_budgets, losses)
    out: dict[str, Any] = {} if level is None else {"effort": level}
    if mode is not None and thinking.get("display") != "omitted" and options.reasoning_summary != "none":
        out["summary"] = options.reasoning_summary
    return {"reasoning": out} if out else {}


def _is_own_word(request: MessagesRequest, options: Options, model: ModelSpec | None) -> bool:
    """Whether the client wrote OpenAI's own `reasoning_effort`, and nothing is known of the model: then it knows best."""
    unknown = model is None or model.capabilities is None
    return request.origin == "chat" and unknown and options.reasoning != "never"


def _disabled(options: Options, losses: Losses) -> dict[str, Any]:
    least = next((level for level in ("none", "minimal") if level in options.reasoning_levels), None)
    if least is None:
        losses.add("thinking", "the upstream has no level without thinking")
        return {}
    return {"reasoning": {"effort": least}}
