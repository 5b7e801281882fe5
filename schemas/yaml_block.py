"""YAML lists and mappings by indentation, and the whole text: from the text to what a `Sink` makes of it."""

from __future__ import annotations

from schemas.yaml_flow import Flow
from schemas.yaml_keys import Key, key_at, text_at
from schemas.yaml_sink import Frame, Sink
from schemas.yaml_words import (
    AFTER_SIGN,
    BLOCK_MORE,
    BLOCK_PLAIN,
    DIRECTIVE,
    GAP,
    LONGEST_KEY,
    MARKER,
    Unsure,
    joint,
    text_block,
)

_OUTSIDE = -1
"""The column of what belongs to no list or mapping: the end of the text or of a document."""


class Block:
    """Reads on from `at`, the next token, which stands in `column`; `fresh`: a list or mapping may begin there."""

    def __init__(self, text: str, sink: Sink) -> None:
        self._flow = Flow(text, sink)
        self.text, self.sink = self._flow.text, sink
        self.frames, self.closed = self._flow.frames, self._flow.closed
        self.at = self.line_at = self.column = 0
        self.fresh = True

    def document(self) -> int | None:
        """Tells the first document; where a second one begins. Raises `Unsure`."""
        text = self.text
        self._next(0)
        self.fresh = True
        has_directives = self._past_directives()
        if self.column != _OUTSIDE and not has_directives:
            self._node(_OUTSIDE)
        elif self.column == _OUTSIDE and text.startswith("---", self.at):
            self._next(self.at + 3)
            if self.column == _OUTSIDE:
                self.sink.scalar(self.at, self.at, "", None, None, False)
            else:
                self._node(_OUTSIDE)
        elif text[self.at] == "\0" and not has_directives:
            return None
        else:
            raise Unsure
        return self._behind()

    def _past_directives(self) -> bool:
        """Whether there were any."""
        versions: list[bool] = []
        while self.at == self.line_at and (directive := DIRECTIVE.match(self.text, self.at)) is not None:
            versions.append(directive[0].startswith("%YAML"))
            self._next(directive.end())
        if sum(versions) > 1 or self.text[self.at] == "%":
            raise Unsure
        return bool(versions)

    def _behind(self) -> int | None:
        """Where something follows the document that was read."""
        text = self.text
        if self.column != _OUTSIDE:
            raise Unsure
        if text.startswith("...", self.at):
            self._next(self.at + 3)
            if not self.fresh:
                raise Unsure
        if self._past_directives() and not text.startswith("---", self.at):
            raise Unsure
        return None if text[self.at] == "\0" else self.at

    def _next(self, at: int) -> None:
        """On to the next token behind `at`."""
        gap = GAP.match(self.text, at)
        assert gap
        begin, end = gap.span(1)
        self.fresh = begin != at
        if self.fresh:
            self.line_at = begin
        char = self.text[end]
        if char == "#":
            end, char = len(self.text) - 1, "\0"
        self.at, self.column = end, end - self.line_at
        if char == "\0" or (self.column == 0 and (char == "%" or (char in "-." and MARKER.match(self.text, end)))):
            self.column = _OUTSIDE
            self.fresh = self.fresh or char == "\0"

    def _below(self, indent: int, behind: int) -> None:
        """The key or value that belongs to an entry of a mapping in column `indent`, or an empty one just behind its sign."""
        if self.column > indent:
            self._node(indent, is_entry=True)
        elif self.column == indent and self._is_dash():
            self._sequence(indent, self.at, None, False, is_indented=False)
        else:
            self._nothing(indent, behind)

    def _nothing(self, indent: int, behind: int) -> None:
        """The empty value just behind its sign; but a text block is taken in any column."""
        if self.column == indent and self.text[self.at] in "|>,]}":
            self._content(indent, self.at, None, False)
        elif self.column == indent and self.text[self.at] in "[{*\"'&!" and not key_at(self._flow, self.at):
            raise Unsure
        else:
            self.sink.scalar(behind, behind, "", None, None, False)

    def _is_dash(self) -> bool:
        return self.text[self.at] == "-" and self.text[self.at + 1] in AFTER_SIGN

    def _node(self, indent: int, *, is_entry: bool = False) -> None:
        """What stands here, further in than `indent`."""
        if self.text[self.at] not in "&!":
            self._content(indent, self.at, None, False)
            return
        key = key_at(self._flow, self.at) if self.fresh else None
        if key is not None:
            self._mapping(self.column, self.at, None, False, key)
            return
        anchor: str | None = None
        tagged = False
        while True:
            anchor, tagged, end = self._flow.property(self.at, anchor, tagged)
            properties = self._flow.properties
            self._next(end)
            if self.column <= indent or self.text[self.at] not in "&!" or (self.fresh and key_at(self._flow, self.at)):
                break
            self._flow.properties = properties
        if self.column > indent or (self.column == indent and self.text[self.at] in "|>"):
            self._content(indent, properties[0], anchor, tagged)
        elif is_entry and self.column == indent and self._is_dash():
            self._sequence(indent, properties[0], anchor, tagged, is_indented=False)
        else:
            self.sink.scalar(*properties, "", None, anchor, tagged)

    def _content(self, indent: int, start: int, anchor: str | None, tagged: bool) -> None:
        """What stands here behind its anchor and tag, which begin at `start`."""
        text, at = self.text, self.at
        plain = BLOCK_PLAIN.match(text, at)
        if plain is not None and plain[2] is None:
            end, value = self._words(plain[1], plain.end(1), indent)
            self.sink.scalar(start, end, value, None, anchor, tagged)
            if not self.fresh:
                raise Unsure
            return
        char = text[at]
        if plain is not None or char in "-?:":
            if not self.fresh or (plain is None and text[at + 1] not in AFTER_SIGN):
                raise Unsure
            if char == "-" and plain is None:
                self._sequence(self.column, start, anchor, tagged)
            else:
                self._mapping(self.column, start, anchor, tagged)
            return
        key = key_at(self._flow, at) if self.fresh else None
        if key is not None:
            self._mapping(self.column, start, anchor, tagged, key)
        elif char in "[{":
            if anchor or tagged:
                self._flow.properties = (start, at)
            self._next(self._flow.collection(at, anchor, tagged))
        elif char in "|>":
            value, end = text_block(text, at, indent)
            self._flow.read(text.find("\n", at), end)
            self.sink.scalar(start, end, value, char, anchor, tagged)
            self.line_at = end
            self._next(end)
            self.fresh = True
        else:
            if (anchor or tagged) and char not in "\"'":
                self.sink.scalar(*self._flow.properties, "", None, anchor, tagged)
                raise Unsure
            leaf = text_at(self._flow, at, start, anchor, tagged)
            self.sink.scalar(*leaf)
            self._next(leaf[1])
        if not self.fresh:
            raise Unsure

    def _words(self, value: str, end: int, indent: int) -> tuple[int, str]:
        """Where a text without quotes ends that began on this line, and what it says; not `fresh`: something else follows."""
        first = last = end
        self._next(end)
        while self.column > indent:
            between = self.text[end : self.at]
            more = BLOCK_MORE.match(self.text, self.at)
            if not self.fresh or more is None or "#" in between:
                self.fresh = False
                break
            value += joint(between) + more[0]
            last = self.at
            end = more.end()
            self._next(end)
        self._flow.read(first, last)
        if self.text[self.at] == "%" and indent == _OUTSIDE:
            self.fresh = False
        return end, value

    def _sequence(self, column: int, start: int, anchor: str | None, tagged: bool, *, is_indented: bool = True) -> None:
        """The list whose dashes stand in this column, where the keys of its mapping may stand, too."""
        self.sink.open(False, start, None, anchor, tagged)
        frame = Frame(self.at, self.at, "- x")
        self.frames.append(frame)
        while True:
            at = frame.entry = self.at
            if self.closed:
                self.closed.clear()
            self._next(at + 1)
            self.fresh = True
            if self.column > column:
                self._node(column)
            else:
                self._nothing(column, at + 1)
            if self.column != column:
                break
            if not self._is_dash():
                if is_indented:
                    raise Unsure
                break
        if self.column > column:
            raise Unsure
        self.closed.append(self.frames.pop())
        self.sink.close(self.at)

    def _mapping(self, column: int, start: int, anchor: str | None, tagged: bool, key: Key | None = None) -> None:
        """The mapping whose keys stand in this column; `key`: the first one, where it is known."""
        text, sink = self.text, self.sink
        sink.open(True, start, None, anchor, tagged)
        frame = Frame(self.at, self.at, "x: x")
        self.frames.append(frame)
        while True:
            at = frame.entry = self.at
            if self.closed:
                self.closed.clear()
            plain = BLOCK_PLAIN.match(text, at)
            if plain is not None:
                colon = plain.start(2)
                if colon < 0 or colon - at > LONGEST_KEY:
                    raise Unsure
                sink.scalar(at, plain.end(1), plain[1], None, None, False)
                self._value(colon + 1, column)
            elif text[at] == "?":
                self._explicit(column)
            elif text[at] == ":":
                sink.scalar(at, at, "", None, None, False)
                self._value(at + 1, column, is_explicit=True)
            else:
                self._value(self._told(key or key_at(self._flow, at)), column)
                key = None
            if self.column != column:
                break
        if self.column > column:
            raise Unsure
        self.closed.append(self.frames.pop())
        sink.close(self.at)

    def _value(self, colon_end: int, column: int, *, is_explicit: bool = False) -> None:
        """What stands behind the colon of an entry in this column."""
        text = self.text
        if text[colon_end] == " ":
            plain = BLOCK_PLAIN.match(text, colon_end + 1)
            if plain is not None and plain[2] is None:
                end, value = self._words(plain[1], plain.end(1), column)
                self.sink.scalar(colon_end + 1, end, value, None, None, False)
                if not self.fresh:
                    raise Unsure
                return
        self._next(colon_end)
        self.fresh = self.fresh or is_explicit
        self._below(column, colon_end)

    def _explicit(self, column: int) -> None:
        """An entry whose key stands behind a `?`."""
        at, text = self.at, self.text
        self._next(at + 1)
        self.fresh = True
        self._below(column, at + 1)
        if self.column == column and text[self.at] == ":" and text[self.at + 1] in AFTER_SIGN:
            self._value(self.at + 1, column, is_explicit=True)
        else:
            self.sink.scalar(self.at, self.at, "", None, None, False)

    def _told(self, key: Key | None) -> int:
        """Tells a key; where its colon ends."""
        if key is None:
            raise Unsure
        if key.text is not None:
            self.sink.scalar(*key.text)
            return key.at + 1
        at = self._flow.collection(key.at, key.anchor, key.tagged)
        while self.text[at] == " ":
            at += 1
        if self.text[at] != ":" or self.text[at + 1] not in AFTER_SIGN:
            raise Unsure
        return at + 1
