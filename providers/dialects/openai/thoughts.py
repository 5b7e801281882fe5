"""Earlier thinking on its way back: as text, as the signature of a call, or as the `reasoning_details` that `reply_reasoning.py` made blocks of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import msgspec
from msgspec import Struct, field

from providers.dialects.losses import Losses
from providers.dialects.openai.options import Options
from providers.dialects.thought_signatures import MARKER
from providers.messages.signatures import is_marked, unmarked
from schemas.request import Block

Detail: TypeAlias = dict[str, Any]
Sent: TypeAlias = dict[str, Any]

_ANTHROPIC_FORMAT = "anthropic-claude-v1"
_GEMINI_FORMAT = "google-gemini-v1"


class Signing(Struct, frozen=True):
    """What signatures are worth to the upstream.

    `issuer`: whose marked ones are sent back; None: the upstream has just refused them. `marks_unsigned`: calls without
    one are marked as such. `is_claude`: Anthropic's own, which no dialect marked, mean something to the model.
    """

    issuer: str | None
    marks_unsigned: bool
    is_claude: bool = False


class Thoughts(Struct):
    """The thinking of one turn, and what of it the message and its calls get."""

    options: Options
    signing: Signing
    losses: Losses
    texts: list[str] = field(default_factory=list)
    details: list[Detail] = field(default_factory=list)
    signature: str | None = None

    @property
    def says_nothing(self) -> bool:
        """Whether none of it goes back."""
        return not self.texts and not self.details

    def take(self, block: Block) -> None:
        """Adds a thinking block, in the form that is sent back, or lists it as lost."""
        own = self._own(block)
        is_detail = own is not None and own.startswith("{")
        detail = self._detail(block, own if is_detail else None)
        if detail is not None:
            self.details.append(detail)
            return
        if own is None or is_detail or block.thinking:
            self._text(block, is_own=own is not None)
        if not is_detail:
            self.signature = own or self.signature

    def sign(self, call: Sent) -> Sent:
        """The call with the signature that Gemini gave it in front, where it gave one."""
        if self.signature is not None:
            _signed(call, self.signature)
            self.signature = None
        return call

    def end(self, calls: list[Sent], sent_ids: Mapping[str, str]) -> None:
        """The turn is over: its calls are marked where they have no signature, and a detail named as a call is so still."""
        if self.signature is not None:
            self.losses.add("messages.content.signature", "no call follows that it could belong to")
        if calls and self.signing.marks_unsigned:
            self._mark(calls[0])
        if self.details:
            self.details = [
                {**one, "id": sent_ids[one["id"]]} if one.get("id") in sent_ids else one for one in self.details
            ]

    def write(self, message: Sent) -> None:
        """Adds what goes back to the message."""
        if self.texts:
            before = message.get(self.options.thinking_history)
            message[self.options.thinking_history] = "\n".join([before, *self.texts] if before else self.texts)
        if self.details:
            message.setdefault("reasoning_details", []).extend(self.details)

    def _own(self, block: Block) -> str | None:
        """What the block brings back of this provider's own: a call's signature, or a detail as JSON."""
        if self.signing.issuer is None:
            return None
        return unmarked(self.signing.issuer, block.data if block.type == "redacted_thinking" else block.signature)

    def _detail(self, block: Block, own: str | None) -> Detail | None:
        """The detail that the block was made of, as it was given; None where this provider did not give it."""
        if self.options.thinking_history != "reasoning_details":
            return None
        if own is not None:
            return _given(own, block)
        is_sealed = block.type == "redacted_thinking"
        theirs = block.data if is_sealed else block.signature
        if not self.signing.is_claude or not isinstance(theirs, str) or not theirs or is_marked(theirs):
            return None
        if is_sealed:
            return {"type": "reasoning.encrypted", "data": theirs, "format": _ANTHROPIC_FORMAT}
        return {"type": "reasoning.text", "text": block.thinking, "signature": theirs, "format": _ANTHROPIC_FORMAT}

    def _text(self, block: Block, *, is_own: bool) -> None:
        if block.type == "redacted_thinking":
            self.losses.add("messages.content.redacted_thinking", "only its issuer can read it")
        elif self.options.thinking_history == "drop":
            self.losses.add("messages.content.thinking", "this upstream takes no earlier thinking")
        elif self.options.thinking_history == "reasoning_details":
            self.losses.add("messages.content.thinking", "this upstream takes back only what it gave itself")
        else:
            if block.signature and not is_own:
                self.losses.add("messages.content.signature", "a signature is for its issuer only")
            if block.thinking:
                self.texts.append(block.thinking)

    def _mark(self, call: Sent) -> None:
        """Says that a call has no signature of this vendor, where it has none."""
        if self.options.thinking_history == "reasoning_details":
            if any("data" in detail for detail in self.details):
                return
            unsigned = {"type": "reasoning.encrypted", "id": call["id"], "data": MARKER, "format": _GEMINI_FORMAT}
            self.details.append({**unsigned, "index": 0})
        elif "extra_content" in call:
            return
        else:
            _signed(call, MARKER)
        self.losses.add("messages.content.tool_use", "called without a signature of this vendor, and marked as such")


def _signed(call: Sent, signature: str) -> None:
    call["extra_content"] = {"google": {"thought_signature": signature}}


def _given(own: str, block: Block) -> Detail | None:
    try:
        detail = msgspec.json.decode(own, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return None
    if block.type == "thinking" and block.thinking:
        detail["summary" if str(detail.get("type")).endswith("summary") else "text"] = block.thinking
    return detail
