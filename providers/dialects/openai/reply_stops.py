"""Why a Chat Completions reply ended, in Anthropic's words."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from providers.dialects.openai.reply_chunks import Choice
from providers.dialects.stops import stop_from
from providers.messages.parts import Stop

STOPS: Mapping[str, str] = {
    "stop": "end_turn",
    "eos": "end_turn",
    "eos_token": "end_turn",
    "end_turn": "end_turn",
    "complete": "end_turn",
    "completed": "end_turn",
    "stop_sequence": "stop_sequence",
    "length": "max_tokens",
    "max_tokens": "max_tokens",
    "max_output_tokens": "max_tokens",
    "max_output": "max_tokens",
    "model_length": "max_tokens",
    "model_context_window_exceeded": "model_context_window_exceeded",
    "tool_calls": "tool_use",
    "tool_call": "tool_use",
    "tool_use": "tool_use",
    "function_call": "tool_use",
    "content_filter": "refusal",
    "content_filtered": "refusal",
    "refusal": "refusal",
    "safety": "refusal",
    "sensitive": "refusal",
    "recitation": "refusal",
    "blocklist": "refusal",
    "prohibited_content": "refusal",
    "spii": "refusal",
    "language": "refusal",
    "image_safety": "refusal",
}
"""`finish_reason` in lower case -> stop reason. A word that is not listed is an ordinary end: `end_turn`."""

BREAKS: Mapping[str, str] = {
    "error": "server",
    "network_error": "cut",
    "insufficient_system_resource": "overloaded",
    "abort": "cut",
    "cancelled": "cut",
    "malformed_function_call": "bad_reply",
    "malformed_response": "bad_reply",
    "unexpected_tool_call": "bad_reply",
    "too_many_tool_calls": "bad_reply",
}
"""`finish_reason` in lower case -> kind of error: the reply did not end, it broke."""


def break_of(finish_reason: str) -> str | None:
    """The kind of error that a `finish_reason` tells, if it does."""
    return BREAKS.get(_word_in(finish_reason))


def _word_in(finish_reason: str) -> str:
    """The word that counts: Google writes its own behind the nearest of OpenAI's (`content_filter: RECITATION`)."""
    general, _, own = finish_reason.lower().rpartition(": ")
    return own if not general or own in STOPS or own in BREAKS else general


def stop_of(choice: Choice, finish_reason: str, stop_sequences: Collection[str]) -> Stop:
    """The stop that a choice's `finish_reason` says; a stop string counts only if it is one that the client asked for."""
    stop = stop_from(_word_in(finish_reason), STOPS)
    if stop.reason in ("end_turn", "stop_sequence"):
        for matched in (choice.matched_stop, choice.stop_reason):
            if isinstance(matched, str) and matched in stop_sequences:
                return Stop("stop_sequence", matched)
    return stop


def better(before: Stop | None, after: Stop) -> Stop:
    """Of two stops of one reply the one that says more: the first that is no ordinary end."""
    return after if before is None or before.reason == "end_turn" else before
