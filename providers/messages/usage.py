"""Token counts: how they add up over a reply, and how Anthropic writes them."""

from __future__ import annotations

from providers.messages.parts import Usage


def merged(before: Usage, after: Usage) -> Usage:
    """The counts so far: what `after` says replaces, what it leaves out stays. Counts are cumulative, never summed."""
    return Usage(
        input=before.input if after.input is None else after.input,
        output=before.output if after.output is None else after.output,
        cache_read=before.cache_read if after.cache_read is None else after.cache_read,
        cache_write=before.cache_write if after.cache_write is None else after.cache_write,
        thinking=before.thinking if after.thinking is None else after.thinking,
        web_searches=before.web_searches if after.web_searches is None else after.web_searches,
    )


def start_usage(usage: Usage, input_estimate: int | None) -> dict[str, object]:
    """The `usage` of `message_start` and of a whole message: every member clients look for, 0 where nothing was said."""
    members: dict[str, object] = {
        "input_tokens": (input_estimate or 0) if usage.input is None else usage.input,
        "cache_creation_input_tokens": usage.cache_write or 0,
        "cache_read_input_tokens": usage.cache_read or 0,
        "output_tokens": usage.output or 0,
    }
    return members | _details(usage)


def delta_usage(usage: Usage) -> dict[str, object]:
    """The `usage` of `message_delta`: what is known, so that an estimate in `message_start` is not overwritten by a 0."""
    known = {
        "input_tokens": usage.input,
        "cache_creation_input_tokens": usage.cache_write,
        "cache_read_input_tokens": usage.cache_read,
    }
    members: dict[str, object] = {name: count for name, count in known.items() if count is not None}
    return members | {"output_tokens": usage.output or 0} | _details(usage)


def _details(usage: Usage) -> dict[str, object]:
    members: dict[str, object] = {}
    if usage.thinking is not None:
        members["output_tokens_details"] = {"thinking_tokens": usage.thinking}
    if usage.web_searches is not None:
        members["server_tool_use"] = {"web_search_requests": usage.web_searches}
    return members
