"""Everything of a chat request that is neither its conversation nor its tools."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from providers.chat.reading import (
    object_at,
    optional_int,
    optional_number,
    optional_object,
    optional_text,
    under,
    unsupported,
    wrong_type,
    wrong_value,
)
from providers.dialects.effort import LEVELS
from providers.dialects.losses import Losses

READ = frozenset(
    (
        "model", "messages", "tools", "tool_choice", "functions", "function_call", "parallel_tool_calls",
        "web_search_options", "max_tokens", "max_completion_tokens", "temperature", "top_p", "top_k", "stop",
        "reasoning_effort", "response_format", "user", "safety_identifier", "stream", "stream_options", "n", "modalities",
    )
)  # fmt: skip
"""Members that are looked at somewhere; every other one is listed as lost, with the reason in `LOST` or that it is unknown."""

LOST: Mapping[str, str] = {
    "audio": "audio cannot be passed on",
    "frequency_penalty": "a Messages request has no penalties",
    "presence_penalty": "a Messages request has no penalties",
    "logit_bias": "a Messages request has no biases",
    "logprobs": "a Messages reply has no probabilities",
    "top_logprobs": "a Messages reply has no probabilities",
    "metadata": "it is for completions that the vendor stores",
    "moderation": "it is for the vendor only",
    "prediction": "a Messages request predicts nothing",
    "prompt_cache_key": "a Messages request has no such member",
    "prompt_cache_options": "a Messages request marks its parts instead",
    "prompt_cache_retention": "a Messages request marks its parts instead",
    "seed": "a Messages request has no seed",
    "service_tier": "tiers of one vendor mean nothing to another",
    "store": "the reply is not stored",
    "verbosity": "a Messages request has no such member",
}
"""Member -> why it is not passed on; values that ask for nothing (null, false, 0, empty) are not listed."""


def settings_of(body: Mapping[str, Any], losses: Losses) -> dict[str, Any]:
    """The members of the Messages request. Raises `BadChat`."""
    _refuse_what_cannot_be(body)
    settings: dict[str, Any] = {}
    for name in ("temperature", "top_p"):
        if (number := optional_number(body, name)) is not None:
            settings[name] = number
    if (top_k := optional_int(body, "top_k")) is not None:
        settings["top_k"] = top_k
    if stops := _stops(body, losses):
        settings["stop_sequences"] = stops
    settings |= _effort(body)
    if (form := _format(body, losses)) is not None:
        settings["output_config"] = {**settings.get("output_config", {}), "format": form}
    user = optional_text(body, "safety_identifier") or optional_text(body, "user")
    if user:
        settings["metadata"] = {"user_id": user}
    for name, value in body.items():
        if name not in READ and value not in (None, False, 0, "", [], {}):
            losses.add(name, LOST.get(name, "not known to this router"))
    return settings


def max_tokens_of(body: Mapping[str, Any]) -> int | None:
    """The limit the client named, by its newer or its older name."""
    newer = optional_int(body, "max_completion_tokens")
    older = optional_int(body, "max_tokens")
    name, limit = ("max_completion_tokens", newer) if newer is not None else ("max_tokens", older)
    if limit is not None and limit < 1:
        raise wrong_value(name, "expected a value >= 1")
    return limit


def _refuse_what_cannot_be(body: Mapping[str, Any]) -> None:
    count = optional_int(body, "n")
    if count is not None and count != 1:
        raise unsupported("n", "one request gives one reply here, ask again for another")
    modalities = body.get("modalities")
    if modalities is not None and modalities != ["text"]:
        raise unsupported("modalities", "only text can be passed on")


def _stops(body: Mapping[str, Any], losses: Losses) -> list[str]:
    given = body.get("stop")
    stops = [given] if isinstance(given, str) else given
    if stops is None:
        return []
    if not isinstance(stops, list):
        raise wrong_type("stop", given, "one of a string or array of strings")
    for index, stop in enumerate(stops):
        if not isinstance(stop, str):
            raise wrong_type(f"stop[{index}]", stop, "a string")
    kept = [stop for stop in stops if stop.strip()]
    losses.add("stop", "white space alone ends no Messages reply", len(stops) - len(kept))
    return kept


def _effort(body: Mapping[str, Any]) -> dict[str, Any]:
    """`reasoning_effort` as adaptive thinking with an effort, which each target is sent in its own way."""
    effort = optional_text(body, "reasoning_effort")
    if effort is None:
        return {}
    if effort not in LEVELS:
        raise wrong_value("reasoning_effort", f"`{effort}` is none of {', '.join(f'`{level}`' for level in LEVELS)}")
    if effort == "none":
        return {"thinking": {"type": "disabled"}}
    return {"thinking": {"type": "adaptive"}, "output_config": {"effort": effort}}


def _format(body: Mapping[str, Any], losses: Losses) -> dict[str, Any] | None:
    form = optional_object(body, "response_format")
    if form is None:
        return None
    match optional_text(form, "type", "response_format"):
        case "text" | None:
            return None
        case "json_object":
            losses.add(
                "response_format", "a Messages request promises JSON only of a schema; the prompt still asks for it"
            )
            return None
        case "json_schema":
            place = "response_format.json_schema"
            schema = object_at(object_at(form, "json_schema", "response_format"), "schema", place)
            return {"type": "json_schema", "schema": schema}
        case kind:
            raise wrong_value(under("response_format", "type"), f"`{kind}` is not a form this router knows")
