"""Comments to this program: `# ccr: ignore CCR305 -- reason`, in JSON `// ccr: ignore ...`."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from itertools import accumulate, islice

from msgspec import Struct

from schemas.diagnostics import Span
from schemas.document import Mapping, Node, Scalar, Sequence
from schemas.limits import MAX_FINDINGS
from schemas.lines import Lines

_COMMENT = re.compile(r"(?:(?<!\S)#|//|/\*)[ \t]*ccr:[ \t]*(?P<word>[A-Za-z-]*)(?P<rest>[^\n\r]*)")
_ANY_COMMENT = re.compile(r"\s*(?:#|//|/\*)")


class Comment(Struct, frozen=True):
    """One comment that begins with `ccr:`.

    `word` is what it asks for (`ignore`), `codes` the words after it (of thousands the first thousand), `reason` what stands behind `--`. `covers` are the
    lines it is about: its own, and when nothing else stands on it, the next one that is more than a comment.
    `span` is the whole comment, `removal` what to cut to be rid of it, a line of its own with its line break.
    """

    word: str
    codes: tuple[Spelled, ...]
    reason: str
    covers: tuple[int, ...]
    span: Span
    removal: Span


class Spelled(Struct, frozen=True):
    """A word of a comment and its place."""

    text: str
    span: Span


def comments_of(text: str, file: str, root: Node) -> list[Comment]:
    """The comments in one file of a configuration; `root` is its tree, or a joined one that has the file's nodes."""
    if "ccr:" not in text:
        return []
    lines = Lines(text, file)
    inside = sorted(_written(lines, root))
    furthest = list(accumulate((end for _, end in inside), max))
    below = _next_lines(lines)
    found = []
    for match in _COMMENT.finditer(text):
        before = bisect_right(inside, match.start(), key=lambda part: part[0])
        if not before or furthest[before - 1] <= match.start():
            found.append(_comment(lines, match, below))
    return found


def _written(lines: Lines, node: Node) -> Iterator[tuple[int, int]]:
    """Where the texts of the tree stand: what looks like a comment there is none."""
    match node:
        case Scalar(span=span, raw=raw):
            if span.file == lines.file:
                start = lines.offset(span.line, span.column)
                if raw[:1] in ("|", ">") and "\n" in raw:
                    start += raw.index("\n")  # a comment may follow the mark that starts a text block
                yield start, lines.offset(span.end_line, span.end_column)
        case Mapping():
            for entry in node:
                yield from _written(lines, entry.key)
                yield from _written(lines, entry.value)
        case Sequence():
            for item in node:
                yield from _written(lines, item)


def _comment(lines: Lines, match: re.Match[str], below: list[int]) -> Comment:
    rest = match["rest"]
    if match[0].startswith("/*") and "*/" in rest:
        rest = rest[: rest.index("*/") + 2]
    end = match.start("rest") + len(rest.rstrip())
    words, _, reason = rest.removesuffix("*/").partition("--")
    codes = tuple(
        Spelled(word[0], lines.span(match.start("rest") + word.start(), match.start("rest") + word.end()))
        for word in islice(re.finditer(r"[^\s,]+", words), MAX_FINDINGS)
    )
    line, column = lines.place(match.start())
    here = lines.line(line)
    alone = not here[: column - 1].strip() and not lines.text[end : lines.offset(line, len(here) + 1)].strip()
    covers = (line, below[line]) if alone else (line,)
    return Comment(
        match["word"],
        codes,
        reason.strip(),
        covers,
        lines.span(match.start(), end),
        _removal(lines, line, match.start(), end, alone),
    )


def _next_lines(lines: Lines) -> list[int]:
    """For each line, from 0 on, the next one that holds more than a comment."""
    found = [len(lines) + 1] * (len(lines) + 1)
    for line in range(len(lines) - 1, -1, -1):
        after = lines.line(line + 1)
        found[line] = line + 1 if after.strip() and not _ANY_COMMENT.match(after) else found[line + 1]
    return found


def _removal(lines: Lines, line: int, start: int, end: int, alone: bool) -> Span:
    if alone and line < len(lines):
        return Span(lines.file, line, 1, line + 1, 1)
    before = lines.text[lines.offset(line, 1) : start]
    return lines.span(start - (len(before) - len(before.rstrip())), end)
