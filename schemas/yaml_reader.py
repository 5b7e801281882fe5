"""YAML text to a positioned tree; everything YAML would silently turn into something else becomes a finding."""

from __future__ import annotations

from contextlib import suppress

from msgspec import Struct

from schemas.codes import finding
from schemas.diagnostics import Diagnostic
from schemas.document import Document, Node
from schemas.lines import Lines
from schemas.yaml_block import Block
from schemas.yaml_composer import Composer, Stop
from schemas.yaml_sink import Sink, YamlFault
from schemas.yaml_traps import Trap, explain_fault, parseable, traps_of
from schemas.yaml_words import Unsure


def read_yaml(text: str, file: str, *, by_library: bool = False) -> tuple[Document | None, list[Diagnostic]]:
    """The tree of one YAML document, or None where there is none, and what is wrong.

    A comparison or pattern that is not quoted breaks YAML; it is read as if it were quoted, so that one slip does not
    hide the other findings, and reported. `by_library`: read by the YAML library alone.
    """
    lines = Lines(text, file)
    clean, findings = parseable(lines)
    first = _compose(clean, lines, {}, by_library)
    read = first
    if first.broke_at is not None:
        traps = traps_of(clean)
        at_line = lines.place(first.broke_at)[0]
        if any(lines.place(start)[0] == at_line for start in traps):
            read = _compose(_defused(clean, traps), lines, traps, by_library)
            if read.root is not None and read.sprung != traps.keys():
                # what only looked like a trap, inside a longer text, must stay as it is
                traps = {start: trap for start, trap in traps.items() if start in read.sprung}
                read = _compose(_defused(clean, traps), lines, traps, by_library)
    if read.root is None and not read.cut:
        read = first
    root = read.root
    findings += read.findings
    return (None if root is None else Document(root, {file: text})), findings


class _Read(Struct, frozen=True):
    """One attempt: `broke_at` is where the text stopped being YAML, `sprung` are the traps that were values.

    `cut`: it was given up after too many findings.
    """

    root: Node | None
    findings: list[Diagnostic]
    broke_at: int | None = None
    sprung: frozenset[int] = frozenset()
    cut: bool = False


def _defused(text: str, traps: dict[int, Trap]) -> str:
    """The text with a letter at the start of each trap, so that it is read as a plain word."""
    letters = list(text)
    for start in traps:
        letters[start] = "x"
    return "".join(letters)


def _compose(text: str, lines: Lines, traps: dict[int, Trap], by_library: bool) -> _Read:
    composer = Composer(lines, traps)
    block = Block(text, composer)
    try:
        second = _tell_library(text, composer) if by_library else block.document()
        if second is not None:
            composer.second_document(second)
    except Stop:
        pass
    except Unsure:
        # imported here: only what is wrong should wait for the YAML library
        from schemas.yaml_events import fault_of

        fault = fault_of(text, block.frames + block.closed)
        if fault is None:
            return _compose(text, lines, traps, by_library=True)
        return _Read(None, [*composer.findings, explain_fault(fault, lines)], fault.offset)
    except YamlFault as fault:
        if not fault.too_deep:
            return _Read(None, [*composer.findings, explain_fault(fault, lines)], fault.offset)
        with suppress(Stop):
            composer.too_deep(fault.offset)
    if composer.root is None and not composer.findings:
        return _Read(None, [finding("CCR012", "the file has no content", lines.span(0, 0), help=_EMPTY_HELP)])
    return _Read(composer.root, composer.findings, sprung=frozenset(composer.sprung), cut=composer.cut)


def _tell_library(text: str, sink: Sink) -> int | None:
    from schemas.yaml_events import events, tell

    return tell(events(text), sink)


_EMPTY_HELP = "`ccr init` writes a starter file"
