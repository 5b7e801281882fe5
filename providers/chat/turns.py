"""Chat messages as the system text and the turns of a Messages request.

    chat                                  Messages
    system, developer (wherever)          system, in order
    user                                  user
    assistant: content, tool_calls a b    assistant: text, tool_use a, tool_use b
    tool b, tool a, user                  one user turn: tool_result b, tool_result a, text

Calls of the older form (`function_call`, role `function`) are calls whose ids are made here; other ids stay as they
are, for each target is told them in its own way.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import msgspec
from msgspec import Struct, field

from providers.chat.content import Block, blocks_of, text_block
from providers.chat.reading import missing, object_at, objects_at, optional_text, text_at, under, wrong_value
from providers.dialects.losses import Losses

Turn: TypeAlias = dict[str, Any]

OPENING = "Please begin."
"""Said where a request has instructions only: a Messages request needs a user's turn."""


class Conversation(Struct, frozen=True):
    """What the messages become."""

    system: list[Block]
    turns: list[Turn]


def conversation_of(body: Mapping[str, Any], losses: Losses) -> Conversation:
    """The conversation of a request. Raises `BadChat`."""
    messages = objects_at(body, "messages")
    if body.get("messages") is None:
        raise missing("messages")
    if not messages:
        raise wrong_value("messages", "expected at least one message")
    reader = _Reader(losses)
    for place, message in messages:
        reader.take(message, place)
    return reader.finished()


class _Reader(Struct):
    losses: Losses
    system: list[Block] = field(default_factory=list)
    turns: list[Turn] = field(default_factory=list)
    by_function: dict[str, list[str]] = field(default_factory=dict)
    made_ids: int = 0

    def take(self, message: Mapping[str, Any], place: str) -> None:
        """Adds one message."""
        role = text_at(message, "role", place)
        if message.get("name") is not None and role != "function":
            self.losses.add("messages.name", "a Messages request has no names of speakers")
        match role:
            case "system" | "developer":
                if self.turns:
                    self.losses.add("messages.role", "instructions within the conversation were moved to its beginning")
                self.system += blocks_of(message, place, self.losses, only_text=True)
            case "user":
                if message.get("content") is None:
                    raise missing(under(place, "content"))
                self._add("user", blocks_of(message, place, self.losses, only_text=False))
            case "assistant":
                self._add("assistant", self._assistant(message, place))
            case "tool":
                call = text_at(message, "tool_call_id", place)
                self._add("user", [self._result(call, message, place)])
            case "function":
                waiting = self.by_function.get(text_at(message, "name", place), [])
                call = waiting.pop(0) if waiting else self._made_id()
                self._add("user", [self._result(call, message, place)])
            case _:
                raise wrong_value(
                    under(place, "role"),
                    f"`{role}` is none of `system`, `developer`, `user`, `assistant`, `tool`, `function`",
                )

    def finished(self) -> Conversation:
        """All of it."""
        if not self.turns:
            self.losses.add("messages", "instructions alone are no conversation, so a user's turn was added")
            self.turns.append({"role": "user", "content": [text_block(OPENING)]})
        self._trim()
        return Conversation(self.system, self.turns)

    def _trim(self) -> None:
        """A last turn of the assistant is gone on with; white space at its end is refused by the vendor."""
        last = self.turns[-1]
        if last["role"] != "assistant" or last["content"][-1]["type"] != "text":
            return
        block = last["content"][-1]
        text = block["text"].rstrip()
        if text == block["text"]:
            return
        self.losses.add("messages.content.text", "white space at the end of the last assistant turn was removed")
        if text:
            block["text"] = text
        else:
            last["content"].pop()
            if not last["content"]:
                self.turns.pop()
                if not self.turns:
                    self.turns.append({"role": "user", "content": [text_block(OPENING)]})

    def _add(self, role: str, blocks: list[Block]) -> None:
        """Adds to the last turn where it is of the same role; results stand before everything else of their turn."""
        if not blocks:
            self.losses.add("messages.content", "an empty message was left out")
            return
        if self.turns and self.turns[-1]["role"] == role:
            content = self.turns[-1]["content"]
            at = len(content)
            if blocks[0]["type"] == "tool_result":
                at = sum(block["type"] == "tool_result" for block in content)
            content[at:at] = blocks
        else:
            self.turns.append({"role": role, "content": blocks})

    def _assistant(self, message: Mapping[str, Any], place: str) -> list[Block]:
        blocks: list[Block] = []
        if thought := optional_text(message, "reasoning_content", place) or optional_text(message, "reasoning", place):
            blocks.append({"type": "thinking", "thinking": thought, "signature": ""})
        if message.get("reasoning_details"):
            self.losses.add("messages.reasoning_details", "signatures are for their issuer only, which is not known")
        blocks += blocks_of(message, place, self.losses, only_text=True)
        if refusal := optional_text(message, "refusal", place):
            blocks.append(text_block(refusal))
        if message.get("audio") is not None:
            self.losses.add("messages.audio", "audio cannot be passed on")
        for where, call in objects_at(message, "tool_calls", place):
            blocks.append(self._call(call, where))
        if message.get("function_call") is not None:
            function = object_at(message, "function_call", place)
            call_id = self._made_id()
            blocks.append(self._use(call_id, function, under(place, "function_call")))
            self.by_function.setdefault(function["name"], []).append(call_id)
        return blocks

    def _call(self, call: Mapping[str, Any], place: str) -> Block:
        call_id = text_at(call, "id", place)
        if call.get("type") == "custom":
            custom = object_at(call, "custom", place)
            name = text_at(custom, "name", under(place, "custom"))
            given = text_at(custom, "input", under(place, "custom"))
            return {"type": "tool_use", "id": call_id, "name": name, "input": {"input": given}}
        return self._use(call_id, object_at(call, "function", place), under(place, "function"))

    def _use(self, call_id: str, function: Mapping[str, Any], place: str) -> Block:
        name = text_at(function, "name", place)
        arguments = function.get("arguments")
        if not isinstance(arguments, dict):
            arguments = self._input(optional_text(function, "arguments", place) or "")
        return {"type": "tool_use", "id": call_id, "name": name, "input": arguments}

    def _input(self, arguments: str) -> dict[str, Any]:
        """The arguments as an object; a text that is none (a call that was cut) is kept whole under `arguments`."""
        if not arguments.strip():
            return {}
        try:
            value = msgspec.json.decode(arguments)
        except (msgspec.DecodeError, RecursionError, UnicodeEncodeError):
            value = None
        if isinstance(value, dict):
            return value
        self.losses.add("messages.tool_calls.function.arguments", "no JSON object: sent as a text within one")
        return {"arguments": arguments}

    def _result(self, call_id: str, message: Mapping[str, Any], place: str) -> Block:
        blocks = blocks_of(message, place, self.losses, only_text=False)
        plain = len(blocks) == 1 and set(blocks[0]) == {"type", "text"}
        result: Block = {
            "type": "tool_result",
            "tool_use_id": call_id,
            "content": blocks[0]["text"] if plain else blocks,
        }
        return result if blocks else {"type": "tool_result", "tool_use_id": call_id}

    def _made_id(self) -> str:
        self.made_ids += 1
        return f"call_{self.made_ids}"
