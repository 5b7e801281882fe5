"""What refusals teach about an upstream: a table of wordings and of what is sent otherwise from then on.

A setting that was not written is guessed from the host, and servers of one's own have no known host. So a refusal that
names what it does not take is believed, once a lesson, and the model is sent no more of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace

from msgspec import Struct

from providers.dialects.openai.options import Options

STATUSES = frozenset((400, 422))
"""Statuses under which a refusal is about what was sent."""


class Lesson(Struct, frozen=True):
    """A row: the refusal's wording, the options that change, and the sentence for log and `explain`."""

    wording: re.Pattern[str]
    changes: Mapping[str, object]
    says: str


_NOT = (
    r"(?:not (?:permitted|supported|allowed)|(?:does|do) not support|unsupported|unknown|unrecogni[sz]ed|unexpected"
    r"|extra (?:inputs|fields))"
)


def _refused(field: str) -> re.Pattern[str]:
    """Wordings that refuse a field, before or behind its name."""
    return re.compile(rf"{_NOT}.{{0,60}}\b(?:{field})\b|\b(?:{field})\b.{{0,80}}{_NOT}", re.IGNORECASE | re.DOTALL)


LESSONS: Mapping[str, Lesson] = {
    "stream_options": Lesson(
        _refused("stream_options"), {"stream_options": False}, "`stream_options` is not sent, the upstream refused it"
    ),
    "max_tokens": Lesson(
        re.compile(r"\bmax_tokens\b.{0,80}\buse .?max_completion_tokens", re.IGNORECASE | re.DOTALL),
        {"max_tokens_field": "max_completion_tokens"},
        "the limit is sent as `max_completion_tokens`, the upstream demanded it",
    ),
    "sampling": Lesson(
        re.compile(rf"{_refused('temperature|top_p').pattern}|invalid temperature: only", re.IGNORECASE | re.DOTALL),
        {"sampling": False},
        "`temperature` and `top_p` are not sent, the upstream refused them",
    ),
    "thinking_history": Lesson(
        _refused(r"reasoning_content|reasoning_details|assistant\.reasoning"),
        {"thinking_history": "drop"},
        "earlier thinking is not sent, the upstream refused it",
    ),
    "effort": Lesson(
        _refused("reasoning_?effort|enable_thinking"),
        {"reasoning": "never"},
        "effort and thinking are not asked for, the upstream refused it",
    ),
    "forced_calls": Lesson(
        re.compile(rf"{_refused('tool_choice').pattern}|tool_choice.{{0,40}}incompatible", re.IGNORECASE | re.DOTALL),
        {"forced_calls": False},
        "no call is forced, the upstream refused it",
    ),
    "call_ids": Lesson(
        re.compile(r"tool call id.{0,200}length of 9\b", re.IGNORECASE | re.DOTALL),
        {"tool_call_id_form": "mistral"},
        "tool-call ids are nine letters and digits, the upstream demanded it",
    ),
    "after_tools": Lesson(
        re.compile(r"unexpected role .?(?:user|system).? after role .?tool", re.IGNORECASE),
        {"after_tools": "assistant"},
        "an assistant message stands behind tool results, the upstream demanded it",
    ),
}
"""Name of a lesson -> its row."""


_MOST_OUTPUT = "most_output="
"""How the lesson begins that has a number: how many tokens of output the model gives at most."""

_MOST = re.compile(
    r"max_(?:completion_)?tokens\b.{0,30}too large: \d+.{0,40}supports at most (\d{1,9})"
    r"|range of max_(?:completion_)?tokens (?:should be|is) \[1, ?(\d{1,9})\]"
    r"|max_(?:completion_)?tokens\W{0,3} must be less than or equal to \W?(\d{1,9})"
    r"|max_tokens: \d+ > (\d{1,9}), which is the maximum",
    re.IGNORECASE | re.DOTALL,
)


def lesson_in(refusal: str, known: frozenset[str]) -> str | None:
    """The first lesson that the refusal teaches besides those that are known; a number is learned once."""
    found = _MOST.search(refusal)
    if found is not None and not any(name.startswith(_MOST_OUTPUT) for name in known):
        return _MOST_OUTPUT + next(number for number in found.groups() if number is not None)
    return next((name for name, row in LESSONS.items() if name not in known and row.wording.search(refusal)), None)


def said_of(lesson: str) -> str:
    """The lesson as a sentence."""
    if lesson.startswith(_MOST_OUTPUT):
        return f"{lesson.removeprefix(_MOST_OUTPUT)} tokens of output are asked for at most, the upstream takes no more"
    return LESSONS[lesson].says


def after(options: Options, lessons: Iterable[str]) -> Options:
    """The options as the lessons change them, and what they change in the notes."""
    for name in sorted(lessons):
        changes: Mapping[str, object]
        if name.startswith(_MOST_OUTPUT):
            changes = {"most_output": int(name.removeprefix(_MOST_OUTPUT))}
        else:
            changes = LESSONS[name].changes
        options = replace(options, **changes, notes=(*options.notes, said_of(name)))  # type: ignore[arg-type] # fields of `Options`
    return options
