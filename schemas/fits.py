"""Whether a value certainly fits a schema: a quick yes for configurations without a fault in their shape.

Knows the keywords that our schema uses. "No" means only that the validator is to be asked, which finds every fault and says
where. INVARIANT: what fits here has no fault for the validator (a property test compares them).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

Schema = Mapping[str, Any]
Holds = Callable[[Any], bool]
Of = Callable[[Schema | bool], Holds]
Make = Callable[[Any, Schema, Of], Holds]
"""What a keyword wants, the part it is in, and what asks about other parts, to a question."""


class Fits:
    """Whether values, JSON as Python has it, certainly fit parts of one schema; each part is made a function once."""

    def __init__(self, root: Schema) -> None:
        self._root = root
        # by id: the root holds every part, so that its id stays its own
        self._made: dict[int, Holds] = {}

    def __call__(self, value: Any, schema: Schema | bool) -> bool:
        """Whether the value fits this part."""
        return self.of(schema)(value)

    def of(self, schema: Schema | bool) -> Holds:
        """The question for one part of the schema."""
        made = self._made.get(id(schema))
        if made is None:
            made = self._made[id(schema)] = self._whole(schema)
        return made

    def keyword(self, name: str, wanted: Any, schema: Schema) -> Holds:
        """The question for one keyword of a part alone."""
        make = KEYWORDS.get(name)
        return _never if make is None else make(wanted, schema, self.of)

    def _whole(self, schema: Schema | bool) -> Holds:
        if isinstance(schema, bool):
            return _always if schema else _never
        reference = schema.get("$ref")
        if reference is not None:
            target = _target(reference, self._root)  # draft-07: what stands beside it is not asked
            return lambda value: self.of(target)(value)
        return _together([self.keyword(name, wanted, schema) for name, wanted in schema.items() if name not in _SILENT])


def _together(asked: Sequence[Holds]) -> Holds:
    """Whether all hold. Here, and in all that is asked of many values, a loop takes half the time of `all`."""
    if len(asked) == 1:
        return asked[0]

    def holds(value: Any) -> bool:
        for one in asked:  # noqa: SIM110
            if not one(value):
                return False
        return True

    return holds


def _always(value: Any) -> bool:  # noqa: ARG001 - one signature for all
    return True


def _never(value: Any) -> bool:  # noqa: ARG001
    return False


def _target(reference: str, root: Schema) -> Any:
    found: Any = root
    for step in reference.removeprefix("#/").split("/"):
        found = found[step]
    return found


_TYPES: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "boolean": (bool,),
    "null": (type(None),),
    "array": (list,),
    "object": (dict,),
    "number": (int, float),
    "integer": (int,),
}


def _type(wanted: Any, schema: Schema, of: Of) -> Holds:  # noqa: ARG001
    kinds = frozenset(kind for name in ([wanted] if isinstance(wanted, str) else wanted) for kind in _TYPES[name])
    return lambda value: type(value) in kinds


def _properties(wanted: Any, schema: Schema, of: Of) -> Holds:  # noqa: ARG001
    asked: dict[str, Holds] = {}

    def holds(value: Any) -> bool:
        if not isinstance(value, dict):
            return True
        for key, item in value.items():
            one = asked.get(key)
            if one is None:
                if key not in wanted:
                    continue
                one = asked[key] = of(wanted[key])
            if not one(item):
                return False
        return True

    return holds


def _additional(wanted: Any, schema: Schema, of: Of) -> Holds:
    if wanted is True:
        return _always
    known = schema.get("properties", {}).keys()
    if wanted is False:
        return lambda value: not isinstance(value, dict) or value.keys() <= known
    other = of(wanted)

    def holds(value: Any) -> bool:
        if isinstance(value, dict):
            for key, item in value.items():
                if key not in known and not other(item):
                    return False
        return True

    return holds


def _names(wanted: Any, schema: Schema, of: Of) -> Holds:  # noqa: ARG001
    name = of(wanted)
    return lambda value: not isinstance(value, dict) or all(name(key) for key in value)


def _items(wanted: Any, schema: Schema, of: Of) -> Holds:  # noqa: ARG001
    item = of(wanted)

    def holds(value: Any) -> bool:
        if isinstance(value, list):
            for one in value:
                if not item(one):
                    return False
        return True

    return holds


def _if(wanted: Any, schema: Schema, of: Of) -> Holds:
    """Where the condition is not certain, both branches must fit."""
    asked, then, other = of(wanted), of(schema.get("then", True)), of(schema.get("else", True))
    if _is_exact(wanted):
        return lambda value: then(value) if asked(value) else other(value)
    return lambda value: then(value) and other(value)


def _not(wanted: Any, schema: Schema, of: Of) -> Holds:  # noqa: ARG001
    refused = of(wanted)
    return (lambda value: not refused(value)) if _is_exact(wanted) else _never


def _enum(wanted: Any, schema: Schema, of: Of) -> Holds:  # noqa: ARG001
    """One of the texts; of numbers and booleans the validator has its own notion."""
    texts = frozenset(one for one in wanted if isinstance(one, str))
    return lambda value: isinstance(value, str) and value in texts


def _pattern(wanted: Any, schema: Schema, of: Of) -> Holds:  # noqa: ARG001
    search = re.compile(wanted).search
    return lambda value: not isinstance(value, str) or search(value) is not None


def _bound(kinds: tuple[type, ...], holds: Callable[[Any, Any], bool]) -> Make:
    """A keyword that only values of these kinds can break."""

    def make(wanted: Any, schema: Schema, of: Of) -> Holds:  # noqa: ARG001
        return lambda value: type(value) not in kinds or holds(value, wanted)

    return make


def _all(wanted: Any, schema: Schema, of: Of) -> Holds:  # noqa: ARG001
    return _together([of(one) for one in wanted])


def _any(wanted: Any, schema: Schema, of: Of) -> Holds:  # noqa: ARG001
    parts = [of(one) for one in wanted]

    def holds(value: Any) -> bool:
        for one in parts:  # noqa: SIM110
            if one(value):
                return True
        return False

    return holds


def _required(wanted: Any, schema: Schema, of: Of) -> Holds:  # noqa: ARG001
    keys = frozenset(wanted)
    return lambda value: not isinstance(value, dict) or keys <= value.keys()


def _is_exact(schema: Any) -> bool:
    """Whether `fits` says no to this schema only where it does not hold: no keyword in it is asked cautiously."""
    return isinstance(schema, bool) or all(_is_exact_keyword(keyword, wanted) for keyword, wanted in schema.items())


def _is_exact_keyword(keyword: str, wanted: Any) -> bool:
    match keyword:
        case "description" | "required" | "title":
            return True
        case "const":
            return isinstance(wanted, str)
        case "enum":
            return all(isinstance(one, str) for one in wanted)
        case "type":
            return isinstance(wanted, str) and wanted != "integer"
        case "properties":
            return all(map(_is_exact, wanted.values()))
        case "allOf" | "anyOf":
            return all(map(_is_exact, wanted))
        case "not":
            return _is_exact(wanted)
        case _:
            return False


_SILENT = frozenset(("description", "default", "title", "$schema", "$defs", "then", "else"))
KEYWORDS: Mapping[str, Make] = {
    "type": _type,
    "properties": _properties,
    "additionalProperties": _additional,
    "propertyNames": _names,
    "items": _items,
    "required": _required,
    "enum": _enum,
    "const": lambda wanted, schema, of: _enum([wanted], schema, of),
    "pattern": _pattern,
    "minimum": _bound((int, float), lambda value, wanted: value >= wanted),
    "maximum": _bound((int, float), lambda value, wanted: value <= wanted),
    "minLength": _bound((str,), lambda value, wanted: len(value) >= wanted),
    "minItems": _bound((list,), lambda value, wanted: len(value) >= wanted),
    "minProperties": _bound((dict,), lambda value, wanted: len(value) >= wanted),
    "maxProperties": _bound((dict,), lambda value, wanted: len(value) <= wanted),
    "uniqueItems": _bound(
        (list,), lambda value, _: all(isinstance(one, str) for one in value) and len(set(value)) == len(value)
    ),
    "allOf": _all,
    "anyOf": _any,
    "if": _if,
    "not": _not,
}
