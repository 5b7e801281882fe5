"""The parts of a YAML text to nodes, each slip a finding."""

from __future__ import annotations

import re
from typing import Any, NoReturn

from msgspec import Struct, field

from schemas.codes import finding
from schemas.diagnostics import Diagnostic, Fix
from schemas.document import Entry, JSONScalar, Mapping, Node, Scalar, Sequence
from schemas.edits import in_quotes, unsafe
from schemas.limits import MAX_ALIASED, MAX_DEPTH, MAX_ENTRIES, MAX_FINDINGS, MAX_LISTS_IN_LISTS, MAX_NODES
from schemas.lines import Lines
from schemas.repeats import duplicate_key
from schemas.scalars import MORE_THAN_TEXT, resolve, unescaped
from schemas.too_many import ENTRIES, LISTS_IN_LISTS, too_many
from schemas.wording import quoted
from schemas.yaml_traps import Trap, past_properties

_COLON = re.compile(r"[ \t]*:")


class _Open(Struct):
    """A collection whose end has not come. In a mapping `key` is the key that waits for its value."""

    is_mapping: bool
    start: int
    flow: int | None
    anchor: str | None
    values: int
    lists: int
    """Those told before it."""
    parts: list[Any]
    seen: dict[str, Scalar]
    end: int
    height: int = 1
    key: Scalar | None = None
    wants_key: bool = True
    drop: bool = False
    merges: bool = False


class Stop(Exception):  # noqa: N818 - ends the reading; the finding is already made
    """Nothing more is to be read."""


class _Anchored(Struct, frozen=True):
    """A node with an anchor: how many values it is, how many of them are lists or mappings, and in how many levels."""

    node: Node
    values: int
    lists: int
    height: int


class Composer(Struct):
    """The sink that makes nodes, without recursion; raises `Stop` at the first breach of a limit."""

    lines: Lines
    traps: dict[int, Trap]
    findings: list[Diagnostic] = field(default_factory=list)
    stack: list[_Open] = field(default_factory=list)
    anchors: dict[str, _Anchored] = field(default_factory=dict)
    root: Node | None = None
    sprung: set[int] = field(default_factory=set)
    values: int = 0
    lists: int = 0
    """Values so far, and those that are lists or mappings, with what stands in place of aliases."""
    aliased: int = 0
    """The lists and mappings among them that do."""
    lists_in_lists: int = 0
    cut: bool = False
    """Whether it was given up after too many findings."""

    def second_document(self, at: int) -> None:
        """What is said where one begins."""
        self._report(
            "CCR013",
            "a second document starts here",
            at,
            at + 3,
            "keep one configuration per file; `include` joins several",
        )

    def too_deep(self, at: int) -> NoReturn:
        """Gives up at the bracket or indentation that is one level too many."""
        self._give_up(f"nested more than {MAX_DEPTH} levels deep", at, at + 1)

    def _give_up(self, message: str, start: int, end: int, help_text: str | None = None) -> NoReturn:
        self._report("CCR006", message, start, end, help_text)
        self.root = None
        raise Stop

    def _report(
        self, code: str, message: str, start: int, end: int, help_text: str | None = None, fix: Fix | None = None
    ) -> None:
        self._found(finding(code, message, self.lines.span(start, end), help=help_text, fix=fix))

    def _found(self, found: Diagnostic) -> None:
        if len(self.findings) == MAX_FINDINGS:
            self.findings.append(too_many(self.lines.file))
            self.root, self.cut = None, True
            raise Stop
        self.findings.append(found)

    def scalar(self, start: int, end: int, value: str, style: str | None, anchor: str | None, tagged: bool) -> None:
        """Takes a text or an alias."""
        if style == "*":
            self._alias(value, start, end)
            return
        if tagged or anchor is not None:
            start = self._past_properties(start, end, tagged)
        elif start == end and style is None and self.stack:
            start = end = self._empty(start)
        raw = self.lines.text[start:end]
        if style is None:
            if start in self.traps and end > start:  # nothing stands where the next word begins
                self._trapped(self.traps[start], start, end, raw, anchor)
                return
            if not self._key_next():
                meant: JSONScalar = value
                if not value or value[0] in MORE_THAN_TEXT:
                    resolved = resolve(value)
                    meant = resolved.value
                    if resolved.problem:
                        self._report("CCR015", resolved.problem[0], start, end, resolved.problem[1])
                node = Scalar(meant, self.lines.span(start, end), False, raw)
                self._add(node, end, anchor)
                return
        elif style in "|>":
            raw = raw.rstrip()
            end = start + len(raw)
        span = self.lines.span(start, end)
        if not value.isascii() or "\0" in value:
            read = unescaped(value)
            value = str(read.value)
            if read.problem:
                self._report("CCR008", read.problem[0], start, end, read.problem[1])
        if style == ">" and raw[1:].strip().isdigit():
            self._report(
                "CCR009",
                f"`{raw}` is the start of a folded text in YAML, not a comparison",
                start,
                end,
                f'write it in quotes: `"{raw}"`',
                in_quotes(span, raw),
            )
            value = raw
        self._add(Scalar(value, span, style is not None, raw), end, anchor)

    def _empty(self, at: int) -> int:
        """Where an empty value is: just behind its key, whatever stands around it."""
        top = self.stack[-1]
        if top.wants_key:
            return at
        colon = _COLON.match(self.lines.text, top.end)
        return colon.end() if colon else top.end

    def _trapped(self, trap: Trap, start: int, end: int, raw: str, anchor: str | None) -> None:
        span = self.lines.span(start, end)
        self.sprung.add(start)
        fix = in_quotes(span, raw) if trap.sure else unsafe(in_quotes(span, raw))
        self._report(trap.code, trap.message, start, end, trap.help_text, fix)
        self._add(Scalar(raw, span, quoted=False, raw=raw), end, anchor)

    def _past_properties(self, start: int, end: int, tagged: bool) -> int:
        """Where the node itself begins, after its tag and anchor; a tag is reported."""
        tag, start = past_properties(self.lines.text, start, end, tagged)
        if tag is not None:
            word = self.lines.text[slice(*tag)]
            self._report(
                "CCR011",
                f"{quoted(word)} is read as a tag by YAML, which configurations do not use",
                *tag,
                f'leave it out, or quote the text: `"{word}"`' if len(word) < 40 else "leave it out",
            )
        return start

    def open(self, is_mapping: bool, start: int, flow: int | None, anchor: str | None, tagged: bool) -> None:
        """Takes the beginning of a list or mapping."""
        if len(self.stack) >= MAX_DEPTH:
            self.too_deep(start)
        if not is_mapping and self.stack and not self.stack[-1].is_mapping:
            self.lists_in_lists += 1
            if self.lists_in_lists > MAX_LISTS_IN_LISTS:
                self._give_up(LISTS_IN_LISTS, start, start + 1)
        if tagged or anchor is not None:
            start = self._past_properties(start, len(self.lines.text) if flow is None else flow, tagged)
        self.stack.append(_Open(is_mapping, start, flow, anchor, self.values, self.lists, [], {}, start))
        self.values += 1
        self.lists += 1

    def close(self, end: int) -> None:
        """Takes its end."""
        done = self.stack.pop()
        if done.flow is None:
            end = done.end
        span = self.lines.span(done.start, end)
        parts = tuple(done.parts)
        node: Node = Mapping(parts, span, done.merges) if done.is_mapping else Sequence(parts, span)
        if done.anchor is not None:
            self.anchors[done.anchor] = _Anchored(node, self.values - done.values, self.lists - done.lists, done.height)
        self.values -= 1
        self._add(node, end, None, done.height)

    def _alias(self, name: str, start: int, end: int) -> None:
        known = self.anchors.get(name)
        raw = self.lines.text[start:end]
        if known is not None:
            self.aliased += known.lists
            self.lists += known.lists
            if self.aliased > max(MAX_ALIASED, self.lists - self.aliased):
                # each is checked, compiled and proved as if it were written out
                most = f"aliases stand for more than {MAX_ALIASED:,} lists and mappings, and for more than are written before"
                self._give_up(most, start, end, "write out what differs, and leave out what is the same")
            node = known.node
            if self._key_next() and not isinstance(node, Scalar):
                self._report("CCR014", f"`{raw}` stands for a collection, which cannot be a key", start, end)
                node = Scalar(raw, self.lines.span(start, end), raw=raw)
            self.values += known.values - 1
            self._add(node, end, None, known.height)
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
        self._add(Scalar(raw, self.lines.span(start, end), raw=raw), end, None)

    def _key_next(self) -> bool:
        return bool(self.stack) and self.stack[-1].is_mapping and self.stack[-1].wants_key

    def _add(self, node: Node, end: int, anchor: str | None, height: int = 0) -> None:
        self.values += 1
        if anchor is not None:
            self.anchors[anchor] = _Anchored(node, 1, 0, 0)
        if not self.stack:
            self.root = node
            return
        top = self.stack[-1]
        top.end = end
        if height >= top.height:
            top.height = height + 1
            if len(self.stack) + height > MAX_DEPTH:
                self._give_up(f"nested more than {MAX_DEPTH} levels deep after aliases are expanded", end - 1, end)
        if self.values > MAX_NODES:
            self._give_up(f"more than {MAX_NODES:,} values after aliases are expanded", end - 1, end)
        if len(top.parts) == MAX_ENTRIES:
            self._give_up(ENTRIES, max(end - 1, 0), end)
        if not top.is_mapping:
            top.parts.append(node)
        elif top.wants_key:
            self._take_key(top, node)
        else:
            if top.key is not None and not top.drop:
                top.parts.append(Entry(top.key, node))
            top.wants_key = True
            top.key = None

    def _take_key(self, top: _Open, node: Node) -> None:
        top.wants_key, top.drop = False, False
        if not isinstance(node, Scalar) or not isinstance(node.value, str):
            self._found(finding("CCR014", "a key must be a text", node.span, help="write it in quotes"))
            top.key = None
            return
        if node.value == "<<" and not node.quoted:
            message = "`<<` is a merge key, which this language does not have"
            help_text = "repeat the keys, or give the whole value an anchor"
            self._found(finding("CCR016", message, node.span, help=help_text))
            top.drop = top.merges = True
        first = top.seen.get(node.value)
        if first is not None and not top.drop:
            self._found(duplicate_key(node, first))
            top.drop = True
        top.key = node
        top.seen.setdefault(node.value, node)
