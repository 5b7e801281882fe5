"""YAML text to a positioned tree; everything YAML would silently turn into something else becomes a finding."""

from __future__ import annotations

from msgspec import Struct

from schemas.codes import finding
from schemas.diagnostics import Diagnostic
from schemas.document import Document, Node
from schemas.limits import MAX_FINDINGS
from schemas.lines import Lines
from schemas.too_many import too_many
from schemas.yaml_composer import Composer
from schemas.yaml_events import YamlFault, events
from schemas.yaml_parts import Parts
from schemas.yaml_traps import Trap, explain_fault, parseable, traps_of


def read_yaml(text: str, file: str, *, in_parts: bool = True) -> tuple[Document | None, list[Diagnostic]]:
    """The tree of one YAML document, or None where there is none, and what is wrong.

    A comparison or pattern that is not quoted breaks YAML; it is read as if it were quoted, so that one slip does not
    hide the other findings, and reported. `in_parts`: plain parts are read by `yaml_plain`.
    """
    lines = Lines(text, file)
    clean, findings = parseable(lines)
    parts = Parts(lines) if in_parts else None
    first = _compose(clean, lines, {}, parts)
    read = first
    if first.broke_at is not None:
        traps = traps_of(clean)
        at_line = lines.place(first.broke_at)[0]
        if any(lines.place(start)[0] == at_line for start in traps):
            read = _compose(_defused(clean, traps), lines, traps, parts)
            if read.root is not None and read.sprung != traps.keys():
                # what only looked like a trap, inside a longer text, must stay as it is
                traps = {start: trap for start, trap in traps.items() if start in read.sprung}
                read = _compose(_defused(clean, traps), lines, traps, parts)
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


def _compose(text: str, lines: Lines, traps: dict[int, Trap], parts: Parts | None) -> _Read:
    composer = Composer(lines, traps)
    try:
        for event in events(text, parts):
            composer.take(event)
            if len(composer.findings) > MAX_FINDINGS:
                return _Read(None, [*composer.findings[:MAX_FINDINGS], too_many(lines.file)], cut=True)
            if composer.stopped:
                break
    except YamlFault as fault:
        if fault.too_deep:
            composer.too_deep(fault.offset)
            return _Read(None, composer.findings)
        return _Read(None, [*composer.findings, explain_fault(fault, lines)], fault.offset)
    if composer.root is None and not composer.findings:
        return _Read(None, [finding("CCR012", "the file has no content", lines.span(0, 0), help=_EMPTY_HELP)])
    return _Read(composer.root, composer.findings, sprung=frozenset(composer.sprung))


_EMPTY_HELP = "`ccr init` writes a starter file"
