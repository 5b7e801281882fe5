"""The configuration's JSON Schema, and a document checked against it: the stage between text and meaning."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from collections.abc import Mapping as MappingType
from functools import cache, partial
from typing import Any

from msgspec.structs import replace

from schemas.diagnostics import Diagnostic
from schemas.document import Document, JSONScalar, Node, Scalar, Sequence, node_at, plain
from schemas.faults import SUBSTITUTION, Fault
from schemas.fits import KEYWORDS, Fits
from schemas.limits import MAX_FINDINGS
from schemas.packaged import schema_text
from schemas.scalars import number_of
from schemas.substitute import is_exactly_one
from schemas.too_many import too_many
from schemas.validate import findings_of


def shape(document: Document) -> tuple[Document, list[Diagnostic]]:
    """The document with whole-text references made numbers and booleans where those are wanted, and every wrong shape."""
    faults = _faults(document.root)
    # round by round, since of many faults only the first ones are known
    while values := {fault.path: value for fault in faults if (value := _converted(document.root, fault)) is not None}:
        document = replace(document, root=_with_values(document.root, values, ()))
        faults = _faults(document.root)
    found = findings_of(document.root, faults[:MAX_FINDINGS])
    return document, found if len(faults) <= MAX_FINDINGS else [too_many(document.root.span.file), *found]


@cache
def _schema() -> Any:
    return json.loads(schema_text())


@cache
def _fits() -> Fits:
    return Fits(_schema())


@cache
def _validator() -> Any:
    # imported here: a configuration whose shape is right should not wait for the library
    from jsonschema.validators import Draft7Validator, extend

    whole = {**Draft7Validator.VALIDATORS, "additionalProperties": partial(_others, Draft7Validator.VALIDATORS)}
    asked: Any = extend(Draft7Validator, {name: partial(_unless_it_fits, name, whole[name]) for name in KEYWORDS})  # type: ignore[no-untyped-call]
    return asked(_schema())


def _unless_it_fits(name: str, whole: Any, validator: Any, wanted: Any, value: Any, schema: Any) -> Iterable[Any]:
    """The library's keyword where the value does not certainly fit it: its way to say yes takes long."""
    return () if _fits().keyword(name, wanted, schema)(value) else whole(validator, wanted, value, schema) or ()


def _others(whole: MappingType[str, Any], validator: Any, wanted: Any, value: Any, schema: Any) -> Iterator[Any]:
    """The library's keyword, but its faults are in the order of the file: which of too many are kept is the same every time."""
    if not isinstance(wanted, dict) or not isinstance(value, dict):
        yield from whole["additionalProperties"](validator, wanted, value, schema) or ()
        return
    named, patterns = schema.get("properties", {}), list(schema.get("patternProperties", {}))
    for name, part in value.items():
        if name not in named and not any(re.search(pattern, name) for pattern in patterns):
            yield from validator.descend(part, wanted, path=name)


def _faults(root: Node) -> list[Fault]:
    value = plain(root)
    if _fits()(value, _schema()):
        return []
    faults: list[Fault] = []
    for error in _validator().iter_errors(value):
        faults.append(
            Fault(
                path=tuple(error.absolute_path),
                keyword=error.validator,
                wanted=error.validator_value,
                instance=error.instance,
                schema=error.schema if isinstance(error.schema, dict) else {},
                under=tuple(error.absolute_schema_path),
            )
        )
        if len(faults) > MAX_FINDINGS:
            break
    return faults


def _converted(root: Node, fault: Fault) -> int | float | bool | None:
    """The number or boolean that a replaced `${...}` stands for, where the schema wants one."""
    node = node_at(root, fault.path)
    if fault.wanted != SUBSTITUTION or not isinstance(node, Scalar) or not is_exactly_one(node):
        return None
    kinds = fault.schema.get("type", ())
    text = str(node.value).strip()
    if "boolean" in kinds and text.lower() in ("true", "false"):
        return text.lower() == "true"
    return number_of(text) if "integer" in kinds or "number" in kinds else None


def _with_values(node: Node, values: MappingType[tuple[str | int, ...], JSONScalar], at: tuple[str | int, ...]) -> Node:
    if isinstance(node, Scalar):
        return replace(node, value=values[at]) if at in values else node
    if isinstance(node, Sequence):
        return replace(node, items=tuple(_with_values(item, values, (*at, i)) for i, item in enumerate(node.items)))
    entries = tuple(replace(one, value=_with_values(one.value, values, (*at, str(one.key.value)))) for one in node)
    return replace(node, entries=entries)
