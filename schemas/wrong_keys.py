"""Keys that are unknown, missing, or cannot stand beside others, and what they were probably meant to be."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping as MappingType
from typing import Any

from schemas.codes import finding
from schemas.diagnostics import Diagnostic
from schemas.document import Mapping
from schemas.edits import renaming_whole
from schemas.faults import Fault, FaultAt, key_or_start, name_of, path_text
from schemas.keys_elsewhere import elsewhere
from schemas.other_words import missing_for
from schemas.suggest import did_you_mean, nearest
from schemas.wording import quoted


def unknown_keys(fault: Fault) -> list[str]:
    """The keys that the schema does not know, where that is the fault."""
    if fault.keyword != "additionalProperties" or fault.wanted is not False or not isinstance(fault.instance, dict):
        return []
    return [key for key in fault.instance if key not in fault.schema.get("properties", {})]


def keys_meant(fault: Fault) -> Iterator[str]:
    """The required keys that unknown ones were probably meant to be."""
    for key in unknown_keys(fault):
        near = nearest(key, fault.schema.get("properties", {}))
        if near is not None:
            yield near
        if key in _OTHER_WORDS:
            yield _OTHER_WORDS[key]
        if (name := _before_its_colon(key, fault.schema)) is not None:
            yield name


def _before_its_colon(key: str, schema: MappingType[str, Any]) -> str | None:
    """The known key of `endpoint:http://...`, a pair without the blank that parts it in YAML."""
    name = key.partition(":")[0]
    return name if ":" in key and name in schema.get("properties", {}) else None


_OTHER_WORDS = {
    "baseURL": "endpoint", "baseUrl": "endpoint", "base_url": "endpoint", "api_base_url": "endpoint", "url": "endpoint", "host": "endpoint",
    "when": "condition", "if": "condition", "match": "condition", "conditions": "condition",
    "to": "target", "then": "target", "route": "target", "use": "target", "action": "target", "destination": "target",
}  # fmt: skip


def say_unknown(at: FaultAt) -> Iterator[Diagnostic]:
    """Each unknown key, with the known one that was probably meant."""
    known = at.fault.schema.get("properties", {})
    entries = {entry.key.value: entry for entry in at.node} if isinstance(at.node, Mapping) else {}
    for key in unknown_keys(at.fault):
        entry = entries.get(key)
        if entry is None:
            continue
        where = "" if not at.fault.path else f" in {name_of(at.fault.path)}"
        joined = _before_its_colon(key, at.fault.schema)
        help_text = (
            f"write a blank after `{joined}:`"
            if joined is not None
            else elsewhere(path_text((*at.fault.path, key))) or did_you_mean(key, known, listing=12)
        )
        free = [name for name in known if name not in at.fault.instance]
        fix = renaming_whole(entry.key, free)
        yield finding("CCR101", f"unknown key {quoted(key)}{where}", entry.key.span, help=help_text, fix=fix)


def say_missing(at: FaultAt) -> Iterator[Diagnostic]:
    """Each key that must be there and is not."""
    for key in at.fault.wanted:
        if isinstance(at.fault.instance, dict) and key not in at.fault.instance:
            yield finding(
                "CCR102",
                f"{name_of(at.fault.path)} has no {quoted(key)}",
                key_or_start(at.root, at.fault.path),
                help=missing_for(path_text((*at.fault.path, key))),
                data={"key": key},
            )


# a key that the schema forbids here -> what it cannot stand beside
_EXCLUDED_BY: tuple[tuple[tuple[str, ...], str], ...] = (
    (("provider", "model"), "`reject`"),
    (("fallbacks",), "`reject`, or a target that has `fallbacks` itself"),
    (("apiKey", "token", "tokenPath"), "`credentials`"),
)


def say_excluded(at: FaultAt) -> Iterator[Diagnostic]:
    """A key that cannot stand beside what is there."""
    key = str(at.fault.path[-1]) if at.fault.path else ""
    beside = next((what for keys, what in _EXCLUDED_BY if key in keys), "its neighbours")
    yield finding(
        "CCR107",
        f"{quoted(key)} cannot stand beside {beside}",
        key_or_start(at.root, at.fault.path),
        help="keep one of the two",
    )
