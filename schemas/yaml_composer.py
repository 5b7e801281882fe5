"""Events of YAML to nodes, each slip a finding: what `yaml_reader` calls for every event of a text."""

from __future__ import annotations

from typing import Any

from msgspec import Struct, field

from schemas.codes import finding
from schemas.diagnostics import Diagnostic, Fix
from schemas.document import Entry, Mapping, Node, Scalar, Sequence
from schemas.edits import in_quotes, unsafe
from schemas.limits import MAX_ALIASED, MAX_DEPTH, MAX_NODES
from schemas.lines import Lines
from schemas.repeats import duplicate_key
from schemas.scalars import resolve, unescaped
from schemas.wording import quoted
from schemas.yaml_events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)
from schemas.yaml_parts import SCALAR, Extent, extent
from schemas.yaml_traps import Trap


class _Open(Struct):
    """A collection whose end has not come. In a mapping `key` is the key that waits for its value."""

    is_mapping: bool
    start: int
    flow: bool
    anchor: str | None
    entries: list[Entry] = field(default_factory=list)
    items: list[Node] = field(default_factory=list)
    seen: dict[str, Scalar] = field(default_factory=dict)
    key: Scalar | None = None
    wants_key: bool = True
    drop: bool = False
    merges: bool = False
    size: int = 1
    height: int = 1
    collections: int = 1
    end: int = 0


class Composer(Struct):
    """Events to nodes, without recursion; stops at the first breach of a limit."""

    lines: Lines
    traps: dict[int, Trap]
    findings: list[Diagnostic] = field(default_factory=list)
    stack: list[_Open] = field(default_factory=list)
    anchors: dict[str, tuple[Node, Extent]] = field(default_factory=dict)
    root: Node | None = None
    sprung: set[int] = field(default_factory=set)
    documents: int = 0
    stopped: bool = False
    written: int = 0
    aliased: int = 0
    """The lists and mappings so far, and those that stand in place of aliases."""

    def take(self, event: Any) -> None:
        if isinstance(event, ScalarEvent):
            self._scalar(event)
        elif isinstance(event, (MappingStartEvent, SequenceStartEvent)):
            self._open(event)
        elif isinstance(event, (MappingEndEvent, SequenceEndEvent)):
            self._close(event.end_mark.index)
        elif isinstance(event, AliasEvent):
            self._alias(event)
        elif isinstance(event, DocumentStartEvent):
            self.documents += 1
            if self.documents > 1:
                at = event.start_mark.index
                self._report(
                    "CCR013",
                    "a second document starts here",
                    at,
                    at + 3,
                    "keep one configuration per file; `include` joins several",
                )
                self.stopped = True

    def too_deep(self, at: int) -> None:
        """Gives up at the bracket or indentation that is one level too many."""
        self._give_up(f"nested more than {MAX_DEPTH} levels deep", at, at + 1)

    def _give_up(self, message: str, start: int, end: int, help_text: str | None = None) -> None:
        self._report("CCR006", message, start, end, help_text)
        self.stopped, self.root, self.stack = True, None, []

    def _report(
        self, code: str, message: str, start: int, end: int, help_text: str | None = None, fix: Fix | None = None
    ) -> None:
        self.findings.append(finding(code, message, self.lines.span(start, end), help=help_text, fix=fix))

    def _whole(self, event: Any) -> None:
        """A collection that was read as a whole."""
        node, text = event.value, self.lines.text
        start = self.lines.offset(node.span.line, node.span.column)
        self._past_properties(event, event.start_mark.index, start + 1 if text[start] in "[{" else len(text))
        size = extent(node)
        self.written += size.collections
        self._add(node, self.lines.offset(node.span.end_line, node.span.end_column), size, event.anchor)

    def _scalar(self, event: Any) -> None:
        if not isinstance(event.value, str):
            self._whole(event)
            return
        start, end = event.start_mark.index, event.end_mark.index
        written = self.lines.text
        start = self._past_properties(event, start, end)
        raw = written[start:end]
        if event.style in ("|", ">"):
            kept = raw.rstrip()
            raw, end = kept, start + len(kept)
        span = self.lines.span(start, end)
        trap = self.traps.get(start)
        if trap is not None and event.style is None and end > start:  # nothing stands where the next word begins
            self.sprung.add(start)
            fix = in_quotes(span, raw) if trap.sure else unsafe(in_quotes(span, raw))
            self._report(trap.code, trap.message, start, end, trap.help_text, fix)
            self._add(Scalar(raw, span, quoted=False, raw=raw), end, SCALAR, event.anchor)
            return
        if event.style is None and not self._key_next():
            resolved = resolve(event.value)
            if resolved.problem:
                self._report("CCR015", resolved.problem[0], start, end, resolved.problem[1])
            self._add(Scalar(resolved.value, span, quoted=False, raw=raw), end, SCALAR, event.anchor)
            return
        read = unescaped(event.value)
        value = read.value
        if read.problem:
            self._report("CCR008", read.problem[0], start, end, read.problem[1])
        if event.style == ">" and raw[1:].strip().isdigit():
            self._report(
                "CCR009",
                f"`{raw}` is the start of a folded text in YAML, not a comparison",
                start,
                end,
                f'write it in quotes: `"{raw}"`',
                in_quotes(span, raw),
            )
            value = raw
        self._add(Scalar(value, span, quoted=event.style is not None, raw=raw), end, SCALAR, event.anchor)

    def _past_properties(self, event: Any, start: int, end: int) -> int:
        """Where the node itself begins, after its tag and anchor; a tag is reported."""
        text = self.lines.text
        if event.tag is None and event.anchor is None:
            return start
        if event.tag is not None:
            word_end = _word_end(text, start)
            while text[start:word_end].startswith("&"):
                start = _after_gap(text, word_end)
                word_end = _word_end(text, start)
            word = text[start : end if text.startswith("!=", start) else word_end]
            self._report(
                "CCR011",
                f"{quoted(word)} is read as a tag by YAML, which configurations do not use",
                start,
                start + len(word),
                f'leave it out, or quote the text: `"{word}"`' if len(word) < 40 else "leave it out",
            )
        while start < end and text[start] in "&!":
            start = _after_gap(text, _word_end(text, start))
        return min(start, end)

    def _open(self, event: Any) -> None:
        if len(self.stack) >= MAX_DEPTH:
            self.too_deep(event.start_mark.index)
            return
        start = self._past_properties(
            event, event.start_mark.index, event.end_mark.index if event.flow_style else len(self.lines.text)
        )
        self.written += 1
        self.stack.append(_Open(isinstance(event, MappingStartEvent), start, bool(event.flow_style), event.anchor))

    def _close(self, end: int) -> None:
        done = self.stack.pop()
        if not done.flow:
            end = max(done.end, done.start)
        span = self.lines.span(done.start, end)
        node: Node = (
            Mapping(tuple(done.entries), span, done.merges) if done.is_mapping else Sequence(tuple(done.items), span)
        )
        self._add(node, end, Extent(done.size, done.height, done.collections), done.anchor)

    def _alias(self, event: Any) -> None:
        name, start, end = event.anchor, event.start_mark.index, event.end_mark.index
        known = self.anchors.get(name)
        raw = self.lines.text[start:end]
        if known is not None:
            node, size = known
            self.aliased += size.collections
            if self.aliased > max(MAX_ALIASED, self.written):
                # each is checked, compiled and proved as if it were written out
                most = f"aliases stand for more than {MAX_ALIASED:,} lists and mappings, and for more than are written before"
                self._give_up(most, start, end, "write out what differs, and leave out what is the same")
                return
            if self._key_next() and not isinstance(node, Scalar):
                self._report("CCR014", f"`{raw}` stands for a collection, which cannot be a key", start, end)
                node = Scalar(raw, self.lines.span(start, end), raw=raw)
            self._add(node, end, size, None)
            return
        inside = any(level.anchor == name for level in self.stack)
        message = (
            f"`{raw}` refers to itself"
            if inside
            else f"`{raw}` is an alias in YAML, and no anchor `&{name}` comes before it"
        )
        self._report(
            "CCR010",
            message,
            start,
            end,
            f'for a pattern write it in quotes: `"{raw}"`',
            unsafe(in_quotes(self.lines.span(start, end), raw)),
        )
        self._add(Scalar(raw, self.lines.span(start, end), raw=raw), end, SCALAR, None)

    def _key_next(self) -> bool:
        return bool(self.stack) and self.stack[-1].is_mapping and self.stack[-1].wants_key

    def _add(self, node: Node, end: int, size: Extent, anchor: str | None) -> None:
        if anchor is not None:
            self.anchors[anchor] = node, size
        if not self.stack:
            if self.documents <= 1:
                self.root = node
            return
        top = self.stack[-1]
        top.end = max(top.end, end)
        top.size += size.size
        top.height = max(top.height, size.height + 1)
        top.collections += size.collections
        if top.size > MAX_NODES or len(self.stack) + size.height > MAX_DEPTH:
            what = (
                f"more than {MAX_NODES:,} values"
                if top.size > MAX_NODES
                else f"nested more than {MAX_DEPTH} levels deep"
            )
            self._give_up(f"{what} after aliases are expanded", max(0, end - 1), end)
            return
        if not top.is_mapping:
            top.items.append(node)
        elif top.wants_key:
            self._take_key(top, node)
        else:
            if top.key is not None and not top.drop:
                top.entries.append(Entry(top.key, node))
            top.wants_key = True

    def _take_key(self, top: _Open, node: Node) -> None:
        top.wants_key, top.drop = False, False
        if not isinstance(node, Scalar) or not isinstance(node.value, str):
            self.findings.append(finding("CCR014", "a key must be a text", node.span, help="write it in quotes"))
            top.key = None
            return
        if node.value == "<<" and not node.quoted:
            self.findings.append(
                finding(
                    "CCR016",
                    "`<<` is a merge key, which this language does not have",
                    node.span,
                    help="repeat the keys, or give the whole value an anchor",
                ),
            )
            top.drop = top.merges = True
        first = top.seen.get(node.value)
        if first is not None and not top.drop:
            self.findings.append(duplicate_key(node, first))
            top.drop = True
        top.key = node
        top.seen.setdefault(node.value, node)


def _word_end(text: str, start: int) -> int:
    end = start
    while end < len(text) and text[end] not in " \t\r\n,[]{}":
        end += 1
    return max(end, min(start + 1, len(text)))


def _after_gap(text: str, start: int) -> int:
    while start < len(text) and text[start] in " \t\r\n":
        start += 1
    return start
