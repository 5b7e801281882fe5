"""YAML collections in brackets, from their text to what a `Sink` makes of it, one pattern for each token."""

from __future__ import annotations

from schemas.yaml_sink import Frame, Leaf, Sink
from schemas.yaml_words import (
    AFTER_SIGN,
    ALIAS,
    FLOW_ENDS,
    FLOW_GAP,
    FLOW_ITEM,
    FLOW_MORE,
    FLOW_PLAIN,
    LONGEST_KEY,
    MARKER,
    PROPERTY,
    QUOTED,
    Unsure,
    joint,
    keys_from,
    sound_until,
    text_of,
)

_LONG = 1_000


class Flow:
    """Reads brackets.

    `frames` are the open collections, from the outermost on, `closed` those that ended since.
    """

    def __init__(self, text: str, sink: Sink) -> None:
        self.text, self.sink = text + "\0", sink
        self.frames: list[Frame] = []
        self.closed: list[Frame] = []
        self.properties = (0, 0)
        self._keys: set[int] = set()
        self._keys_until = 0
        self._ends_at = -1

    def collection(self, at: int, anchor: str | None, tagged: bool) -> int:
        """The one whose bracket stands at `at`, told; where it ends."""
        is_mapping = self.text[at] == "{"
        self.sink.open(is_mapping, self.properties[0] if anchor or tagged else at, at + 1, anchor, tagged)
        frame = Frame(at + 1, at + 1)
        self.frames.append(frame)
        end = self._mapping(at + 1, frame) if is_mapping else self._sequence(at + 1, frame)
        self.closed.append(self.frames.pop())
        self.sink.close(end)
        return end

    def is_key(self, at: int) -> bool:
        """Whether the collection whose bracket stands at `at` ends on its line and a `:` follows."""
        if self._ends_at < at:
            ends = FLOW_ENDS.search(self.text, at)
            self._ends_at = ends.start() if ends else len(self.text)
        if self._ends_at > at + LONGEST_KEY:
            return False
        if at >= self._keys_until:
            self._keys, self._keys_until = keys_from(self.text, at)
        return at in self._keys

    def _gap(self, at: int) -> int:
        if self.text[at] not in " \t\r\n#":
            return at
        gap = FLOW_GAP.match(self.text, at)
        assert gap
        return gap.end()

    def _sequence(self, at: int, frame: Frame) -> int:
        text, sink, gap, closed = self.text, self.sink, self._gap, self.closed
        at = gap(at)
        while text[at] != "]":
            frame.entry = at
            if closed:
                closed.clear()
            words = FLOW_ITEM.match(text, at)
            if words is not None:
                sink.scalar(at, words.end(1), words[1], None, None, False)
                at = words.end()
                if text[at] in "\t\r\n#":
                    at = gap(at)
                continue
            if text[at] == "?":
                sink.open(True, at, at + 1, None, False)
                at = self._explicit(at)
                if text[at] == ":" and text[at + 1] in AFTER_SIGN:
                    at = self._value(at + 1)
                else:
                    sink.scalar(at, at, "", None, None, False)
                sink.close(at)
            else:
                at = self._item(at)
            if text[at] == ",":
                at = gap(at + 1)
            elif text[at] != "]":
                raise Unsure
        return at + 1

    def _item(self, start: int) -> int:
        """An item of a list, which may be a mapping of one entry."""
        text, sink = self.text, self.sink
        at, anchor, tagged, leaf = self._leaf(start)
        if leaf is None and text[at] in "[{":
            is_key = self.is_key(at) and "\n" not in text[start:at] and "\r" not in text[start:at]
            if is_key:
                sink.open(True, start, start, None, False)
            at = self._gap(self.collection(at, anchor, tagged))
            if not is_key:
                return at
            if text[at + 1] not in AFTER_SIGN:
                raise Unsure
        else:
            is_key = text[at] == ":" and text[at + 1] in AFTER_SIGN
            if is_key:
                sink.open(True, start, start, None, False)
            sink.scalar(*(leaf or self.nothing(anchor, tagged)))
            if not is_key:
                return at
        self._colon(start, at)
        at = self._value(at + 1)
        sink.close(at)
        return at

    def _mapping(self, at: int, frame: Frame) -> int:
        text, sink, gap, closed = self.text, self.sink, self._gap, self.closed
        at = gap(at)
        while text[at] != "}":
            frame.entry = at
            if closed:
                closed.clear()
            plain = FLOW_PLAIN.match(text, at)
            if plain is not None and plain[2] is not None and text[at] not in "-.":
                colon = plain.start(2)
                if colon - at > LONGEST_KEY:
                    raise Unsure
                sink.scalar(at, plain.end(1), plain[1], None, None, False)
                at = self._value(colon + 1)
            elif text[at] == "?":
                at = self._explicit(at)
                at = self._value_or_nothing(at)
            elif text[at] == ":":
                sink.scalar(at + 1, at + 1, "", None, None, False)
                at = self._value(at + 1)
            else:
                start = at
                at = self._node(at)
                if text[at] == ":":
                    self._colon(start, at)
                at = self._value_or_nothing(at)
            if text[at] == ",":
                at = gap(at + 1)
            elif text[at] != "}":
                raise Unsure
        return at + 1

    def _value_or_nothing(self, at: int) -> int:
        if self.text[at] == ":":
            return self._value(at + 1)
        self.sink.scalar(at, at, "", None, None, False)
        return at

    def _explicit(self, at: int) -> int:
        """The key behind a `?`."""
        after = self._gap(at + 1)
        char = self.text[after]
        if char in ",]}" or (char == ":" and self.text[after + 1] in AFTER_SIGN):
            self.sink.scalar(at + 1, at + 1, "", None, None, False)
            return after
        return self._node(after)

    def _colon(self, start: int, at: int) -> None:
        """Only a short key on its line may be without `?`."""
        if at - start > LONGEST_KEY or "\n" in self.text[start:at] or "\r" in self.text[start:at]:
            raise Unsure

    def _value(self, colon_end: int) -> int:
        """What stands behind a `:`, told; where the next sign is."""
        text = self.text
        at = colon_end if text[colon_end] not in " \t\r\n#" else self._gap(colon_end)
        plain = FLOW_PLAIN.match(text, at)
        if plain is not None and plain[2] is None and text[end := plain.end()] in ",]}" and text[at] not in "-.":
            self.sink.scalar(at, plain.end(1), plain[1], None, None, False)
            return end
        if text[at] in ",]}":
            self.sink.scalar(colon_end, colon_end, "", None, None, False)
            return at
        return self._node(at)

    def _node(self, start: int) -> int:
        """A value, told; where the next sign is."""
        at, anchor, tagged, leaf = self._leaf(start)
        if leaf is None and self.text[at] in "[{":
            return self._gap(self.collection(at, anchor, tagged))
        self.sink.scalar(*(leaf or self.nothing(anchor, tagged)))
        return at

    def nothing(self, anchor: str | None, tagged: bool) -> Leaf:
        """The empty value that has an anchor or a tag."""
        if anchor is None and not tagged:
            raise Unsure
        start, end = self.properties
        return start, end, "", None, anchor, tagged

    def property(self, at: int, anchor: str | None, tagged: bool) -> tuple[str | None, bool, int]:
        """The anchor or tag there beside those before it, and where it ends."""
        match = PROPERTY.match(self.text, at)
        if match is None or (anchor is not None if match[1] else tagged):
            raise Unsure
        is_first = anchor is None and not tagged
        # with a tag before it, too, it is the anchor where the library says that the node begins
        self.properties = (at if is_first or match[1] else self.properties[0], match.end())
        return (match[1], tagged, match.end()) if match[1] else (anchor, True, match.end())

    def quoted(self, at: int, start: int, anchor: str | None, tagged: bool) -> Leaf:
        """The text in quotes at `at`; `start`: of its anchor or tag."""
        text = self.text
        quoted = QUOTED.match(text, at)
        end = quoted.end() if quoted else sound_until(text, at)
        self.read(at + 1, end - 1 if quoted else end)
        if quoted is None:
            raise Unsure
        return start, end, text_of(quoted[0]), text[at], anchor, tagged

    def read(self, start: int, end: int) -> None:
        """What need not be read again to find what is wrong behind it, if that would take long."""
        if end - start > _LONG:
            self.closed.append(Frame(start, end))

    def _leaf(self, start: int) -> tuple[int, str | None, bool, Leaf | None]:
        """The text there, its anchor and tag, and where the next sign is; no text where a bracket or nothing stands."""
        text, at = self.text, start
        anchor: str | None = None
        tagged = False
        while text[at] in "&!":
            anchor, tagged, end = self.property(at, anchor, tagged)
            start, at = self.properties[0], self._gap(end)
        char = text[at]
        if char in "[{,]}:":
            return at, anchor, tagged, None
        if char in "\"'":
            leaf = self.quoted(at, start, anchor, tagged)
            return self._gap(leaf[1]), anchor, tagged, leaf
        if char == "*":
            alias = ALIAS.match(text, at)
            if alias is None or anchor is not None or tagged:
                raise Unsure
            return self._gap(alias.end()), None, False, (at, alias.end(), alias[1], "*", None, False)
        plain = FLOW_PLAIN.match(text, at)
        if plain is None or (char in "-." and text[at - 1] in "\r\n" and MARKER.match(text, at)):
            raise Unsure
        value, end = plain[1], plain.end(1)
        first = last = end
        after = self._gap(end)
        while (
            "\n" in (between := text[end:after]).replace("\r", "\n")
            and "#" not in between
            and "\t" not in between
            and (more := FLOW_MORE.match(text, after)) is not None
        ):
            if text[after - 1] in "\r\n" and MARKER.match(text, after):
                raise Unsure
            value += joint(between) + more[0]
            last, end = after, more.end()
            after = self._gap(end)
        self.read(first, last)
        return after, anchor, tagged, (start, end, value, None, anchor, tagged)
