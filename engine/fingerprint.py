"""What a finding is known by from one version of a file to the next: its code, what it is about, what is written there.

No line number is in it, so moving a rule or adding one above changes no fingerprint, and no text that may be a secret.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping

from engine.masking import Masks
from schemas.diagnostics import Diagnostic, Span
from schemas.document import Document, Node, Scalar, Sequence
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
            node, step = _towards(node, found.span)
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


def _towards(node: Node, span: Span) -> tuple[Node | None, str]:
    """The child of `node` that holds the place and how it is called; None where there is none."""
    if isinstance(node, MappingNode):
        for entry in node:
            if _holds(entry.key.span, span) or _holds(entry.value.span, span):
                return entry.value, str(entry.key.value)
    if isinstance(node, Sequence):
        for item in node:
            if _holds(item.span, span):
                return item, _item_name(item)
    return None, ""


def _holds(outer: Span, inner: Span) -> bool:
    return outer.file == inner.file and (outer.line, outer.column) <= (inner.line, inner.column) < max(
        (outer.end_line, outer.end_column), (outer.line, outer.column + 1)
    )


def _item_name(item: Node) -> str:
    if isinstance(item, MappingNode):
        for key in _NAMES:
            named = item.get(key)
            if isinstance(named, Scalar):
                return str(named.value)
        held = item.get("condition")
        return " ".join(str(entry.key.value) for entry in held) if isinstance(held, MappingNode) else ""
    return ""
