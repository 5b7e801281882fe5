"""The conversation as `input` items: messages, calls with their outputs, and reasoning sent back to who encrypted it.

The client carries an item of reasoning as a thinking block whose signature is the item's id and its encrypted content,
marked with this provider. Source: `ResponseInputItem` of the OpenAI API.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from msgspec import Struct, field

from providers.dialects.losses import Losses
from providers.dialects.pieces import Media, Piece, Words, text_of
from providers.dialects.turns import Answer, Assistant, Called, Others, Remark, Thought, Turn, in_reminder
from providers.messages.signatures import unmarked

Item: TypeAlias = dict[str, Any]


class Manner(Struct, frozen=True):
    """How this target is told a conversation; `names` maps the client's tool names to those sent.

    `is_refused`: the upstream has just refused the reasoning of this conversation.
    """

    issuer: str
    names: Mapping[str, str]
    sends_reasoning: bool
    is_refused: bool
    media_inside: bool
    mid_conversation_system: str


def signature_of(item_id: str, encrypted: str) -> str:
    """An item's id and encrypted content as one text."""
    return f"{item_id}:{encrypted}"


def items_of(turns: Iterable[Turn], manner: Manner, losses: Losses) -> tuple[list[Item], list[Piece]]:
    """The items, and what of the conversation goes to the leading system text."""
    writing = _Writing(manner, losses)
    for turn in turns:
        if isinstance(turn, Assistant):
            writing.assistant(turn)
        else:
            writing.others(turn)
    return writing.items, writing.leading


def part_of(piece: Piece) -> Item:
    """A piece as a content part of a message that is not the assistant's."""
    if isinstance(piece, Words):
        return {"type": "input_text", "text": piece.text}
    url = piece.url if piece.data is None else f"data:{piece.media_type};base64,{piece.data}"
    if piece.kind == "image":
        return {"type": "input_image", "image_url": url, "detail": "auto"}
    if piece.data is None:
        return {"type": "input_file", "file_url": url}
    return {"type": "input_file", "filename": piece.title or "document.pdf", "file_data": url}


class _Writing(Struct):
    manner: Manner
    losses: Losses
    items: list[Item] = field(default_factory=list)
    leading: list[Piece] = field(default_factory=list)

    def assistant(self, turn: Assistant) -> None:
        waiting: list[Item] = []
        for item in turn.items:
            if isinstance(item, Thought):
                waiting += self._reasoning(item)
                continue
            self.items += waiting
            waiting = []
            if isinstance(item, Called):
                self.items.append(self._call(item))
            else:
                self._say(text_of(item.pieces), item.apart)
        if waiting:
            self.losses.add("messages.content.thinking", "reasoning that nothing follows is refused", len(waiting))

    def others(self, turn: Others) -> None:
        behind: list[Item] = []
        for answer in turn.answers:
            self.items.append(self._output(answer, behind))
        self._message("user", behind)
        for remark in turn.remarks:
            self._remark(remark)

    def _say(self, text: str, apart: bool) -> None:
        """Adds text of the assistant, to its message just before if there is one."""
        last = self.items[-1] if self.items else None
        if last is not None and last["type"] == "message" and last["role"] == "assistant":
            last["content"] += f"\n\n{text}" if apart else text
        else:
            self.items.append({"type": "message", "role": "assistant", "content": text})

    def _message(self, role: str, parts: list[Item]) -> None:
        """Adds parts, to the message just before if it is of that role."""
        if not parts:
            return
        last = self.items[-1] if self.items else None
        if last is not None and last["type"] == "message" and last["role"] == role:
            last["content"] += parts
        else:
            self.items.append({"type": "message", "role": role, "content": parts})

    def _reasoning(self, thought: Thought) -> list[Item]:
        signature = unmarked(self.manner.issuer, thought.signature)
        item_id, found, encrypted = (signature or "").partition(":")
        if not found:
            self.losses.add("messages.content.thinking", "it was thought elsewhere, and this model cannot read it")
            return []
        if self.manner.is_refused:
            self.losses.add("messages.content.thinking", "the upstream refused the reasoning of this conversation")
            return []
        if not self.manner.sends_reasoning:
            self.losses.add("messages.content.thinking", "the model does not reason, or `thinkingHistory` is `drop`")
            return []
        summary = [{"type": "summary_text", "text": thought.text}] if thought.text else []
        return [{"type": "reasoning", "id": item_id, "summary": summary, "encrypted_content": encrypted}]

    def _call(self, call: Called) -> Item:
        name = self.manner.names.get(call.name, call.name)
        return {"type": "function_call", "call_id": call.id, "name": name, "arguments": call.input.decode()}

    def _output(self, answer: Answer, behind: list[Item]) -> Item:
        pieces: Sequence[Piece] = answer.pieces
        media = [piece for piece in pieces if isinstance(piece, Media)]
        if answer.is_error:
            first = next((piece for piece in pieces if isinstance(piece, Words)), None)
            rest = [piece for piece in pieces if piece is not first]
            pieces = [Words(f"Error: {first.text if first else 'the tool failed'}"), *rest]
        output: str | list[Item] = text_of(pieces)
        if media and self.manner.media_inside:
            output = [part_of(piece) for piece in pieces]
        elif media:
            note = f"[{len(media)} attachment(s) of this result follow in the next user message]"
            output = f"{text_of(pieces)}\n{note}" if text_of(pieces) else note
            behind.append({"type": "input_text", "text": f"[attachment(s) of the result of {answer.call.id}]"})
            behind += [part_of(piece) for piece in media]
        return {"type": "function_call_output", "call_id": answer.call.id, "output": output}

    def _remark(self, remark: Remark) -> None:
        mode = self.manner.mid_conversation_system
        if not remark.is_system:
            self._message("user", [part_of(piece) for piece in remark.pieces])
        elif mode == "leading":
            self.losses.add("messages.role", "a system message within the conversation was moved to its beginning")
            self.leading += remark.pieces
        elif mode == "reminder":
            why = "a system message within the conversation is sent as a reminder in user text"
            self.losses.add("messages.role", why)
            pieces = in_reminder(remark.pieces)
            plain = all(isinstance(piece, Words) for piece in pieces)
            self._message("user", [part_of(piece) for piece in ([Words(text_of(pieces, ""))] if plain else pieces)])
        else:
            self._message(mode, [part_of(piece) for piece in remark.pieces])
