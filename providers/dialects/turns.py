"""A conversation as turns in order, its calls answered: what an API is told that wants each call followed by its result.

    messages of the client         turns
    user: text                     Others(remarks)
    assistant: thinking, call a    Assistant(Thought, Called a)
    user: result a with image,     Others(answers: a; remarks)
          text

Assistant messages that follow each other are one turn, and so is everything between two of them.
INVARIANT: the calls of a turn are answered in the next one, each exactly once and in order; nothing else is an answer.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import TypeAlias

from msgspec import UNSET, Struct, field

from providers.dialects.losses import Losses
from providers.dialects.pieces import Piece, Takes, Words, pieces_of
from schemas.decode_request import blocks_of
from schemas.request import Block, Message

BILLING_LINE = "x-anthropic-billing-header"
"""How the client's first system block begins when it is a note to its vendor and not for the model."""

NO_RESULT = "[no result was given for this call]"


class Spoken(Struct, frozen=True):
    """What the assistant said with one block. `apart`: it does not go on with the text of the block before."""

    pieces: Sequence[Piece]
    apart: bool = False


class Thought(Struct, frozen=True):
    """A thinking block; `signature` as the client sent it, "" where it has none."""

    text: str
    signature: str


class Called(Struct, frozen=True):
    """A call: the id to send (given once in a conversation, no longer than the target takes), the client's name of the tool, the input's JSON."""

    id: str
    name: str
    input: bytes


class Answer(Struct, frozen=True):
    """The result of a call."""

    call: Called
    pieces: Sequence[Piece]
    is_error: bool = False


class Remark(Struct, frozen=True):
    """What is said besides results; `is_system`: not by the user."""

    pieces: Sequence[Piece]
    is_system: bool = False


class Assistant(Struct, frozen=True):
    """A turn of the model."""

    items: Sequence[Spoken | Thought | Called]

    @property
    def calls(self) -> list[Called]:
        """The calls among the items."""
        return [item for item in self.items if isinstance(item, Called)]


class Others(Struct, frozen=True):
    """What stands between two turns of the model."""

    answers: Sequence[Answer] = ()
    remarks: Sequence[Remark] = ()


Turn: TypeAlias = Assistant | Others


def system_of(system: Iterable[Block], takes: Takes, losses: Losses) -> list[Piece]:
    """The system text without the line that is for the client's vendor only."""
    pieces: list[Piece] = []
    for index, block in enumerate(system):
        if index == 0 and isinstance(block.text, str) and block.text.startswith(BILLING_LINE):
            losses.add("system.0", "the client's billing line is for its vendor only")
            continue
        _lose_mark(block, losses, "system")
        pieces += pieces_of(block, takes, losses, "system")
    return pieces


def turns_of(messages: Sequence[Message], takes: Takes, losses: Losses, longest_id: int = 0) -> list[Turn]:
    """The turns of a conversation; `longest_id` is how many characters of an id the target takes, 0: any number."""
    reading = _Reading(takes, losses, longest_id)
    run: list[Message] = []
    for message in messages:
        if run and (message.role == "assistant") != (run[0].role == "assistant"):
            reading.add(run)
            run = []
        run.append(message)
    if run:
        reading.add(run)
    if messages and messages[-1].role == "assistant":
        losses.add("messages", "the last assistant turn is answered here and not continued")
    reading.settle()
    return reading.turns


def in_reminder(pieces: Sequence[Piece]) -> list[Piece]:
    """A remark of the system as it is written for a target that knows only users: in the client's own tags."""
    return [Words("<system-reminder>\n"), *pieces, Words("\n</system-reminder>")]


def _blocks(message: Message) -> Iterable[Block]:
    return blocks_of(message.content) if isinstance(message.content, str) else message.content


def _lose_mark(block: Block, losses: Losses, place: str) -> None:
    if block.cache_control is not None:
        losses.add(f"{place}.cache_control", "this upstream takes no cache marks")


class _Reading(Struct):
    takes: Takes
    losses: Losses
    longest_id: int
    turns: list[Turn] = field(default_factory=list)
    waiting: list[tuple[str, Called]] = field(default_factory=list)
    taken: set[str] = field(default_factory=set)

    def add(self, run: Sequence[Message]) -> None:
        blocks = [(message, block) for message in run for block in _blocks(message)]
        for _, block in blocks:
            _lose_mark(block, self.losses, "messages.content")
        if run[0].role == "assistant":
            self._assistant([block for _, block in blocks])
        else:
            for message in run:
                if message.role not in ("user", "system"):
                    self.losses.add("messages.role", f"the role `{message.role}` is sent as `user`")
            self._others(blocks)

    def settle(self) -> None:
        """Answers the calls that nothing follows."""
        if self.waiting:
            self.turns.append(Others(self._answers([])[0]))

    def _assistant(self, blocks: Iterable[Block]) -> None:
        self.settle()
        items: list[Spoken | Thought | Called] = []
        before = ""
        for block in blocks:
            apart, before = (before, block.type) != ("text", "text"), block.type
            match block.type:
                case "tool_use":
                    items.append(self._called(block))
                case "thinking":
                    signature = block.signature if isinstance(block.signature, str) else ""
                    items.append(Thought(block.thinking if isinstance(block.thinking, str) else "", signature))
                case "redacted_thinking":
                    self.losses.add("messages.content.redacted_thinking", "only its issuer can read it")
                case "server_tool_use" | "mcp_tool_use":
                    self.losses.add(f"messages.content.{block.type}", "a call that the vendor's own server answered")
                case _:
                    pieces = pieces_of(block, self.takes, self.losses)
                    words = [piece for piece in pieces if isinstance(piece, Words)]
                    if len(words) < len(pieces):
                        self.losses.add(f"messages.content.{block.type}", "an assistant message takes only text")
                    if words:
                        items.append(Spoken(words, apart))
        if items:
            self.turns.append(Assistant(items))

    def _called(self, block: Block) -> Called:
        call_id = str(block.id)
        sent, salt = call_id, 0
        while not sent or sent in self.taken or (self.longest_id and len(sent) > self.longest_id):
            digest = hashlib.sha256(f"{call_id}\0{salt}".encode()).hexdigest()
            sent = f"call_{digest}"[: self.longest_id or 40]
            salt += 1
        self.taken.add(sent)
        call = Called(sent, str(block.name), b"{}" if block.input is UNSET else bytes(block.input))
        self.waiting.append((call_id, call))
        return call

    def _others(self, blocks: Iterable[tuple[Message, Block]]) -> None:
        results: list[Block] = []
        remarks: list[Remark] = []
        for message, block in blocks:
            if block.type == "tool_result":
                results.append(block)
            elif block.type == "mid_conv_system":
                inner = blocks_of(block.content or block.text)
                pieces = [piece for one in inner for piece in pieces_of(one, self.takes, self.losses)]
                remarks.append(Remark(pieces, is_system=True))
            else:
                remarks.append(Remark(pieces_of(block, self.takes, self.losses), message.role == "system"))
        answers, loose = self._answers(results)
        remarks = [remark for remark in (*loose, *remarks) if remark.pieces]
        if answers or remarks:
            self.turns.append(Others(answers, remarks))

    def _answers(self, results: Iterable[Block]) -> tuple[list[Answer], list[Remark]]:
        """The answers to the calls that wait, in their order; results that answer none of them become remarks."""
        by_id: dict[str, list[Block]] = {}
        for result in results:
            by_id.setdefault(str(result.tool_use_id), []).append(result)
        answers: list[Answer] = []
        called = {call_id for call_id, _ in self.waiting}
        for call_id, call in self.waiting:
            if by_id.get(call_id):
                result = by_id[call_id].pop(0)
                answers.append(Answer(call, self._result(result), result.is_error is True))
            else:
                self.losses.add("messages.content.tool_use", "a call without a result was given a note as its result")
                answers.append(Answer(call, [Words(NO_RESULT)]))
        self.waiting = []
        loose: list[Remark] = []
        for call_id, extra in by_id.items():
            for result in extra:
                if call_id in called:
                    self.losses.add("messages.content.tool_result", "a second result for one call is left out")
                    continue
                why = "it answers no call just made, so it is sent as text"
                self.losses.add("messages.content.tool_result", why)
                loose.append(Remark([Words(f"[result of the earlier call {call_id}]"), *self._result(result)]))
        return answers, loose

    def _result(self, result: Block) -> list[Piece]:
        if isinstance(result.content, str):
            return [Words(result.content)] if result.content else []
        blocks = blocks_of(result.content)
        for block in blocks:
            _lose_mark(block, self.losses, "messages.content")
        return [piece for block in blocks for piece in pieces_of(block, self.takes, self.losses)]
