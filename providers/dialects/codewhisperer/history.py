"""Turns as the service's messages: calls and results paired, nothing empty, within its limits.

Its rules: user and assistant alternate, a user comes first; every call is answered exactly once in the very next user
message and nothing else is answered there; content is never empty. Calls stay calls: a history with calls written out
as text teaches the model to write them so.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from providers.dialects.codewhisperer.names import Ids
from providers.dialects.codewhisperer.turns import AssistantTurn, Call, Result, Turn, UserTurn, refused
from providers.dialects.losses import Losses

MAX_CONTENT_CHARS = 600_000
MAX_RESULT_CHARS = 800_000
MAX_HISTORY_MESSAGES = 10_000

NO_TEXT = "(no text)"
NO_OUTPUT = "(no output)"
NO_RESULT = "(no result of this call was recorded)"
WORDLESS = " "
"""The content of an assistant message that only calls; its own filler, since a model copies words it sees itself say."""


def messages_of(turns: Sequence[Turn], names: Mapping[str, str], losses: Losses) -> list[dict[str, Any]]:
    """The conversation's messages; the last is the user's. `names` are tool names, client's to sent.

    Raises `Unencodable` with "prompt is too long" where a limit of the service is passed.
    """
    messages: list[dict[str, Any]] = []
    ids = Ids()
    open_calls: list[tuple[str, Call]] = []
    for turn in _alternating(turns, losses):
        if isinstance(turn, AssistantTurn):
            open_calls = [(ids.sent(call.id), call) for call in turn.calls]
            messages.append(_assistant(turn, open_calls, names, losses))
        else:
            messages.append(_user(turn, open_calls, losses))
            open_calls = []
    if len(messages) - 1 > MAX_HISTORY_MESSAGES:
        raise too_long(f"{len(messages) - 1} messages > {MAX_HISTORY_MESSAGES} maximum")
    return messages


def user_message(content: str) -> dict[str, Any]:
    """A user message of text alone."""
    if len(content) > MAX_CONTENT_CHARS:
        raise too_long(f"a message of {len(content)} characters > {MAX_CONTENT_CHARS} maximum")
    return {"userInputMessage": {"content": content}}


def assistant_message(content: str) -> dict[str, Any]:
    """An assistant message of text alone."""
    return {"assistantResponseMessage": {"content": content}}


def too_long(said: str) -> Exception:
    """Over a limit; Claude Code knows these words and compacts the conversation."""
    return refused("context_length", f"prompt is too long: {said}")


def _alternating(turns: Sequence[Turn], losses: Losses) -> list[Turn]:
    """The turns with a user's at both ends."""
    ended = list(turns)
    if not ended or isinstance(ended[0], AssistantTurn):
        ended.insert(0, UserTurn())
    if isinstance(ended[-1], AssistantTurn):
        losses.add("messages", "an answer cannot be continued here: it is sent as history")
        ended.append(UserTurn())
    return ended


def _assistant(
    turn: AssistantTurn, calls: Sequence[tuple[str, Call]], names: Mapping[str, str], losses: Losses
) -> dict[str, Any]:
    content = "\n".join(turn.texts)
    message = assistant_message(content if content.strip() else WORDLESS)
    if calls:
        message["assistantResponseMessage"]["toolUses"] = [
            {"toolUseId": sent_id, "name": names[call.name], "input": call.input} for sent_id, call in calls
        ]
    if turn.thoughts:
        *others, last = turn.thoughts
        losses.add("messages.content.thinking", "a message has one thought here: the last is sent", len(others))
        message["assistantResponseMessage"]["reasoningContent"] = (
            {"redactedContent": last.signature}
            if last.is_sealed
            else {"reasoningText": {"text": last.text, "signature": last.signature}}
        )
    return message


def _user(turn: UserTurn, open_calls: Sequence[tuple[str, Call]], losses: Losses) -> dict[str, Any]:
    answers, orphans = _answers(turn.results, open_calls, losses)
    content = "\n".join([*orphans, *turn.texts])
    if not content.strip():
        content = "" if answers else NO_TEXT
    message = user_message(content)
    if turn.images:
        message["userInputMessage"]["images"] = turn.images
    if answers:
        message["userInputMessage"]["userInputMessageContext"] = {"toolResults": answers}
    return message


def _answers(
    results: Sequence[Result], open_calls: Sequence[tuple[str, Call]], losses: Losses
) -> tuple[list[dict[str, Any]], list[str]]:
    """One result for each open call, in their order, and the texts of results that answer none of them."""
    waiting: dict[str, list[str]] = {}
    for sent_id, call in open_calls:
        waiting.setdefault(call.id, []).append(sent_id)
    found: dict[str, Result] = {}
    latest: dict[str, str] = {}
    orphans: list[str] = []
    for result in results:
        if waiting.get(result.id):
            latest[result.id] = waiting[result.id].pop(0)
            found[latest[result.id]] = result
        elif result.id in latest:
            first = found[latest[result.id]]
            losses.add("messages.tool_result", "a call is answered once: a second result was joined to the first")
            if result.text and result.text != first.text:
                first.text = f"{first.text}\n{result.text}"
        else:
            losses.add(
                "messages.tool_result", "it answers no call of the message before: its text is sent as the user's"
            )
            if result.text:
                orphans.append(result.text)
    for sent_id, call in open_calls:
        if sent_id not in found:
            losses.add("messages.tool_use", "a call without a result is answered with an error in its place")
            found[sent_id] = Result(call.id, NO_RESULT, failed=True)
    return [_answer(sent_id, found[sent_id]) for sent_id, _ in open_calls], orphans


def _answer(sent_id: str, result: Result) -> dict[str, Any]:
    content = [{"text": result.text or NO_OUTPUT}]
    if len(result.text) > MAX_RESULT_CHARS // 6:
        written = len(json.dumps(content))
        if written > MAX_RESULT_CHARS:
            raise too_long(f"a tool result of {written} characters > {MAX_RESULT_CHARS} maximum")
    return {"toolUseId": sent_id, "status": "error" if result.failed else "success", "content": content}
