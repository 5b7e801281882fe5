"""Source lines as they may be shown: credentials replaced by `*`, character for character, so that carets still fit."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from collections.abc import Mapping as MappingType
from typing import TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from schemas.diagnostics import Diagnostic, Span
from schemas.document import Document, Mapping, Node, Scalar, Sequence
from schemas.lines import Lines
from schemas.substitute import CREDENTIALS
from schemas.wording import credentials_in

# keys whose text may be a credential, wherever they stand
_SECRET_KEY = re.compile(
    r"api[-_ ]?keys?$|token$|secret|passw|authorization|credential|bearer|x-api-key|cookie|private[-_]?key",
    re.IGNORECASE,
)
# under these keys everything is one, but for what stands under the second
_SECRET_BELOW = (CREDENTIALS, "apiKeys", "tls", "extraHeaders")
_NOT_SECRET = ("type", "tokenPath", "name", "expires", "allow", "limits", "budget")
_REFERENCE = re.compile(r"\$\{[^{}]*\}")
_NAMES = r"(?:api[-_ ]?keys?|(?<![a-zA-Z])token|(?<=[a-z_-])[Tt]oken|(?:secret|passw|credential)[\w-]*|authorization|bearer|cookie|private[-_]?key)"
_PARTS_OF_NAMES = ("key", "token", "secret", "passw", "credential", "authorization", "bearer", "cookie")
_ASSIGNED = re.compile(rf"{_NAMES}[\"']?\s*[:=]\s*(?P<value>[^\s{{].*)$", re.IGNORECASE)
_KEY_ALONE = re.compile(rf"{_NAMES}[\"']?\s*[:=]\s*[|>]?[-+0-9]*\s*$", re.IGNORECASE)
_IN_URL = re.compile(r"(?<=://)[^\s/@\"']+(?=@)")
_WORD = re.compile(r"[^\s\"',{}\[\]:]++(?![\"']\s*:|\s*:(?:\s|$))")
_SIGNS = ("-", "#")
"""Words that only say what stands behind them: an item of a list, a comment."""
Stretches: TypeAlias = dict[tuple[str, int], list[tuple[int, int | None]]]
_OWN_WORDS = ("none", "bearer", "forward", "null", "false", "true")
"""Words of the language itself, which advice needs."""
_REACH = 10_000
"""So far around a place of a very long line is looked at, in characters."""


class Stretch(Struct, frozen=True):
    """A part of a line, safe to show, of most lines the whole; `start` characters of the line are before it."""

    text: str
    start: int = 0


class Masks:
    """What is to be hidden in a configuration's texts.

    Known from the tree where there is one, and from what looks like a credential on any line.
    """

    def __init__(self, document: Document | None) -> None:
        self._document = document
        self._hidden: Stretches = {}
        self._plain: Stretches | None = None
        self._made: dict[tuple[str, int, int], Stretch] = {}
        if document is not None:
            self._hidden = _by_line(_secret_spans(document.root, hidden=False))

    def around(self, lines: Lines, number: int, column: int) -> Stretch:
        """What is around a place, made once: many findings can be on a long line."""
        start = max(0, (column - 1) // _REACH - 1) * _REACH if lines.length(number) > 3 * _REACH else 0
        place = (lines.file, number, start)
        if place not in self._made:
            before = lines.part(number - 1, max(0, lines.length(number - 1) - _REACH), None)
            text = lines.part(number, start, start + 3 * _REACH)
            self._made[place] = Stretch(self.shown(lines.file, number, text, before, start), start)
        return self._made[place]

    def shown(self, file: str, number: int, text: str, before: str = "", start: int = 0) -> str:
        """Line `number` of `file`, or what of it follows the first `start` characters; `before` is the line above it."""
        hidden = self._hidden.get((file, number))
        if hidden:
            text = _starred(text, _in_part(hidden, start, len(text)))
        assigned = _ASSIGNED.search(text) if _may_name_one(text) else None
        if assigned and "tokenPath" not in assigned[0]:
            text = _words_starred(text, assigned.start("value"), self._known(file, number, start, len(text)))
        elif _may_name_one(before) and _KEY_ALONE.search(before):
            text = _words_starred(text, 0, self._known(file, number, start, len(text)))
        found = credentials_in(text)
        if found:
            text = _starred(text, found)
        return _IN_URL.sub(lambda match: "*" * len(match[0]), text) if "@" in text else text

    def _known(self, file: str, number: int, start: int, length: int) -> Iterable[tuple[int, int]]:
        """Where in a part of a line values stand of which the tree says that they are none."""
        if self._plain is None:
            self._plain = {} if self._document is None else _by_line(_plain_spans(self._document.root, secret=False))
        return _in_part(self._plain.get((file, number), ()), start, length)


def _may_name_one(text: str) -> bool:
    """Whether a name of a credential may be in a text: of most lines sooner said than by the expressions."""
    if not text.isascii():
        return True
    small = text.lower()
    return any(part in small for part in _PARTS_OF_NAMES)


def scrubbed(found: Iterable[Diagnostic], masks: Masks, texts: MappingType[str, str]) -> list[Diagnostic]:
    """The findings with every word of theirs replaced that is hidden in the lines they are about."""
    lines = {file: Lines(text, file) for file, text in texts.items()}
    hidden: dict[tuple[str, int, int], list[str]] = {}
    clean = []
    for one in found:
        file = lines.get(one.span.file)
        if file is None:
            clean.append(one)
            continue
        stretch = masks.around(file, one.span.line, one.span.column)
        place = (one.span.file, one.span.line, stretch.start)
        if place not in hidden:
            hidden[place] = _hidden_words(
                file.part(one.span.line, stretch.start, stretch.start + len(stretch.text)), stretch.text
            )
        clean.append(_without(one, hidden[place]) if hidden[place] else one)
    return clean


def _without(found: Diagnostic, words: list[str]) -> Diagnostic:
    message, help_text = found.message, found.help
    for word in words:
        message = message.replace(word, "***")
        help_text = help_text.replace(word, "***") if help_text else None
    told = found.fix and any(word in edit.text for edit in found.fix.edits for word in words)
    return replace(found, message=message, help=help_text, fix=None if told else found.fix)


def _hidden_words(text: str, shown: str) -> list[str]:
    """What stands where the line shows stars, longest first; under four letters it tells nothing and matches too much."""
    if text == shown:
        return []
    words = {text[match.start() : match.end()] for match in re.finditer(r"\*+", shown)}
    parts = {part for word in words for part in (word, word.strip("*&!@|>\"'`"))}
    told = (part for part in parts if len(part) > 3 and set(part) != {"*"} and part not in _OWN_WORDS)
    return sorted(told, key=len, reverse=True)


def _starred(text: str, parts: Iterable[tuple[int, int]]) -> str:
    """Parts hidden, but for quotes and for `${...}`, which says only where the value comes from."""
    kept, shown = _kept(text, ()), list(text)
    for first, last in parts:
        for at in range(first, last):
            if not kept[at] and shown[at] not in "\"' ":
                shown[at] = "*"
    return "".join(shown)


def _words_starred(text: str, start: int, known: Iterable[tuple[int, int]]) -> str:
    """Every word behind `start` hidden, but for what is `known` to be none, and for references."""
    kept = _kept(text, known)

    def hide(match: re.Match[str]) -> str:
        inside = kept.find(0, match.start(), match.end()) < 0
        shown = match.start() < start or inside or match[0] in _SIGNS
        return match[0] if shown else "*" * len(match[0])

    return _WORD.sub(hide, text)


def _kept(text: str, known: Iterable[tuple[int, int]]) -> bytearray:
    """A 1 for each character that is shown in any case."""
    kept = bytearray(len(text))
    for first, last in (*known, *(match.span() for match in _REFERENCE.finditer(text))):
        kept[first:last] = b"\1" * (last - first)
    return kept


def _by_line(spans: Iterable[Span]) -> Stretches:
    """Where spans stand in each line, from 0; `None` ends at its end."""
    found: Stretches = {}
    for span in spans:
        for line in range(span.line, span.end_line + 1):
            start = span.column - 1 if line == span.line else 0
            end = span.end_column - 1 if line == span.end_line else None
            found.setdefault((span.file, line), []).append((start, end))
    return found


def _in_part(stretches: Iterable[tuple[int, int | None]], start: int, length: int) -> Iterator[tuple[int, int]]:
    """What of the stretches of a line lies in a part of it, counted from where that begins."""
    for first, last in stretches:
        end = length if last is None else min(last - start, length)
        if first - start < length and end > 0:
            yield max(0, first - start), end


def _secret_spans(node: Node, hidden: bool) -> Iterable[Span]:
    if isinstance(node, Scalar):
        if hidden and node.value is not None and not isinstance(node.value, bool):
            yield node.span
    elif isinstance(node, Sequence):
        for item in node:
            yield from _secret_spans(item, hidden)
    elif isinstance(node, Mapping):
        for entry in node:
            key = str(entry.key.value)
            below = hidden or key in _SECRET_BELOW
            direct = isinstance(entry.value, Scalar) and _SECRET_KEY.search(key) is not None
            yield from _secret_spans(entry.value, (below or direct) and key not in _NOT_SECRET)


def _plain_spans(node: Node, secret: bool) -> Iterable[Span]:
    """Keys, and values on one line, that are certainly no credential: neither they nor what they stand under is called one.

    What may be the rest of one is none of these: an item beside mappings, a key without a value (`{apiKey: a, b}`).
    """
    if isinstance(node, Scalar):
        single = node.span.line == node.span.end_line
        if not secret and single and not _ASSIGNED.search(node.raw) and not _KEY_ALONE.search(node.raw):
            yield node.span
    elif isinstance(node, Sequence):
        mixed = any(isinstance(item, Mapping) for item in node)
        for item in node:
            yield from _plain_spans(item, secret or (mixed and isinstance(item, Scalar)))
    elif isinstance(node, Mapping):
        for entry in node:
            key = str(entry.key.value)
            if not secret and not (isinstance(entry.value, Scalar) and not entry.value.raw):
                yield entry.key.span
            named = key in _SECRET_BELOW or _SECRET_KEY.search(key) is not None
            yield from _plain_spans(entry.value, (secret or named) and key not in _NOT_SECRET)
