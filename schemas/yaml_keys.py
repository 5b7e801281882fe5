"""Keys of YAML mappings without a `?`, which must be told from values before they are told."""

from __future__ import annotations

from msgspec import Struct

from schemas.yaml_flow import Flow
from schemas.yaml_sink import Leaf
from schemas.yaml_words import AFTER_SIGN, ALIAS, BLOCK_PLAIN, LONGEST_KEY, Unsure


class Key(Struct, frozen=True):
    """A key without `?`: a text and where its colon is, or a collection whose bracket stands at `at`."""

    at: int
    text: Leaf | None
    anchor: str | None
    tagged: bool


def key_at(flow: Flow, start: int) -> Key | None:
    """The key that begins there, if one does that is not just words."""
    text, at = flow.text, start
    anchor: str | None = None
    tagged = False
    while text[at] in "&!":
        anchor, tagged, at = flow.property(at, anchor, tagged)
        while text[at] == " ":
            at += 1
    begin = flow.properties[0] if anchor or tagged else start
    char = text[at]
    if char in "[{":
        return Key(at, None, anchor, tagged) if flow.is_key(at) else None
    if char in "\"'*":
        leaf = text_at(flow, at, begin, anchor, tagged)
        at = leaf[1]
    elif anchor is None and not tagged:
        return None
    elif char == ":" and text[at + 1] in AFTER_SIGN:
        leaf = flow.nothing(anchor, tagged)
    else:
        plain = BLOCK_PLAIN.match(text, at)
        if plain is None:
            return None
        at = plain.end(1)
        leaf = (begin, at, plain[1], None, anchor, tagged)
    while text[at] == " ":
        at += 1
    if text[at] != ":" or text[at + 1] not in AFTER_SIGN:
        return None
    if at - start > LONGEST_KEY or "\n" in text[start:at] or "\r" in text[start:at]:
        raise Unsure
    return Key(at, leaf, anchor, tagged)


def text_at(flow: Flow, at: int, start: int, anchor: str | None, tagged: bool) -> Leaf:
    """The text in quotes, or the alias, at `at`; `start`: of its anchor or tag."""
    if flow.text[at] in "\"'":
        return flow.quoted(at, start, anchor, tagged)
    alias = ALIAS.match(flow.text, at)
    if alias is None or anchor is not None or tagged:
        raise Unsure
    return at, alias.end(), alias[1], "*", None, False
