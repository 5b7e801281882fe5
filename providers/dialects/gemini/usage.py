"""Gemini's token counts as Anthropic means them.

promptTokenCount + toolUsePromptTokenCount = input + cache_read     candidatesTokenCount + thoughtsTokenCount = output
totalTokenCount is the sum of these four
"""

from __future__ import annotations

from providers.dialects.gemini.chunks import Counts
from providers.messages.parts import Usage


def usage_of(counts: Counts) -> Usage:
    """The counts; what is not said stays unsaid, and nothing is negative whatever the numbers are."""
    prompt, cached = _count(counts.prompt_token_count), _count(counts.cached_content_token_count)
    tools, thoughts = _count(counts.tool_use_prompt_token_count), _count(counts.thoughts_token_count)
    candidates, total = _count(counts.candidates_token_count), _count(counts.total_token_count)
    asked = None if prompt is None and tools is None else (prompt or 0) + (tools or 0)
    output = None if candidates is None and thoughts is None else (candidates or 0) + (thoughts or 0)
    if candidates is None and total is not None and asked is not None:
        output = max(total - asked, thoughts or 0)
    read = None if cached is None else min(cached, asked or 0)
    return Usage(
        input=None if asked is None else asked - (read or 0), output=output, cache_read=read, thinking=thoughts
    )


def _count(value: int | None) -> int | None:
    return value if value is not None and value >= 0 else None
