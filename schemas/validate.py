"""What a JSON Schema validator finds, said in the words of this language and at the exact key or value.

The schema has no `oneOf`: every fault is one mistake. `findings_of` is a table from keyword to what is said.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from collections.abc import Mapping as MappingType
from collections.abc import Sequence as SequenceType

from schemas.codes import finding
from schemas.diagnostics import Diagnostic, Span
from schemas.document import Entry, Mapping, Node, Scalar, node_at
from schemas.edits import renaming_whole
from schemas.faults import Fault, FaultAt, first_line, key_or_start, name_of, path_text
from schemas.limits import MAX_FINDINGS
from schemas.other_words import word_for
from schemas.substitute import CREDENTIALS, is_unresolved, was_replaced
from schemas.suggest import did_you_mean, nearest
from schemas.too_many import too_many
from schemas.wording import listed, quoted
from schemas.wrong_keys import keys_meant, say_excluded, say_missing, say_unknown
from schemas.wrong_kinds import say_kind, say_pattern


def findings_of(root: Node, faults: SequenceType[Fault]) -> list[Diagnostic]:
    """A finding for each mistake; what only follows from another (a key missing because it is misspelt, or merged) is left out.

    Of a code not more than a thousand: one fault can be about every key of the file.
    """
    found: dict[tuple[str, Span, str], Diagnostic] = {}
    made: Counter[str] = Counter()
    lacking = {fault.path for fault in faults if fault.keyword == "required"}
    misspelt = {(fault.path, meant) for fault in faults if fault.path in lacking for meant in keys_meant(fault)}
    for fault in faults:
        say = _KEYWORDS.get(fault.keyword or "")
        node = node_at(root, fault.path)
        if say is None or node is None or (isinstance(node, Scalar) and is_unresolved(node)):
            continue
        for one in say(FaultAt(root, node, fault)):
            if fault.keyword == "required" and (
                (fault.path, one.data.get("key")) in misspelt or (isinstance(node, Mapping) and node.merges)
            ):
                continue
            if made[one.code] == MAX_FINDINGS:
                told = too_many(root.span.file)
                found.setdefault((told.code, told.span, told.message), told)
                break
            made[one.code] += 1
            found.setdefault((one.code, one.span, one.message), one)
    return list(found.values())


def _say_choice(at: FaultAt) -> Iterator[Diagnostic]:
    choices = [str(choice) for choice in at.fault.wanted]
    if "propertyNames" in at.fault.under:
        entry = _entry(at.node, at.fault.instance)
        span = entry.key.span if entry else at.node.span
        yield finding(
            "CCR101",
            f"unknown key {quoted(str(at.fault.instance))} in {name_of(at.fault.path)}",
            span,
            help=did_you_mean(str(at.fault.instance), choices, listing=12),
            fix=renaming_whole(entry.key, choices) if entry else None,
        )
        return
    if not isinstance(at.fault.instance, str):
        return  # the keyword `type` has said so
    if isinstance(at.node, Scalar) and was_replaced(at.node):
        message = f"{name_of(at.fault.path)} cannot be what {quoted(at.node.raw.strip(chr(34)))} gives"
        yield finding("CCR104", message, at.node.span, help=f"one of {listed(choices)}")
        return
    shown = "this" if CREDENTIALS in at.fault.path and at.fault.path[-1] != "type" else quoted(at.fault.instance)
    other = word_for(path_text(at.fault.path), at.fault.instance)
    near = nearest(at.fault.instance, choices)
    help_text = (
        f"write {quoted(other)}" if other else f"did you mean {quoted(near)}?" if near else f"one of {listed(choices)}"
    )
    fix = renaming_whole(at.node, choices) if isinstance(at.node, Scalar) and other in (None, near) else None
    yield finding("CCR104", f"{name_of(at.fault.path)} cannot be {shown}", at.node.span, help=help_text, fix=fix)


def _entry(node: Node, key: object) -> Entry | None:
    return node.entry(key) if isinstance(node, Mapping) and isinstance(key, str) else None


def _say_low(at: FaultAt) -> Iterator[Diagnostic]:
    yield finding("CCR105", f"{name_of(at.fault.path)} is at least `{at.fault.wanted}`", at.node.span)


def _say_high(at: FaultAt) -> Iterator[Diagnostic]:
    yield finding("CCR105", f"{name_of(at.fault.path)} is at most `{at.fault.wanted}`", at.node.span)


def _say_empty(at: FaultAt) -> Iterator[Diagnostic]:
    span = (
        at.node.span
        if isinstance(at.node, Scalar) or at.node.span.line == at.node.span.end_line
        else key_or_start(at.root, at.fault.path)
    )
    yield finding("CCR105", f"{name_of(at.fault.path)} is empty", span)


def _say_many(at: FaultAt) -> Iterator[Diagnostic]:
    if isinstance(at.node, Mapping) and len(at.node.entries) > at.fault.wanted:
        extra = at.node.entries[at.fault.wanted]
        names = [str(entry.key.value) for entry in at.node]
        yield finding(
            "CCR107",
            f"{name_of(at.fault.path)} has more than one of {listed(names)}",
            extra.key.span,
            help="keep one of them",
        )


def _say_repeat(at: FaultAt) -> Iterator[Diagnostic]:
    yield finding("CCR105", f"{name_of(at.fault.path)} lists something twice", first_line(at.node.span))


_KEYWORDS: MappingType[str, Callable[[FaultAt], Iterator[Diagnostic]]] = {
    "not": say_excluded,
    "additionalProperties": say_unknown,
    "required": say_missing,
    "type": say_kind,
    "pattern": say_pattern,
    "enum": _say_choice,
    "minimum": _say_low,
    "maximum": _say_high,
    "minLength": _say_empty,
    "minItems": _say_empty,
    "minProperties": _say_empty,
    "maxProperties": _say_many,
    "uniqueItems": _say_repeat,
}
