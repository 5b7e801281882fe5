"""Source lines as they may be shown: credentials replaced by `*`, character for character, so that carets still fit."""

from __future__ import annotations

import re
from collections.abc import Iterable
from collections.abc import Mapping as MappingType

from msgspec.structs import replace

from schemas.diagnostics import Diagnostic, Span
from schemas.document import Document, Mapping, Node, Scalar, Sequence
from schemas.lines import Lines
from schemas.substitute import CREDENTIALS
from schemas.wording import CREDENTIAL

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
_ASSIGNED = re.compile(rf"{_NAMES}[\"']?\s*[:=]\s*(?P<value>[^\s{{].*)$", re.IGNORECASE)
_KEY_ALONE = re.compile(rf"{_NAMES}[\"']?\s*[:=]\s*[|>]?[-+0-9]*\s*$", re.IGNORECASE)
_IN_URL = re.compile(r"(?<=://)[^\s/@\"']+(?=@)")
_WORD = re.compile(r"[^\s\"',{}\[\]:]++(?![\"']?\s*:(?:\s|$))")


class Masks:
    """What is to be hidden in a configuration's texts.

    Known from the tree where there is one, and from what looks like a credential on any line.
    """

    def __init__(self, document: Document | None) -> None:
        self._lines: dict[tuple[str, int], list[tuple[int, int | None]]] = {}
        if document is not None:
            for span in _secret_spans(document.root, hidden=False):
                self._hide(span)

    def _hide(self, span: Span) -> None:
        for line in range(span.line, span.end_line + 1):
            start = span.column if line == span.line else 1
            end = span.end_column if line == span.end_line else None
            self._lines.setdefault((span.file, line), []).append((start - 1, None if end is None else end - 1))

    def shown(self, file: str, number: int, text: str, before: str = "") -> str:
        """Line `number` of `file`, safe to show; `before` is the line above it."""
        for start, end in self._lines.get((file, number), ()):
            text = _starred(text, start, len(text) if end is None else end)
        assigned = _ASSIGNED.search(text)
        if assigned and "tokenPath" not in assigned[0]:
            text = _words_starred(text, assigned.start("value"))
        elif _KEY_ALONE.search(before):
            text = _words_starred(text, 0)
        for pattern in (CREDENTIAL, _IN_URL):
            text = pattern.sub(lambda match: "*" * len(match[0]), text)
        return text


def scrubbed(found: Iterable[Diagnostic], document: Document | None, texts: MappingType[str, str]) -> list[Diagnostic]:
    """The findings with every word of theirs replaced that is hidden in the lines they are about."""
    masks = Masks(document)
    lines = {file: Lines(text, file) for file, text in texts.items()}
    hidden: dict[tuple[str, int], list[str]] = {}
    clean = []
    for one in found:
        place = (one.span.file, one.span.line)
        if place not in hidden:
            hidden[place] = _hidden_words(masks, lines.get(one.span.file), one.span.line)
        clean.append(_without(one, hidden[place]) if hidden[place] else one)
    return clean


def _without(found: Diagnostic, words: list[str]) -> Diagnostic:
    message, help_text = found.message, found.help
    for word in words:
        message = message.replace(word, "***")
        help_text = help_text.replace(word, "***") if help_text else None
    told = found.fix and any(word in edit.text for edit in found.fix.edits for word in words)
    return replace(found, message=message, help=help_text, fix=None if told else found.fix)


def _hidden_words(masks: Masks, lines: Lines | None, number: int) -> list[str]:
    """What stands where the line shows stars, longest first; under four letters it tells nothing and matches too much."""
    if lines is None:
        return []
    text = lines.line(number)
    shown = masks.shown(lines.file, number, text, lines.line(number - 1))
    if shown == text:
        return []
    words = {text[match.start() : match.end()] for match in re.finditer(r"\*+", shown)}
    parts = {part for word in words for part in (word, word.strip("*&!@|>\"'`"))}
    return sorted((part for part in parts if len(part) > 3 and set(part) != {"*"}), key=len, reverse=True)


def _starred(text: str, start: int, end: int) -> str:
    """`text[start:end]` hidden, but for quotes and for `${...}`, which says only where the value comes from."""
    part = text[start:end]
    kept = [match.span() for match in _REFERENCE.finditer(part)]
    hidden = "".join(
        char if char in "\"' " or any(a <= at < b for a, b in kept) else "*" for at, char in enumerate(part)
    )
    return text[:start] + hidden + text[end:]


def _words_starred(text: str, start: int) -> str:
    kept = [match.span() for match in _REFERENCE.finditer(text)]

    def hide(match: re.Match[str]) -> str:
        inside = any(a < match.end() and match.start() < b for a, b in kept)
        return match[0] if match.start() < start or inside else "*" * len(match[0])

    return _WORD.sub(hide, text)


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
