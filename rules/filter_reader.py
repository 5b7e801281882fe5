"""Written filters to values, with what is wrong in them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, get_args

from rules.conditions import Conditions
from rules.nodes import Filter, Spotter
from rules.patterns.finder import Finder
from rules.patterns.regex import PatternError
from schemas.codes import finding
from schemas.document import Mapping, Node, Scalar, Sequence, node_at
from schemas.edits import renaming_whole
from schemas.known_patterns import GROUPS, KNOWN
from schemas.places import inside
from schemas.substitute import is_unresolved
from schemas.suggest import nearest
from schemas.wording import quoted

Action = Literal["block", "redact", "tag"]


def filters_in(root: Mapping, conditions: Conditions) -> list[Filter]:
    """The filters of a document; what is wrong goes to the conditions' diagnostics, shapes are the schema's to judge."""
    written = node_at(root, ("filters",))
    found: dict[str, Filter] = {}
    for index, node in enumerate(written if isinstance(written, Sequence) else ()):
        one = _filter(node, index, conditions) if isinstance(node, Mapping) else None
        if one is None:
            conditions.broken = True
            continue
        if one.name in found:
            conditions.diagnostics.append(
                finding("CCR108", f"there are two filters called {quoted(one.name)}", one.span)
            )
        found.setdefault(one.name, one)
    return list(found.values())


def _filter(node: Mapping, index: int, conditions: Conditions) -> Filter | None:
    action = next((word for word in get_args(Action) if word == _word(node, "action")), None)
    if action is None:
        return None
    condition, patterns = node.get("condition"), node.get("patterns")
    _check_parts(node, action, conditions)
    name = node.get("name")
    named = isinstance(name, Scalar) and isinstance(name.value, str) and name.value
    return Filter(
        str(name.value) if isinstance(name, Scalar) and named else f"filters[{index}]",
        action,
        name.span if name is not None and named else node.span,
        None if condition is None else conditions.condition(condition),
        tuple(_patterns(patterns, conditions)),
        _word(node, "message"),
        _word(node, "tag"),
    )


def _check_parts(node: Mapping, action: Action, conditions: Conditions) -> None:
    say = conditions.diagnostics.append
    if action == "redact" and node.get("patterns") is None:
        say(finding("CCR102", "`redact` needs `patterns`: what is cut out", node.span, help="such as `[secrets]`"))
    elif node.get("condition") is None and node.get("patterns") is None:
        help_text = "write `condition: {always: true}` for every request"
        say(finding("CCR102", "a filter needs `condition` or `patterns`", node.span, help=help_text))
    for key, owner in (("message", "block"), ("tag", "tag")):
        entry = node.entry(key)
        if entry is not None and action != owner:
            say(finding("CCR107", f"{quoted(key)} has no meaning with `{action}`", entry.key.span, help="remove it"))


def _patterns(node: Node | None, conditions: Conditions) -> Iterator[Spotter]:
    for item in node.items if isinstance(node, Sequence) else ():
        if isinstance(item, Mapping):
            regex = item.get("regex")
            if isinstance(regex, Scalar) and isinstance(regex.value, str) and not is_unresolved(regex):
                yield from _own(regex, conditions)
        elif isinstance(item, Scalar) and isinstance(item.value, str) and not is_unresolved(item):
            yield from _named(item, conditions)


def _own(regex: Scalar, conditions: Conditions) -> Iterator[Spotter]:
    try:
        finder = Finder(str(regex.value))
    except PatternError as fault:
        place = inside(regex, fault.start, fault.end)
        conditions.diagnostics.append(finding(fault.code, fault.message, place, help=fault.hint))
        return
    if finder.finds_nothing:
        message = f"{quoted(str(regex.value))} is found in the empty text, and so everywhere"
        conditions.diagnostics.append(
            finding("CCR606", message, regex.span, help="make it match one character at least")
        )
    yield finder


def _named(item: Scalar, conditions: Conditions) -> Iterator[Spotter]:
    name = str(item.value)
    if name not in KNOWN and name not in GROUPS:
        known = [*GROUPS, *KNOWN]
        near = nearest(name, known)
        help_text = f"did you mean {quoted(near)}?" if near else "a pattern of your own is `{regex: ...}`"
        conditions.diagnostics.append(
            finding(
                "CCR401",
                f"there is no pattern {quoted(name)}",
                item.span,
                help=help_text,
                fix=renaming_whole(item, known),
            )
        )
        return
    for one in GROUPS.get(name, (name,)):
        yield KNOWN[one]


def _word(node: Mapping, key: str) -> str | None:
    found = node.get(key)
    return found.value if isinstance(found, Scalar) and isinstance(found.value, str) else None
