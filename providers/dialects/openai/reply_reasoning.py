"""Reasoning in a delta, which servers put into one, two or three fields at once.

`reasoning_details` are what OpenRouter and MiniMax want back in the next turn. The client carries them: the text is a
thinking block, what stands beside it (kind, format, id, signature) is that block's signature, an encrypted one is a
`redacted_thinking` block, both marked with the provider that gave them. `thoughts.py` makes details of them again.
"""

from __future__ import annotations

from typing import Any

import msgspec

from providers.dialects.openai.reply_chunks import Delta
from providers.messages.parts import Part, Redacted, Signature, Thinking
from providers.messages.signatures import marked

ANTHROPIC = "anthropic"
"""The beginning of a detail's `format` when Anthropic itself signed it: the client keeps that signature as it is."""

TEXTS = ("text", "summary")
"""Where a detail has its text, which depends on its `type`."""


class Reasoning:
    """The reasoning of one reply. `issuer` is whose mark details get; `kept`: details go back, so all about them is told."""

    __slots__ = ("_beside", "_issuer", "_kept")

    def __init__(self, issuer: str, *, kept: bool) -> None:
        self._issuer = issuer
        self._kept = kept
        self._beside: dict[str, Any] | None = None

    def take(self, delta: Delta) -> list[Part]:
        """The reasoning that a delta adds. The same text in several fields counts once; details are told in their order."""
        details = [detail for detail in delta.reasoning_details or () if isinstance(detail, dict)]
        text = delta.reasoning_content or delta.reasoning
        parts: list[Part] = [Thinking(text)] if text and not any(map(_text_of, details)) else []
        for detail in details:
            self._detail(detail, parts)
        return parts

    def settled(self) -> Signature | None:
        """Something else follows, or the end: what stands beside the text just given, once."""
        if self._beside is None:
            return None
        beside, self._beside = self._beside, None
        return Signature(marked(self._issuer, _json(beside)))

    def _detail(self, detail: dict[str, Any], parts: list[Part]) -> None:
        is_theirs = str(detail.get("format", "")).startswith(ANTHROPIC)
        text, signature, data = _text_of(detail), detail.get("signature"), detail.get("data")
        if text or (isinstance(signature, str) and signature):
            self._begin(detail, is_theirs, parts)
        if text:
            parts.append(Thinking(text))
        if is_theirs and isinstance(signature, str) and signature:
            parts.append(Signature(signature))
        if detail.get("type") == "reasoning.encrypted" and isinstance(data, str) and data:
            self._settle(parts)
            parts.append(Redacted(data if is_theirs else marked(self._issuer, _json(detail))))

    def _begin(self, detail: dict[str, Any], is_theirs: bool, parts: list[Part]) -> None:
        """Notes what stands beside a text; a detail of another `index` ends the one before."""
        beside = {
            name: value for name, value in detail.items() if name not in TEXTS and value is not None and value != ""
        }
        if is_theirs or not self._kept:
            return
        if self._beside is not None and self._beside.get("index") != beside.get("index"):
            self._settle(parts)
        self._beside = {**(self._beside or {}), **beside}

    def _settle(self, parts: list[Part]) -> None:
        if (beside := self.settled()) is not None:
            parts.append(beside)


def _text_of(detail: dict[str, Any]) -> str:
    return next((text for name in TEXTS if isinstance(text := detail.get(name), str) and text), "")


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
