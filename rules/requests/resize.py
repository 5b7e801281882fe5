"""The messages of a request changed in number, length and weight: its oldest and longest parts go first."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from rules.facts import Facts
from rules.requests.bodies import envelope_of
from rules.requests.shapes import Shape
from rules.requests.wanted import Wanted

_MOST = 8_000_000
"""Characters that a request may be made longer by."""

_FINE = 40
"""Letters that are tried where the next word weighs too much."""


def resized(shape: Shape, wanted: Wanted, spend: Callable[[int], None], *, aside: bool) -> bool:
    """Makes a request as long and heavy as wanted; whether that could be done. `spend` hears the bytes of every reading.

    `aside`: what is added goes into a tool's description or a tool result, not into the user's text.
    """
    count = wanted.span("messageCount")
    if count is not None:
        _count_to(shape["request"], *count)
    for fact in ("messageLength", "inputTokens"):
        span = wanted.span(fact)
        if span is not None and not _sized_to(shape, fact, span, spend, aside=aside):
            return False
    return True


def blocks_in(body: dict[str, Any]) -> Iterator[tuple[dict[str, Any], str]]:
    """Where each text of `system` and `messages` stands: the object and its key."""
    if isinstance(body.get("system"), str):
        yield body, "system"
    for block in body["system"] if isinstance(body.get("system"), list) else ():
        if isinstance(block.get("text"), str):
            yield block, "text"
    for message in body["messages"]:
        if isinstance(message["content"], str):
            yield message, "content"
            continue
        for block in message["content"]:
            if block.get("type") == "text" and isinstance(block.get("text"), str):
                yield block, "text"


def last_of_user(body: dict[str, Any]) -> dict[str, Any]:
    """The last message of the user, a new one where there is none."""
    for message in reversed(body["messages"]):
        if message["role"] == "user":
            return dict_of(message)
    body["messages"].append({"role": "user", "content": ""})
    return dict_of(body["messages"][-1])


def dict_of(message: Any) -> dict[str, Any]:
    """A message as the mapping it is."""
    assert isinstance(message, dict)
    return message


def say_last(body: dict[str, Any], text: str, *, added: bool) -> None:
    """Puts a text behind the user's last one, or in its place."""
    for message in reversed(body["messages"]):
        content = message["content"]
        texts = [(message, "content")] if isinstance(content, str) else _texts_of(content)
        said = [(holder, key) for holder, key in texts if holder[key].strip()]
        if message["role"] != "user" or not said:
            continue
        holder, key = said[-1]
        holder[key] = f"{holder[key]} {text}" if added else text
        for other, name in () if added else said[:-1]:
            other[name] = ""
        return
    message = last_of_user(body)
    content = message["content"]
    message["content"] = [*content, {"type": "text", "text": text}] if isinstance(content, list) and content else text


def _texts_of(content: list[dict[str, Any]]) -> list[tuple[dict[str, Any], str]]:
    return [(one, "text") for one in content if one.get("type") == "text" and isinstance(one.get("text"), str)]


def _count_to(body: dict[str, Any], low: float, high: float) -> None:
    messages = body["messages"]
    if len(messages) > high:
        del messages[: len(messages) - int(high)]
    earlier: list[dict[str, Any]] = []
    behind = messages[0]["role"] if messages else None
    while len(earlier) + len(messages) < low:
        behind = "assistant" if behind == "user" else "user"
        earlier.append({"role": behind, "content": "hi"})
    messages[:0] = reversed(earlier)


def _sized_to(shape: Shape, fact: str, span: tuple[float, float], spend: Callable[[int], None], *, aside: bool) -> bool:
    low, high = span

    def measured() -> int:
        envelope = envelope_of(shape)
        spend(len(envelope.request.raw))
        value = Facts(envelope).get(fact)
        assert isinstance(value, int)
        return value

    now = measured()
    if now < low:
        return _grown(shape, measured, fact, int(low), high, aside=aside)
    return now <= high or _shrunk(shape["request"], measured, int(high))


def _grown(shape: Shape, measured: Callable[[], int], fact: str, low: int, high: float, *, aside: bool) -> bool:
    """Adds text until a measure is `low` or just above; the letters change nothing but the measure."""
    write = _writer_for(shape["request"], fact, aside=aside)
    if write is None:
        return False
    unit = "x" if fact == "messageLength" else "x "
    first = _least(lambda count: (write(unit * count), measured())[1], low, _MOST // len(unit))
    if first is None:
        return False
    write(unit * first)
    fine = 1
    while measured() > high and fine <= _FINE:
        write(unit * (first - 1) + "x" * fine)
        if measured() < low:
            fine += 1
        elif measured() > high:
            return False
    return low <= measured() <= high


def _least(measure: Callable[[int], int], wanted: int, most: int) -> int | None:
    """The least number, from 1, with which a growing measure is as large as wanted; None: there is none up to `most`.

    The measure is nearly a straight line, so the next number tried lies on it; every third one halves what is left.
    """
    below, least = 0, measure(0)
    above: int | None = None
    guess, tries = 64, 0
    while above is None or above - below > 1:
        tries += 1
        value = measure(guess)
        if value >= wanted:
            above = guess
        elif guess >= most:
            return None
        slope = (value - least) / guess if value > least else 0.0
        if value < wanted:
            below = guess
        straight = round((wanted - least) / slope) if slope else 2 * guess
        if above is None:
            guess = min(max(straight, below + 1), max(4 * guess, below + 1), most)
        else:
            guess = (below + above) // 2 if tries % 3 == 0 else min(max(straight, below + 1), above - 1)
    return above


def _writer_for(body: dict[str, Any], fact: str, *, aside: bool) -> Callable[[str], None] | None:
    holder: dict[str, Any]
    if not aside:
        message = last_of_user(body)
        if isinstance(message["content"], str):
            message["content"] = [{"type": "text", "text": message["content"]}] if message["content"] else []
        holder, key = {"type": "text", "text": ""}, "text"
        message["content"].append(holder)
    elif fact == "inputTokens":
        if not body.get("tools"):
            return None
        holder, key = body["tools"][0], "description"
    else:
        system = body.get("system") or []
        holder, key = {"type": "text", "text": ""}, "text"
        blocks = [{"type": "text", "text": system}] if isinstance(system, str) else list(system)
        body["system"] = [*blocks, holder]
    before = str(holder.get(key) or "")

    def write(text: str) -> None:
        holder[key] = before + text

    return write


def _shrunk(body: dict[str, Any], measured: Callable[[], int], high: int) -> bool:
    """Cuts texts, the longest first, then drops messages, the oldest first, until a measure is low enough."""
    longest = sorted(_cuttable(body), key=lambda place: -len(place[0][place[1]]))
    for holder, key in longest:
        text = holder[key]
        holder[key] = ""
        if measured() <= high:
            kept, gone = 0, len(text)
            while kept + 1 < gone:
                middle = (kept + gone) // 2
                holder[key] = text[:middle]
                kept, gone = (middle, gone) if measured() <= high else (kept, middle)
            holder[key] = text[:kept]
            return True
    while len(body["messages"]) > 1:
        del body["messages"][0]
        if measured() <= high:
            return True
    body.pop("tools", None)
    return measured() <= high


def _cuttable(body: dict[str, Any]) -> Iterator[tuple[dict[str, Any], str]]:
    yield from blocks_in(body)
    for message in body["messages"]:
        for block in message["content"] if isinstance(message["content"], list) else ():
            if isinstance(block.get("content"), str):
                yield block, "content"
            for inner in block["content"] if isinstance(block.get("content"), list) else ():
                if isinstance(inner, dict) and isinstance(inner.get("text"), str):
                    yield inner, "text"
    for tool in body.get("tools") or ():
        if isinstance(tool.get("description"), str):
            yield tool, "description"
