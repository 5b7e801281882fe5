"""Members of a decoded body, checked for their type, with their place in the words of the OpenAI API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from schemas.request import BadRequest


class BadChat(BadRequest):
    """The body is not a Chat Completions request; blame: client. `param` is the place, `code` what is wrong there."""

    def __init__(self, message: str, param: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.param = param
        self.code = code


def missing(place: str) -> BadChat:
    """A member that must be there is not."""
    return BadChat(f"Missing required parameter: '{place}'.", place, "missing_required_parameter")


def wrong_type(place: str, value: object, wanted: str) -> BadChat:
    """A member is of another type."""
    return BadChat(
        f"Invalid type for '{place}': expected {wanted}, but got {_kind(value)} instead.", place, "invalid_type"
    )


def wrong_value(place: str, why: str) -> BadChat:
    """A member has a value that cannot be."""
    return BadChat(f"Invalid value for '{place}': {why}.", place, "invalid_value")


def unsupported(place: str, why: str) -> BadChat:
    """A member asks for what no target can be asked through this router."""
    return BadChat(f"Unsupported value for '{place}': {why}.", place, "unsupported_value")


def under(place: str, member: str) -> str:
    """The place of a member of what is at `place`."""
    return f"{place}.{member}" if place else member


def text_at(value: Mapping[str, Any], member: str, place: str = "") -> str:
    """A string that must be there."""
    found = optional_text(value, member, place)
    if found is None:
        raise missing(under(place, member))
    return found


def optional_text(value: Mapping[str, Any], member: str, place: str = "") -> str | None:
    """A string, None where it is absent or null."""
    found = value.get(member)
    if found is not None and not isinstance(found, str):
        raise wrong_type(under(place, member), found, "a string")
    return found


def optional_bool(value: Mapping[str, Any], member: str, place: str = "") -> bool | None:
    """A boolean, None where it is absent or null."""
    found = value.get(member)
    if found is not None and not isinstance(found, bool):
        raise wrong_type(under(place, member), found, "a boolean")
    return found


def optional_int(value: Mapping[str, Any], member: str, place: str = "") -> int | None:
    """A whole number, None where it is absent or null."""
    found = value.get(member)
    if found is not None and (not isinstance(found, int) or isinstance(found, bool)):
        raise wrong_type(under(place, member), found, "an integer")
    return found


def optional_number(value: Mapping[str, Any], member: str, place: str = "") -> float | None:
    """A number, None where it is absent or null."""
    found = value.get(member)
    if found is not None and (not isinstance(found, int | float) or isinstance(found, bool)):
        raise wrong_type(under(place, member), found, "a number")
    return found


def optional_object(value: Mapping[str, Any], member: str, place: str = "") -> dict[str, Any] | None:
    """An object, None where it is absent or null."""
    found = value.get(member)
    if found is not None and not isinstance(found, dict):
        raise wrong_type(under(place, member), found, "an object")
    return found


def object_at(value: Mapping[str, Any], member: str, place: str = "") -> dict[str, Any]:
    """An object that must be there."""
    found = optional_object(value, member, place)
    if found is None:
        raise missing(under(place, member))
    return found


def objects_at(value: Mapping[str, Any], member: str, place: str = "") -> list[tuple[str, dict[str, Any]]]:
    """A list of objects with their places; empty where it is absent or null."""
    found = value.get(member)
    where = under(place, member)
    if found is None:
        return []
    if not isinstance(found, list):
        raise wrong_type(where, found, "an array of objects")
    for index, item in enumerate(found):
        if not isinstance(item, dict):
            raise wrong_type(f"{where}[{index}]", item, "an object")
    return [(f"{where}[{index}]", item) for index, item in enumerate(found)]


def _kind(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case int():
            return "an integer"
        case float():
            return "a decimal"
        case str():
            return "a string"
        case list():
            return "an array"
        case _:
            return "an object"
