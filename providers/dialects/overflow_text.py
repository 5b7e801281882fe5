"""How upstreams say that a prompt is too long, in the words that make the client compact it."""

from __future__ import annotations

import re


def prompt_too_long(message: str) -> str:
    """Anthropic's wording for an overflow, with the numbers where the upstream named them.

    The client reads it: it compacts when the prompt is too long, and lowers `max_tokens` when only both together are.
    """
    for pattern in _TOGETHER:
        if found := pattern.search(message):
            counts = {name: _count(text or "") for name, text in found.groupdict().items()}
            prompt = counts["input"] + counts.get("tools", 0)
            if prompt <= counts["limit"]:
                return (
                    f"input length and `max_tokens` exceed context limit: {prompt} + {counts['output']} > "
                    f"{counts['limit']}, decrease input length or `max_tokens` and try again"
                )
    limit = _first(_LIMITS, message)
    asked = _first(_ASKED, message)
    if limit is not None and asked is not None:
        return f"prompt is too long: {asked} tokens > {limit} maximum"
    return f"prompt is too long: {message}" if message else "prompt is too long"


_COUNT = r"([0-9][0-9,_]*)"


def _with_count(*patterns: str) -> tuple[re.Pattern[str], ...]:
    """The patterns, in which `N` stands for a count of tokens."""
    return tuple(re.compile(pattern.replace("N", _COUNT), re.IGNORECASE) for pattern in patterns)


_LIMITS = _with_count(
    r"> N maximum",
    r"maximum context length(?: is| of|:) N",
    r"N maximum context length",
    r"maximum prompt length is N",
    r"maximum model length of N",
    r"context length (?:is only|is|of only|of) N",
    r"context length \(N tokens",
    r"context (?:window|size)[^0-9]{0,30}N",
    r"maximum (?:number of tokens )?(?:allowed )?\(?N",
    r"limit(?: is| of|:) N",
    r"n_ctx:? \(?N",
    r"max size: N tokens",
    r"length should be \[1, N\]",
    r"must be <= N",
    r"must have less than N tokens",
)
_ASKED = _with_count(
    r"resulted in N tokens",
    r"requested (?:about |a total of )?N tokens",
    r"\(requested: N\)",
    r"contains (?:at least )?N (?:input )?tokens",
    r"(?:has|passed) N input tokens",
    r"input token count \(?N",
    r"token count of N",
    r"(?:request|input) \(N tokens\)",
    r"prompt \(length N\)",
    r"prompt (?:is too long: |has |of )N",
    r"the first N tokens",
    r"n_keep:? \(?N",
    r"current length is N",
    r"given: N\b",
    r"N tokens >",
)
_TOGETHER = (
    re.compile(
        r"maximum context length is (?P<limit>[0-9,]+).{0,80}requested (?:about )?[0-9,]+ tokens "
        r"\((?P<input>[0-9,]+) (?:in the messages|of text input)(?:, (?P<tools>[0-9,]+) of tool input)?"
        r".{0,40}?(?P<output>[0-9,]+) in the (?:completion|output)",
        re.IGNORECASE | re.DOTALL,
    ),
    re.compile(
        r"maximum context length of (?P<limit>[0-9,]+) tokens.{0,80}: (?P<input>[0-9,]+) tokens from the input.{0,20}"
        r" (?P<output>[0-9,]+) tokens for the completion",
        re.IGNORECASE | re.DOTALL,
    ),
    re.compile(
        r"passed (?P<input>[0-9,]+) input tokens and requested (?P<output>[0-9,]+) output tokens.{0,60}"
        r"context length is only (?P<limit>[0-9,]+)",
        re.IGNORECASE | re.DOTALL,
    ),
    re.compile(
        r"must be <= (?P<limit>[0-9,]+).{0,10}Given: (?P<input>[0-9,]+) `inputs` tokens and (?P<output>[0-9,]+) `max_new",
        re.IGNORECASE | re.DOTALL,
    ),
    re.compile(
        r"max_(?:completion_)?tokens'? is too large: (?P<output>[0-9,]+).{0,40}maximum context length is (?P<limit>[0-9,]+)"
        r".{0,40}request has (?P<input>[0-9,]+) input",
        re.IGNORECASE | re.DOTALL,
    ),
)


def _first(patterns: tuple[re.Pattern[str], ...], message: str) -> int | None:
    for pattern in patterns:
        if found := pattern.search(message):
            return _count(found[1])
    return None


def _count(text: str) -> int:
    return int(text.replace(",", "").replace("_", "") or 0)
