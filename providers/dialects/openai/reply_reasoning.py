"""Reasoning in a delta, which servers put into one, two or three fields at once."""

from __future__ import annotations

from typing import Any

from providers.dialects.openai.reply_chunks import Delta
from providers.messages.parts import Part, Redacted, Signature, Thinking

_ISSUER = "anthropic"
"""The beginning of a detail's `format` when Anthropic itself signed it: only then is its signature one a client may keep."""


def reasoning_in(delta: Delta) -> list[Part]:
    """The reasoning that a delta adds. The same text in several fields counts once; signed and encrypted details come behind it."""
    details = [detail for detail in delta.reasoning_details or () if isinstance(detail, dict)]
    text = delta.reasoning_content or delta.reasoning or "".join(_text_of(detail) for detail in details)
    parts: list[Part] = [Thinking(text)] if text else []
    for detail in details:
        kind = detail.get("type")
        signature, data = detail.get("signature"), detail.get("data")
        if isinstance(signature, str) and signature and str(detail.get("format", "")).startswith(_ISSUER):
            parts.append(Signature(signature))
        if kind == "reasoning.encrypted" and isinstance(data, str) and data:
            parts.append(Redacted(data))
    return parts


def _text_of(detail: dict[str, Any]) -> str:
    text = detail.get("text") or detail.get("summary")
    return text if isinstance(text, str) else ""
