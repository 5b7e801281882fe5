"""What of a request is to be changed, in words."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from schemas.wording import listed, quoted


def changed_text(changes: Sequence[Mapping[str, Any]]) -> str:
    """`add an image, stream the answer`."""
    by_fact = {one["fact"]: one for one in changes}
    grown = {fact: _growth(by_fact[fact]) for fact in _SETS if fact in by_fact}
    follow = {other for fact in by_fact for other in _FOLLOW.get(fact, ())}
    if grown.get("serverTools") and grown["serverTools"] == grown.get("toolNames"):
        follow.add("toolNames")
    count = by_fact.get("toolCount")
    if count is not None and (count["to"] or 0) - (count["from"] or 0) == grown.get(
        "toolNames", grown.get("serverTools")
    ):
        follow.add("toolCount")
    if by_fact.get("path", {}).get("to") == "count_tokens":
        follow.add("stream")
    left = [one for one in changes if one["fact"] not in follow]
    return ", ".join(
        text
        for one in left
        for text in (_tagged(one) if one["fact"] == "tags" else _said(one["fact"], one["from"], one["to"]))
    )


def _tagged(change: Mapping[str, Any]) -> Iterator[str]:
    """Tags are what filters give, and nothing that a client can say."""
    by = listed([one["filter"] for one in change.get("setBy", ())])
    filters = f" by filter {by}" if by else ""
    before, after = set(change["from"] or ()), set(change["to"] or ())
    for verb, names in (("be tagged", sorted(after - before)), ("not be tagged", sorted(before - after))):
        if names:
            yield f"{verb} {listed(names, 'and')}{filters}"


def _growth(change: Mapping[str, Any]) -> int:
    return len(change["to"] or ()) - len(change["from"] or ())


_FOLLOW: Mapping[str, tuple[str, ...]] = {
    "explicit": ("model",),
    "inputTokens": ("messageLength",),
    "requestClass": ("subagent",),
}
"""Fact -> the facts of which nothing more need be said."""


def _said(fact: str, before: Any, after: Any) -> Iterator[str]:
    if fact in _FLAGS:
        yield _FLAGS[fact][0 if after else 1]
    elif fact in _SETS:
        add, leave, one, many = _SETS[fact]
        for verb, names in (
            (add, [name for name in after or () if name not in (before or ())]),
            (leave, [name for name in before or () if name not in (after or ())]),
        ):
            if names:
                yield f"{verb} {one if len(names) == 1 else many} {listed(names, 'and')}"
    elif fact in _SIZES:
        low, high = _SIZES[fact]
        yield f"{high if (after or 0) > (before or 0) else low}: {_number(after)} instead of {_number(before)}"
    elif fact in _WORDS:
        yield _WORDS[fact](before, after)
    elif after is None or after == "":
        yield f"leave out {_named(fact)}"
    elif before is None or before == "":
        yield f"give {_named(fact)} as {_value(after)}"
    else:
        yield f"{_named(fact)} {_value(after)} instead of {_value(before)}"


_FLAGS: Mapping[str, tuple[str, str]] = {
    "hasImages": ("add an image", "take the images out"),
    "hasDocuments": ("add a document", "take the documents out"),
    "hasToolResults": ("add a tool result", "take the tool results out"),
    "stream": ("stream the answer", "do not stream the answer"),
    "subagent": ("let a subagent ask", "let the main agent ask"),
}
_SETS: Mapping[str, tuple[str, str, str, str]] = {
    "toolNames": ("add", "leave out", "tool", "tools"),
    "serverTools": ("add", "leave out", "a server tool of type", "server tools of types"),
    "betas": ("add", "leave out", "beta", "betas"),
    "contentKeywords": ("say", "do not say", "the word", "the words"),
}
_SIZES: Mapping[str, tuple[str, str]] = {
    "inputTokens": ("make it shorter, in tokens", "make it longer, in tokens"),
    "messageLength": ("make it shorter, in characters", "make it longer, in characters"),
    "messageCount": ("fewer messages", "more messages"),
    "toolCount": ("fewer tools", "more tools"),
}
_WORDS: Mapping[str, Callable[[Any, Any], str]] = {
    "explicit": lambda _before, after: f"ask for {_value(after)}" if after else "name no provider and model",
    "model": lambda _before, after: f"ask for model {_value(after)}",
    "path": lambda _before, after: "only count its tokens" if after == "count_tokens" else "ask for an answer",
    "time": lambda _before, after: f"at {after}",
    "clientKey": lambda _before, after: (
        f"come with router key {_value(after)}" if after else "come without a router key"
    ),
}


def _named(fact: str) -> str:
    return f"header {quoted(fact.removeprefix('header.'))}" if fact.startswith("header.") else quoted(fact)


def _value(value: Any) -> str:
    return quoted(str(value)) if isinstance(value, str) else _number(value)


def _number(value: Any) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return "none" if value is None else str(value)
