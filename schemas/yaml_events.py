"""YAML text to ruamel.yaml's parse events, the only file that knows that library.

Its reader, scanner and parser are mixed into one object as its own loaders do, with the hottest look-ups made direct:
the text is all there, and most of the time no simple key is pending. Parsing is by events and not by composed nodes, so
that depth and size are checked while they grow.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from ruamel.yaml.docinfo import DocInfo
from ruamel.yaml.error import MarkedYAMLError, StreamMark, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)
from ruamel.yaml.parser import Parser
from ruamel.yaml.reader import Reader
from ruamel.yaml.scanner import Scanner
from ruamel.yaml.tokens import ScalarToken

from schemas.limits import MAX_DEPTH, MAX_ODD
from schemas.yaml_sink import TOO_SLOW, Frame, Sink, YamlFault


def events(text: str) -> Iterator[Any]:
    """The events of `text`, which holds no character that YAML forbids. Raises only `YamlFault`."""
    breaks = _Breaks(text)
    stream = _Stream(breaks.hidden)
    try:
        while stream.check_event():
            event = stream.get_event()
            if breaks.back:
                if isinstance(event, ScalarEvent):
                    event.value = event.value.translate(breaks.back)
                if isinstance(event, NodeEvent) and event.anchor:
                    event.anchor = event.anchor.translate(breaks.back)
            yield event
    except MarkedYAMLError as error:
        raise YamlFault(str(error.problem), _index(error.context_mark), _index(error.problem_mark) or 0) from None
    except (YAMLError, ArithmeticError, AssertionError, AttributeError, LookupError, TypeError, ValueError) as error:
        # the library's own slips on odd text (a character escape out of range, an empty directive)
        raise YamlFault(f"not readable as YAML ({type(error).__name__})", None, stream.index) from None


def _index(mark: Any) -> int | None:
    return None if mark is None else int(mark.index)


def tell(found: Iterable[Any], sink: Sink) -> int | None:
    """Tells the events of the first document, and gives where a second one begins."""
    documents = 0
    for event in found:
        start, end = event.start_mark.index, event.end_mark.index
        if isinstance(event, ScalarEvent):
            sink.scalar(start, end, event.value, event.style, event.anchor, event.tag is not None)
        elif isinstance(event, (MappingStartEvent, SequenceStartEvent)):
            flow = end if event.flow_style else None
            sink.open(isinstance(event, MappingStartEvent), start, flow, event.anchor, event.tag is not None)
        elif isinstance(event, (MappingEndEvent, SequenceEndEvent)):
            sink.close(end)
        elif isinstance(event, AliasEvent):
            sink.scalar(start, end, event.anchor, "*", None, False)
        elif isinstance(event, DocumentStartEvent):
            documents += 1
            if documents > 1:
                return int(start)
    return None


def fault_of(text: str, frames: list[Frame]) -> YamlFault | None:
    """What is wrong with a text, at the place in it; None where nothing is.

    `frames`: the collections that were open when the reading stopped, or just closed. What lies in them before their
    last entries is sound and changes nothing for the rest: it is left out.
    """
    short: list[str] = []
    moved: list[tuple[int, int]] = []
    length = behind = 0
    for frame in sorted(frames, key=lambda frame: (frame.begin, -frame.entry)):
        if frame.begin < behind or frame.begin == frame.entry:
            continue
        part = text[frame.begin : frame.entry]
        lines = _LAST_LINE.search(part)
        kept = " " * len(part) if lines is None else frame.sign + "\n" + " " * len(lines[1])
        short += [text[behind : frame.begin], kept]
        length += frame.begin - behind + len(kept)
        behind = frame.entry
        moved.append((length, behind - length))
    try:
        documents = 0
        for event in events("".join(short) + text[behind:]):
            documents += isinstance(event, DocumentStartEvent)
            if documents > 1 or event.start_mark.index > length + MAX_ODD:
                break
    except YamlFault as fault:
        return YamlFault(fault.problem, _moved(fault.start, moved), _moved(fault.offset, moved) or 0)
    return YamlFault(TOO_SLOW, None, behind) if len(text) > MAX_ODD else None


def _moved(offset: int | None, moved: list[tuple[int, int]]) -> int | None:
    if offset is None:
        return None
    return offset + next((by for start, by in reversed(moved) if offset >= start), 0)


class _Breaks:
    """Stand-ins for the characters that the library takes for line ends and YAML 1.2 does not (NEL, LS, PS)."""

    def __init__(self, text: str) -> None:
        self.hidden, self.back = text, {}
        odd = [char for char in "\x85\u2028\u2029" if char in text]
        if odd:
            free = [code for code in range(0xE000, 0xE000 + 6400) if chr(code) not in text][: len(odd)]
            self.hidden = text.translate({ord(char): code for char, code in zip(odd, free, strict=False)})
            self.back = {code: ord(char) for char, code in zip(odd, free, strict=False)}


_BREAKS = re.compile("[\r\n\ufeff]")
_LAST_LINE = re.compile(r"[\r\n]([^\r\n]*)\Z")
_GAP = re.compile(r"[ ]*(?:#[^\n\r\0]*)?")
_FLOW_GAP = re.compile(r"[ \t]*(?:#[^\n\r\0]*)?")
# one line of a plain scalar that the next character certainly ends: `: ` after a key, or `,`, `]`, `}` in a flow
_BLOCK_WORD = re.compile(r"([^\0\s:#?\-](?:[^\0\s:#]|:(?![\0\s])|[ ](?=[^\0\s:#]))*)[ ]*(?=:[ \n])")
_FLOW_WORD = re.compile(r"([^\0\s:#,?\[\]{}\-](?:[^\0\s:#,?\[\]{}]|[ ](?=[^\0\s:#,?\[\]{}]))*)[ ]*(?=[,\]}]|: )")


class _Stream(Reader, Scanner, Parser):
    comment_handling = None
    processing_version = (1, 2)

    def __init__(self, text: str) -> None:
        self.doc_infos = [DocInfo()]
        Reader.__init__(self, text, loader=self)
        Scanner.__init__(self, loader=self)
        Parser.__init__(self, loader=self)

    @property
    def reader(self) -> Any:
        return self

    @property
    def scanner(self) -> Any:
        return self

    @property
    def resolver(self) -> Any:
        return self

    def get_mark(self) -> Any:
        return StreamMark("", self.index, self.line, self.column)

    def peek(self, index: int = 0) -> str:
        try:
            return self.buffer[self.pointer + index]
        except IndexError:
            return "\0"

    def prefix(self, length: int = 1) -> str:
        return self.buffer[self.pointer : self.pointer + length]

    @property
    def flow_level(self) -> int:
        return len(self.flow_context)

    def forward(self, length: int = 1) -> None:
        if _BREAKS.search(self.buffer, self.pointer, self.pointer + length):
            super().forward(length)
        else:
            self.pointer += length
            self.index += length
            self.column += length

    def fetch_flow_collection_start(self, token: Any, to_push: str) -> None:
        # the library looks a thousand characters ahead before it gives the first event of a run of brackets
        if len(self.flow_context) + len(self.indents) >= MAX_DEPTH:
            raise YamlFault("too deep", None, self.index, too_deep=True)
        super().fetch_flow_collection_start(token, to_push)

    def scan_to_next_token(self) -> None:
        while True:
            gap = (_FLOW_GAP if self.flow_context else _GAP).match(self.buffer, self.pointer)
            self.forward(gap.end() - self.pointer if gap else 0)
            if not self.scan_line_break():
                return
            if not self.flow_context:
                self.allow_simple_key = True

    def scan_plain(self) -> Any:
        """A plain scalar that ends on its line at once, by one pattern; any other by the library's own scan."""
        pattern = _FLOW_WORD if self.flow_context else _BLOCK_WORD
        match = pattern.match(self.buffer, self.pointer)
        if match is None:
            return super().scan_plain()
        start = self.get_mark()
        self.forward(match.end(1) - self.pointer)
        end = self.get_mark()
        self.forward(match.end() - self.pointer)
        self.allow_simple_key = False
        return ScalarToken(match[1], True, start, end)

    def check_token(self, *choices: Any) -> bool:
        while not self.done and (not self.tokens or (self.possible_simple_keys and self.need_more_tokens())):
            self.fetch_more_tokens()
        return bool(self.tokens) and (not choices or isinstance(self.tokens[0], choices))

    def peek_token(self) -> Any:
        return self.tokens[0] if self.check_token() else None

    def stale_possible_simple_keys(self) -> None:
        if self.possible_simple_keys:
            super().stale_possible_simple_keys()
