"""What a finding is known by from one version of a file to the next: its code, what it is about, what is written there.

No line number is in it, so moving a rule or adding one above changes no fingerprint, and no text that may be a secret.
"""

from __future__ import annotations

import hashlib
import json
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from itertools import accumulate

from engine.reporting.masking import Masks
from schemas.diagnostics import Diagnostic, Span
from schemas.document import Document, Entry, Node, Scalar, Sequence
from schemas.document import Mapping as MappingNode
from schemas.lines import Lines

_NAMES = ("name", "todo")
"""Keys that tell one item of a list from another."""


class Fingerprints:
    """The fingerprints of one configuration's findings."""

    def __init__(self, document: Document | None, texts: Mapping[str, str]) -> None:
        self._document = document
        self._lines = {file: Lines(text, file) for file, text in texts.items()}
        self._masks = Masks(document)
        # by id; the node is kept, so that its id stays its own
        self._children: dict[int, tuple[Node, _Children]] = {}

    def of(self, found: Iterable[Diagnostic]) -> list[str]:
        """16 hex digits for each finding, in order; what would be the same is numbered."""
        seen: dict[str, int] = {}
        result = []
        for one in found:
            what = json.dumps([one.code, self._owner(one), self._written(one.span)], ensure_ascii=False)
            seen[what] = seen.get(what, 0) + 1
            text = f"{what}{seen[what]}"
            result.append(hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()[:16])
        return result

    def _owner(self, found: Diagnostic) -> list[str]:
        """The path of keys to the place, items of lists by their name, else by the facts they ask for."""
        if self._document is None:
            return []
        path: list[str] = []
        node: Node | None = self._document.root
        while node is not None:
            children = self._children.get(id(node))
            if children is None:
                children = self._children[id(node)] = (node, _Children(node))
            node, step = children[1].towards(found.span)
            if node is not None:
                path.append(step)
        return path

    def _written(self, span: Span) -> str:
        """The text of the place, credentials hidden; of a long one its first line."""
        lines = self._lines.get(span.file)
        if lines is None:
            return ""
        around = self._masks.around(lines, span.line, span.column)
        end = span.end_column - 1 - around.start if span.end_line == span.line else None
        return around.text[span.column - 1 - around.start : end].strip()


class _Children:
    """The children of a node by their places: where each begins and ends, and the end of all that begin no later."""

    def __init__(self, node: Node) -> None:
        self._parts: list[Entry | Node] = []
        spans: list[tuple[Span, int]] = []
        if isinstance(node, MappingNode):
            self._parts = list(node.entries)
            spans = [(span, at) for at, one in enumerate(node) for span in (one.key.span, one.value.span)]
        elif isinstance(node, Sequence):
            self._parts = list(node.items)
            spans = [(one.span, at) for at, one in enumerate(node)]
        self._places = sorted((span.file, span.line, span.column, *_end_of(span), at) for span, at in spans)
        ends = (place[:1] + place[3:5] for place in self._places)
        self._furthest = list(accumulate(ends, max))

    def towards(self, span: Span) -> tuple[Node | None, str]:
        """The first child that holds the place and how it is called; None where there is none."""
        here = (span.file, span.line, span.column)
        number = bisect_right(self._places, here, key=lambda place: place[:3]) - 1
        found: list[int] = []
        while number >= 0 and self._furthest[number] > here:
            file, _, _, end_line, end_column, at = self._places[number]
            if (file, end_line, end_column) > here and file == span.file:
                found.append(at)
            number -= 1
        if not found:
            return None, ""
        part = self._parts[min(found)]
        return (part.value, str(part.key.value)) if isinstance(part, Entry) else (part, _item_name(part))


def _end_of(span: Span) -> tuple[int, int]:
    return max((span.end_line, span.end_column), (span.line, span.column + 1))


def _item_name(item: Node) -> str:
    if isinstance(item, MappingNode):
        for key in _NAMES:
            named = item.get(key)
            if isinstance(named, Scalar):
                return str(named.value)
        held = item.get("condition")
        return " ".join(str(entry.key.value) for entry in held) if isinstance(held, MappingNode) else ""
    return ""
