"""Token counts of Chat Completions as Anthropic means them.

OpenAI's `prompt_tokens` includes what the cache served; Anthropic's `input_tokens` does not. `completion_tokens`
includes `reasoning_tokens`, as Anthropic's `output_tokens` includes thinking; xAI and Google count thinking beside it,
which only their `total_tokens` shows.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from providers.messages.parts import Usage


def usage_of(value: Any) -> Usage | None:
    """The counts in a `usage` object; None where it holds none. Whatever the upstream says, no count is negative."""
    if not isinstance(value, dict):
        return None
    prompt_details = _details(value, "prompt_tokens_details", "input_tokens_details")
    completion_details = _details(value, "completion_tokens_details", "output_tokens_details")
    prompt = _count(value, "prompt_tokens", "input_tokens")
    output = _count(value, "completion_tokens", "output_tokens")
    total = _count(value, "total_tokens")
    thinking = read = write = searches = None
    if completion_details:
        thinking = _count(completion_details, "reasoning_tokens", "thinking_tokens")
    if prompt_details:
        read = _count(prompt_details, "cached_tokens")
        write = _count(prompt_details, "cache_write_tokens", "cache_creation_tokens", "cache_creation_input_tokens")
    if not _OF_SOME.isdisjoint(value):
        if thinking is None:
            thinking = _count(value, "reasoning_tokens")
        if read is None:
            read = _count(value, "prompt_cache_hit_tokens", "cached_tokens", "cache_read_input_tokens")
        if write is None:
            write = _count(value, "cache_creation_input_tokens")
        searches = _searches(value)
    if prompt is not None and total is not None:
        output = _output(output, total - prompt, thinking)
    # Anthropic's own names mean Anthropic's own arithmetic.
    excludes_cache = "prompt_tokens" not in value and "cache_read_input_tokens" in value
    if prompt is not None and not excludes_cache:
        read = None if read is None else min(read, prompt)
        write = None if write is None else min(write, prompt - (read or 0))
        prompt -= (read or 0) + (write or 0)
    usage = Usage(
        input=prompt,
        output=output,
        cache_read=read,
        cache_write=write,
        thinking=thinking,
        web_searches=searches,
    )
    return usage if usage != _NOTHING else None


_NOTHING = Usage()

_OF_SOME = frozenset(
    (
        "cache_creation_input_tokens",
        "cache_read_input_tokens",
        "cached_tokens",
        "num_search_queries",
        "prompt_cache_hit_tokens",
        "reasoning_tokens",
        "server_tool_use",
    )
)
"""Members that few upstreams have."""


def _output(output: int | None, rest: int, thinking: int | None) -> int | None:
    """All that was given out, where `rest` is the total without the prompt: with the thinking that was counted beside the answer."""
    if output is None:
        return max(rest, 0)
    beside = rest - output
    return rest if beside > 0 and thinking in (None, beside) else output


def _searches(value: Mapping[str, Any]) -> int | None:
    searches = _count(value, "num_search_queries")
    return searches if searches is not None else _count(_details(value, "server_tool_use"), "web_search_requests")


def _details(value: Mapping[str, Any], *names: str) -> Mapping[str, Any]:
    for name in names:
        found = value.get(name)
        if isinstance(found, dict):
            return found
    return {}


def _count(value: Mapping[str, Any], *names: str) -> int | None:
    """The first of these members that is a count: a whole number, however it is written."""
    for name in names:
        count = value.get(name)
        if type(count) is int and count >= 0:
            return count
        if count is None:
            continue
        if isinstance(count, str) and count.isascii() and count.isdigit():
            count = int(count[:15])
        if isinstance(count, float) and count.is_integer():
            count = int(count)
        if type(count) is int and count >= 0:
            return count
    return None
