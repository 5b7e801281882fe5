"""A chat request's Messages body, made to fit a target that takes such bodies and is strict about them.

What a client of the Messages API writes is its own affair and passes as it is; what was made of a chat request is ours.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec
from msgspec.structs import replace

from providers.dialects.effort import nearest
from providers.dialects.losses import Losses
from providers.dialects.unsent import lose_chat_only
from providers.spec import ModelSpec
from schemas.decode_request import decode_request
from schemas.request import MessagesRequest

EFFORTS = ("low", "medium", "high", "xhigh", "max")
"""The efforts that the Messages API knows."""

BUDGETS = {"minimal": 1024, "low": 2048, "medium": 8192, "high": 16384, "xhigh": 24576, "max": 32768}
"""Effort -> thinking tokens, for models that are told a budget."""

LEAST_BUDGET = 1024
DATED = "2026-08"

_NO_THINKING = re.compile(r"claude-(?:2|instant|3-(?:5-)?(?:haiku|opus|sonnet))")
_BY_BUDGET = re.compile(r"claude-(?:3-7|(?:opus|sonnet|haiku)-4(?:-[015])?(?:-\d{8}|@|-v\d|$))")
"""Models, as of `DATED`, that do not think, and those that think by a budget; any other Claude thinks adaptively."""


def fitted(request: MessagesRequest, model: str, spec: ModelSpec | None, losses: Losses) -> MessagesRequest:
    """The request for the target's `model`; the same object where a Messages client wrote it itself."""
    if request.origin == "messages":
        return request
    lose_chat_only(request, (), losses)
    body: dict[str, Any] = msgspec.json.decode(request.raw)
    most = spec.max_output_tokens if spec is not None else None
    if request.max_tokens is None:
        if most is not None:
            body["max_tokens"] = most
        losses.add("max_tokens", f"the client named none and the format demands one: {body['max_tokens']} are sent")
    _fit_thinking(body, model, losses)
    _fit_sampling(body, losses)
    made = decode_request(msgspec.json.encode(body))
    return replace(made, origin=request.origin)


def _fit_thinking(body: dict[str, Any], model: str, losses: Losses) -> None:
    config = body.get("output_config", {})
    effort = config.get("effort")
    if effort is None or body.get("thinking", {}).get("type") != "adaptive":
        return
    name = model.replace(".", "-")  # some upstreams call `claude-sonnet-4-5` `claude-sonnet-4.5`
    if _NO_THINKING.search(name):
        losses.add("reasoning_effort", f"`{model}` does not think")
        del body["thinking"], config["effort"]
    elif _BY_BUDGET.search(name):
        del config["effort"]
        budget = min(BUDGETS[effort], body["max_tokens"] - 1)
        if budget >= LEAST_BUDGET:
            body["thinking"] = {"type": "enabled", "budget_tokens": budget}
            losses.add("reasoning_effort", f"`{model}` is told a budget: {budget} tokens")
        else:
            del body["thinking"]
            losses.add("reasoning_effort", f"no thinking budget fits into {body['max_tokens']} tokens")
    elif effort not in EFFORTS:
        config["effort"] = nearest(effort, EFFORTS)
        losses.add("reasoning_effort", f"`{effort}` is not known here, `{config['effort']}` is sent")
    if not config:
        body.pop("output_config", None)


def _fit_sampling(body: dict[str, Any], losses: Losses) -> None:
    thinks = body.get("thinking", {}).get("type") in ("enabled", "adaptive")
    if thinks:
        for name in ("temperature", "top_k", "top_p"):
            if body.pop(name, 1) != 1:
                losses.add(name, "it cannot be set together with thinking")
        if body.get("tool_choice", {}).get("type") in ("any", "tool"):
            body["tool_choice"] = {**body["tool_choice"], "type": "auto"}
            body["tool_choice"].pop("name", None)
            losses.add("tool_choice", "a call cannot be forced together with thinking")
    if body.get("temperature", 0) > 1:
        losses.add("temperature", f"{body['temperature']} is over the format's limit, 1 is sent")
        body["temperature"] = 1
    if "temperature" in body and "top_p" in body:
        losses.add("top_p", "newer models take `temperature` or `top_p`, not both")
        del body["top_p"]
