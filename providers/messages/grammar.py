"""Anthropic's stream grammar as a table: what may follow what, and which delta belongs in which block.

The writer steps through it, the tests check every stream against it, and the drawing in the README is made of it.
Source: the Anthropic Messages API, streaming.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class State(StrEnum):
    """Where a stream is."""

    BEFORE = "before"
    BETWEEN = "between blocks"
    IN_BLOCK = "in a block"
    ENDING = "ending"
    ENDED = "ended"


NEXT: Mapping[State, Mapping[str, State]] = {
    State.BEFORE: {"message_start": State.BETWEEN, "error": State.ENDED},
    State.BETWEEN: {
        "content_block_start": State.IN_BLOCK,
        "message_delta": State.ENDING,
        "ping": State.BETWEEN,
        "error": State.ENDED,
    },
    State.IN_BLOCK: {
        "content_block_delta": State.IN_BLOCK,
        "content_block_stop": State.BETWEEN,
        "ping": State.IN_BLOCK,
        "error": State.ENDED,
    },
    State.ENDING: {"message_stop": State.ENDED, "ping": State.ENDING, "error": State.ENDED},
    State.ENDED: {},
}
"""State -> event -> state. An event that is not listed is a breach."""

DELTAS: Mapping[str, frozenset[str]] = {
    "text": frozenset({"text_delta", "citations_delta"}),
    "thinking": frozenset({"thinking_delta", "signature_delta"}),
    "redacted_thinking": frozenset(),
    "tool_use": frozenset({"input_json_delta"}),
    "server_tool_use": frozenset({"input_json_delta"}),
    "web_search_tool_result": frozenset(),
}
"""Block type -> the deltas it takes. A block type that is not listed arrives whole, in its start."""

DELTA_MEMBER: Mapping[str, str] = {
    "text_delta": "text",
    "citations_delta": "citation",
    "thinking_delta": "thinking",
    "signature_delta": "signature",
    "input_json_delta": "partial_json",
}
"""Delta type -> the member that holds its payload."""


def drawing() -> str:
    """The grammar as Markdown, for the README of this package."""
    rows = ["| where the stream is | event | where it is then |", "|---|---|---|"]
    rows += [f"| {state} | `{event}` | {after} |" for state, events in NEXT.items() for event, after in events.items()]
    rows += ["", "| block | deltas |", "|---|---|"]
    rows += [
        f"| `{block}` | {', '.join(f'`{d}`' for d in sorted(deltas)) or 'none'} |" for block, deltas in DELTAS.items()
    ]
    return "\n".join(rows) + "\n"
