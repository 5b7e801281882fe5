"""The conversation in OpenAI's order: who speaks, calls before results, results before what was said with them.

    turns of the client            messages sent
    system                         system
    user: text                     user
    assistant: text, calls a b     assistant: text, tool_calls a b
    user: result b, result a,      tool a, tool b
          image in a, text         user: image of a, text

Turns of one role that follow each other are one message, as the Messages API defines; a system turn among them stays in
its place or becomes a reminder, by setting.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from providers.dialects.losses import Losses
from providers.dialects.openai.content import Part, Takes, compact, is_plain, parts_of
from providers.dialects.openai.conversation import Conversation, blocks_in
from providers.dialects.openai.options import Options
from providers.dialects.openai.thoughts import Sent, Signing
from providers.dialects.turns import BILLING_LINE
from schemas.request import Block, Message, MessagesRequest


def messages_of(
    request: MessagesRequest,
    options: Options,
    takes: Takes,
    names: Mapping[str, str],
    signing: Signing,
    losses: Losses,
) -> list[Sent]:
    """The messages to send. `names` maps the client's tool names to those sent.

    INVARIANT: every tool call is followed by exactly one tool message with its id, before any other message.
    """
    conversation = Conversation(options, takes, names, signing, losses)
    leading = _system_parts(request.system, takes, losses)
    for turn in _turns(request.messages, options.mid_conversation_system, leading, takes, losses):
        role = turn[0].role
        if len(turn) == 1 and not conversation.waiting and role in ("user", "assistant"):
            text = _only_text(turn[0])
            if text is not None:
                conversation.say(role, text)
                continue
        if role == "assistant":
            blocks = turn[0].content
            if len(turn) > 1 or isinstance(blocks, str):
                blocks = [block for message in turn for block in blocks_in(message)]
            conversation.assistant(blocks)
        else:
            conversation.others(turn)
    if request.messages and request.messages[-1].role == "assistant":
        losses.add("messages", "the last assistant turn is answered here and not continued")
    conversation.settle()
    first = [{"role": options.system_role, "content": compact(leading, "\n\n")}] if leading else []
    return first + conversation.finished()


def _system_parts(system: Iterable[Block], takes: Takes, losses: Losses) -> list[Part]:
    parts: list[Part] = []
    for index, block in enumerate(system):
        if index == 0 and isinstance(block.text, str) and block.text.startswith(BILLING_LINE):
            losses.add("system.0", "the client's billing line is for its vendor only")
            continue
        parts += parts_of(block, takes, losses, "system")
    return parts


def _turns(
    messages: Iterable[Message], mode: str, leading: list[Part], takes: Takes, losses: Losses
) -> Iterable[list[Message]]:
    """Runs of assistant messages and runs of all others, in order; in mode `leading`, system messages go to `leading`."""
    turn: list[Message] = []
    was_assistant = False
    for message in messages:
        role = message.role
        if role == "system" and mode == "leading":
            for block in blocks_in(message):
                leading += parts_of(block, takes, losses)
            losses.add("messages.role", "a system message within the conversation was moved to its beginning")
            continue
        is_assistant = role == "assistant"
        if turn and is_assistant is not was_assistant:
            yield turn
            turn = []
        turn.append(message)
        was_assistant = is_assistant
    if turn:
        yield turn


def _only_text(message: Message) -> str | None:
    """The text of a message that is nothing else; None for any other."""
    content = message.content
    if isinstance(content, str):
        return content or None
    return content[0].text or None if len(content) == 1 and is_plain(content[0]) else None
