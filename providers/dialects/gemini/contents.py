"""The conversation as Gemini's `contents`: roles `user` and `model`, each with parts.

A signature belongs to the part behind it: the client was given it as a thinking block in front of that part
(`replies.py`), so that is where it comes back from. Sources: `Content` and `Part` of the Gemini API; its guide to
thought signatures.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from mimetypes import guess_type
from typing import Any, TypeAlias

import msgspec
from msgspec import Struct, field

from providers.dialects.losses import Losses
from providers.dialects.pieces import Media, Piece, Words, text_of
from providers.dialects.thought_signatures import MARKER
from providers.dialects.turns import Answer, Assistant, Called, Others, Remark, Thought, Turn, in_reminder
from providers.messages.signatures import unmarked

Part: TypeAlias = dict[str, Any]

OF_THOUGHT = "t."
"""In front of a marked signature that stood on a part of thought itself, not on the part behind it."""


class Manner(Struct, frozen=True):
    """How this target is told a conversation; `names` maps the client's tool names to those sent.

    `issuer` is whose signatures are sent back; None: the upstream has just refused them.
    """

    issuer: str | None
    names: Mapping[str, str]
    call_ids: bool
    marks_unsigned: bool
    media_inside: bool
    system_is_leading: bool


def contents_of(turns: Iterable[Turn], manner: Manner, losses: Losses) -> tuple[list[Part], list[Piece]]:
    """The contents, and what of the conversation goes to the system instruction."""
    writing = _Writing(manner, losses)
    for turn in turns:
        if isinstance(turn, Assistant):
            writing.assistant(turn)
        else:
            writing.others(turn)
    return writing.contents, writing.leading


def part_of(piece: Piece) -> Part:
    """A piece as a part."""
    if isinstance(piece, Words):
        return {"text": piece.text}
    if piece.data is not None:
        return {"inlineData": {"mimeType": piece.media_type, "data": piece.data}}
    kind = piece.media_type or guess_type(str(piece.url).partition("?")[0])[0]
    return {"fileData": {"fileUri": piece.url} | ({"mimeType": kind} if kind else {})}


class _Writing(Struct):
    manner: Manner
    losses: Losses
    contents: list[Part] = field(default_factory=list)
    leading: list[Piece] = field(default_factory=list)

    def assistant(self, turn: Assistant) -> None:
        parts: list[Part] = []
        signature: str | None = None
        for item in turn.items:
            if isinstance(item, Thought):
                signature = self._thought(item, parts) or signature
                continue
            added = [self._call(item)] if isinstance(item, Called) else [part_of(piece) for piece in item.pieces]
            if signature is not None and added:
                added[0]["thoughtSignature"] = signature
                signature = None
            parts += added
        if signature is not None:
            self.losses.add("messages.content.signature", "nothing follows that it could belong to")
        self._mark_unsigned(parts)
        if all("thought" in part for part in parts):
            self.losses.add("messages.content.thinking", "a turn that only thinks says nothing here", len(parts))
            return
        self._add("model", parts)

    def others(self, turn: Others) -> None:
        parts: list[Part] = []
        behind: list[Part] = []
        for answer in turn.answers:
            parts.append(self._answer(answer, behind))
        parts += behind
        for remark in turn.remarks:
            parts += self._remark(remark)
        self._add("user", parts)

    def _add(self, role: str, parts: list[Part]) -> None:
        if not parts:
            return
        if self.contents and self.contents[-1]["role"] == role:
            self.contents[-1]["parts"] += parts
        else:
            self.contents.append({"role": role, "parts": parts})

    def _thought(self, thought: Thought, parts: list[Part]) -> str | None:
        """The signature for the next part. The text of a thought is a summary for readers, which the model does not need."""
        if self.manner.issuer is None:
            self.losses.add("messages.content.thinking", "the upstream refused the signatures of this conversation")
            return None
        signature = unmarked(self.manner.issuer, thought.signature)
        if signature is None:
            self.losses.add("messages.content.thinking", "it was thought elsewhere, and this model cannot read it")
            return None
        if signature.startswith(OF_THOUGHT):
            signature = signature.removeprefix(OF_THOUGHT)
            parts.append({"text": thought.text, "thought": True, "thoughtSignature": signature})
            return None
        if thought.text:
            self.losses.add("messages.content.thinking", "its signature is sent back, its summary is not needed")
        return signature

    def _call(self, call: Called) -> Part:
        name = self.manner.names.get(call.name, call.name)
        members: Part = {"id": call.id} if self.manner.call_ids else {}
        return {"functionCall": {**members, "name": name, "args": msgspec.Raw(call.input)}}

    def _mark_unsigned(self, parts: Sequence[Part]) -> None:
        """The first call of a step must be signed; the others of the same step are not."""
        first = next((part for part in parts if "functionCall" in part), None)
        if first is None or "thoughtSignature" in first or not self.manner.marks_unsigned:
            return
        first["thoughtSignature"] = MARKER
        self.losses.add("messages.content.tool_use", "called without a signature of this vendor, and marked as such")

    def _answer(self, answer: Answer, behind: list[Part]) -> Part:
        media = [piece for piece in answer.pieces if isinstance(piece, Media)]
        text = text_of(answer.pieces)
        if media and not self.manner.media_inside:
            note = f"[{len(media)} attachment(s) of this result follow]"
            text = f"{text}\n{note}" if text else note
            behind.append({"text": f"[attachment(s) of the result of {answer.call.id}]"})
            behind += [part_of(piece) for piece in media]
        response = {"error": text or "the tool failed"} if answer.is_error else {"output": text}
        members: Part = {"id": answer.call.id} if self.manner.call_ids else {}
        name = self.manner.names.get(answer.call.name, answer.call.name)
        result: Part = {**members, "name": name, "response": response}
        if media and self.manner.media_inside:
            result["parts"] = [part_of(piece) for piece in media]
        return {"functionResponse": result}

    def _remark(self, remark: Remark) -> list[Part]:
        if not remark.is_system:
            return [part_of(piece) for piece in remark.pieces]
        if self.manner.system_is_leading:
            self.losses.add("messages.role", "a system message within the conversation was moved to its beginning")
            self.leading += remark.pieces
            return []
        self.losses.add("messages.role", "a system message within the conversation is sent as a reminder in user text")
        if all(isinstance(piece, Words) for piece in remark.pieces):
            return [{"text": text_of(in_reminder(remark.pieces), "")}]
        return [part_of(piece) for piece in in_reminder(remark.pieces)]
