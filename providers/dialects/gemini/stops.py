"""Why a reply of Gemini's ended, in Anthropic's words. Source: `FinishReason` and `BlockReason` of the Gemini API."""

from __future__ import annotations

from collections.abc import Mapping

STOPS: Mapping[str, str] = {
    "STOP": "end_turn",
    "FINISH_REASON_UNSPECIFIED": "end_turn",
    "MAX_TOKENS": "max_tokens",
    "CONTINUATION": "max_tokens",
    "SAFETY": "refusal",
    "RECITATION": "refusal",
    "LANGUAGE": "refusal",
    "BLOCKLIST": "refusal",
    "PROHIBITED_CONTENT": "refusal",
    "SPII": "refusal",
    "MODEL_ARMOR": "refusal",
    "ESCALATION": "refusal",
    "PUP_LIMITED_DISABLED": "refusal",
    "IMAGE_SAFETY": "refusal",
    "IMAGE_PROHIBITED_CONTENT": "refusal",
    "IMAGE_RECITATION": "refusal",
    "IMAGE_OTHER": "refusal",
    "NO_IMAGE": "end_turn",
}
"""`finishReason` -> stop reason, where no call was made. One that is not listed is an ordinary end."""

BREAKS: Mapping[str, str] = {
    "OTHER": "server",
    "MALFORMED_FUNCTION_CALL": "bad_reply",
    "MALFORMED_RESPONSE": "bad_reply",
    "UNEXPECTED_TOOL_CALL": "bad_reply",
    "TOO_MANY_TOOL_CALLS": "bad_reply",
    "MISSING_THOUGHT_SIGNATURE": "bad_request",
}
"""`finishReason` -> kind of error: the reply did not end, it broke."""
