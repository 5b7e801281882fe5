"""One conversation as it is put together: what each turn adds to the messages that are sent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec import UNSET, Struct, field

from providers.dialects.losses import Losses
from providers.dialects.openai.call_ids import sent_id
from providers.dialects.openai.content import (
    Part,
    Takes,
    compact,
    is_plain_item,
    mark,
    parts_of,
    result_parts_of,
    split_media,
    text_part,
)
from providers.dialects.openai.options import Options
from providers.dialects.openai.thoughts import Sent, Signing, Thoughts
from providers.dialects.turns import NO_RESULT
from schemas.decode_request import blocks_of
from schemas.request import Block, Message

_BETWEEN = "I have the results."
"""What stands between tool results and the user's words for models that cannot read the one after the other."""


def blocks_in(message: Message) -> Iterable[Block]:
    """The blocks of a message, whose content may be a string."""
    return blocks_of(message.content) if isinstance(message.content, str) else message.content


def _parts_in(message: Sent) -> list[Part]:
    """The content of a message as parts to which others can be added."""
    content = message["content"]
    if isinstance(content, str):
        content = message["content"] = [text_part(content)]
    parts: list[Part] = content
    return parts


def _plain_result(result: Block) -> str | None:
    """The text of a result that is nothing else; None for any other."""
    content = result.content
    if result.is_error is True or result.cache_control is not None:
        return None
    if type(content) is list and len(content) == 1 and is_plain_item(content[0]):
        content = content[0]["text"]
    return content if type(content) is str else None


class _Call(Struct):
    """A call that waits for its result: the client's id and the one sent (ids of one turn are made unique)."""

    id: str
    sent: str


class Conversation(Struct):
    """The messages so far (`sent`) and the calls of the last assistant turn, which wait for their results.

    INVARIANT: what is one plain text is a string in `sent`, all else a list of parts, until `finished`.
    """

    options: Options
    takes: Takes
    names: Mapping[str, str]
    signing: Signing
    losses: Losses
    sent: list[Sent] = field(default_factory=list)
    waiting: list[_Call] = field(default_factory=list)

    def say(self, role: str, text: str) -> None:
        """A turn of the user or the assistant that is one text."""
        if not self.sent or self.sent[-1]["role"] != role:
            self.sent.append({"role": role, "content": text})
        elif role == "assistant":
            self._say([text_part(text)], [], None)
        else:
            self._user([text_part(text)])

    def assistant(self, blocks: Iterable[Block]) -> None:
        """One assistant turn: its text, then its calls."""
        texts: list[Part] = []
        calls: list[Sent] = []
        thoughts: Thoughts | None = None
        glue = ""
        for block in blocks:
            kind = block.type
            if kind == "text":
                parts = parts_of(block, self.takes, self.losses)
                if parts and (texts or calls):
                    self._join(parts, glue, texts, calls)
                texts += parts
                glue = ""
                continue
            if kind == "tool_use":
                call = self._call(block)
                calls.append(call if thoughts is None else thoughts.sign(call))
            elif kind in ("thinking", "redacted_thinking"):
                thoughts = thoughts or Thoughts(self.options, self.signing, self.losses)
                thoughts.take(block)
            elif kind in ("server_tool_use", "mcp_tool_use"):
                self.losses.add(f"messages.content.{kind}", "a call that the vendor's own server answered")
                continue
            else:
                parts, media = split_media(parts_of(block, self.takes, self.losses))
                if media:
                    self.losses.add(f"messages.content.{kind}", "an assistant message takes only text")
                if parts and (texts or calls):
                    self._join(parts, "\n\n", texts, calls)
                texts += parts
            glue = "\n\n"
        if thoughts is not None or (calls and self.signing.marks_unsigned):
            thoughts = thoughts or Thoughts(self.options, self.signing, self.losses)
            thoughts.end(calls, {call.id: call.sent for call in self.waiting})
        self._say(texts, calls, thoughts)

    def _join(self, parts: list[Part], glue: str, texts: list[Part], calls: list[Sent]) -> None:
        """Makes the parts follow the texts and calls that their turn began with."""
        if calls:
            self.losses.add("messages.content.text", "text after a tool call is sent before it")
        if texts:
            parts[0]["text"] = glue + parts[0]["text"]

    def others(self, turn: Iterable[Message]) -> None:
        """What stands between two assistant turns: first all results, then the rest in order."""
        results: list[Block] = []
        rest: list[tuple[str, list[Part]]] = []
        for message in turn:
            role = message.role
            if role != "user" and role != "system":
                self.losses.add("messages.role", f"the role `{role}` is sent as `user`")
            for block in blocks_in(message):
                kind = block.type
                if kind == "tool_result":
                    results.append(block)
                elif kind == "mid_conv_system":
                    inner = blocks_of(block.content or block.text)
                    rest.append(("system", [part for one in inner for part in parts_of(one, self.takes, self.losses)]))
                else:
                    rest.append((role, parts_of(block, self.takes, self.losses)))
        if results or self.waiting:
            self._user(self._answer(results))
        for role, parts in rest:
            if role == "system":
                self._system(parts)
            else:
                self._user(parts)

    def settle(self) -> None:
        """Answers the calls that got no result, since the upstream refuses a call without one."""
        for call in self.waiting:
            self._note(call)
        self.waiting = []

    def finished(self) -> list[Sent]:
        """The messages, those of plain text with a string as their content."""
        if self.options.after_tools == "assistant":
            self._bridge()
        for message in self.sent:
            content = message["content"]
            if type(content) is list:
                if message["role"] == "assistant":
                    message["content"] = compact(content, "") or self._empty(message)
                else:
                    message["content"] = compact(content)
        return self.sent

    def _bridge(self) -> None:
        after_tool = [
            at
            for at in range(1, len(self.sent))
            if self.sent[at - 1]["role"] == "tool" and self.sent[at]["role"] not in ("tool", "assistant")
        ]
        for at in reversed(after_tool):
            self.sent.insert(at, {"role": "assistant", "content": [text_part(_BETWEEN)]})
        self.losses.add("messages", "an assistant message was put behind tool results", len(after_tool))

    def _empty(self, message: Sent) -> str | None:
        return None if "tool_calls" in message and self.options.empty_content == "null" else ""

    def _say(self, texts: list[Part], calls: list[Sent], thoughts: Thoughts | None) -> None:
        if not texts and not calls and (thoughts is None or thoughts.says_nothing):
            return
        last = self.sent[-1] if self.sent else None
        if last is not None and last["role"] == "assistant":
            # Only an empty turn stood between; calls would have been followed by their results.
            message = last
            if texts and message["content"]:
                texts[0]["text"] = "\n\n" + texts[0]["text"]
            _parts_in(message).extend(texts)
        else:
            message = {"role": "assistant", "content": texts}
            self.sent.append(message)
        if thoughts is not None:
            thoughts.write(message)
        if calls:
            message["tool_calls"] = calls

    def _call(self, block: Block) -> Sent:
        if block.cache_control is not None:
            self.losses.add("messages.content.cache_control", "a call takes no cache mark")
        taken = [call.sent for call in self.waiting] if self.waiting else ()
        call = _Call(block.id, sent_id(block.id, taken, self.options))
        self.waiting.append(call)
        arguments = "{}" if block.input is UNSET else str(block.input, "utf-8")
        return {
            "id": call.sent,
            "type": "function",
            "function": {"name": self.names.get(block.name, block.name), "arguments": arguments},
        }

    def _answer(self, results: list[Block]) -> list[Part]:
        """Writes the tool messages in the order of the calls; gives the media of the results and results without a call."""
        left: list[Part] = []
        if len(results) == 1 == len(self.waiting) and results[0].tool_use_id == self.waiting[0].id:  # nearly always
            self._tool(self.waiting.pop(), results[0], left)
            return left
        by_id: dict[str, list[Block]] = {}
        for result in results:
            by_id.setdefault(result.tool_use_id, []).append(result)
        called = {call.id for call in self.waiting}
        for call in self.waiting:
            if by_id.get(call.id):
                self._tool(call, by_id[call.id].pop(0), left)
            else:
                self._note(call)
        self.waiting = []
        for call_id, extra in by_id.items():
            for result in extra:  # almost never any
                if call_id in called:
                    self.losses.add("messages.content.tool_result", "a second result for one call is left out")
                else:
                    self.losses.add(
                        "messages.content.tool_result", "it answers no call just made, so it is sent as text"
                    )
                    texts, media = self._result(result)
                    left += [text_part(f"[result of the earlier call {call_id}]"), *texts, *media]
        return left

    def _note(self, call: _Call) -> None:
        self.losses.add("messages.content.tool_use", "a call without a result was given a note as its result")
        self.sent.append({"role": "tool", "tool_call_id": call.sent, "content": NO_RESULT})

    def _tool(self, call: _Call, result: Block, left: list[Part]) -> None:
        plain = _plain_result(result)
        if plain is not None:
            self.sent.append({"role": "tool", "tool_call_id": call.sent, "content": plain})
            return
        texts, media = self._result(result)
        if media:
            texts.append(text_part(f"[{len(media)} attachment(s) of this result follow in the next user message]"))
            left.append(text_part(f"[attachment(s) of the result of {call.sent}]"))
            left += media
        if result.cache_control is not None:
            mark(texts, result, self.takes, self.losses, "messages.content")
        self.sent.append({"role": "tool", "tool_call_id": call.sent, "content": compact(texts)})

    def _result(self, result: Block) -> tuple[list[Part], list[Part]]:
        media: list[Part] = []
        if isinstance(result.content, str):
            texts = [text_part(result.content)] if result.content else []
        else:
            texts, media = result_parts_of(result.content, self.takes, self.losses)
        if result.is_error is True:
            if texts:
                texts[0]["text"] = f"Error: {texts[0]['text']}"
            else:
                texts = [text_part("Error: the tool failed")]
        return texts, media

    def _user(self, parts: list[Part]) -> None:
        if not parts:
            return
        last = self.sent[-1] if self.sent else None
        if last is not None and last["role"] == "user":
            _parts_in(last).extend(parts)
        else:
            self.sent.append({"role": "user", "content": parts})

    def _system(self, parts: list[Part]) -> None:
        if not parts:
            return
        if self.options.mid_conversation_system == "system":
            self.sent.append({"role": self.options.system_role, "content": list(parts)})
            return
        self.losses.add("messages.role", "a system message within the conversation is sent as a reminder in user text")
        first, last = parts[0], parts[-1]
        first["text"] = f"<system-reminder>\n{first.get('text', '')}"
        last["text"] = f"{last.get('text', '')}\n</system-reminder>"
        self._user(parts)
