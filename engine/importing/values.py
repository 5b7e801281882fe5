"""Texts of an imported file: variables in our notation, keys moved out, addresses without credentials."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from engine.importing.draft import Draft
from schemas.scalars import number_of

_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(:-[^}]*)?\}|\$([A-Z_][A-Z0-9_]*)")
_ONLY_VARIABLE = re.compile(r"\$\{[A-Za-z_][A-Za-z0-9_]*\}|\$[A-Za-z_][A-Za-z0-9_]*")
_WITH_DEFAULT = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*):-[^}]*\}")
_NO_KEYS = frozenset(("", "none", "dummy", "test", "ollama", "lm-studio", "no-key", "not-needed", "unused", "local"))
_KEY_NAMES = re.compile(r"key|token|secret|password|auth|credential", re.IGNORECASE)


def text_of(value: str) -> str:
    """The text with `$VAR` and `${VAR}` as `${VAR}`, and any other `${` as the literal it was."""
    pieces, at = [], 0
    for found in _VARIABLE.finditer(value):
        pieces.append(value[at : found.start()].replace("${", "$${"))
        pieces.append("${" + (found[1] or found[3]) + (found[2] or "") + "}")
        at = found.end()
    return "".join(pieces) + value[at:].replace("${", "$${")


def variables_in(data: bytes) -> frozenset[str]:
    """The names of all variables that a file may refer to."""
    return frozenset(name.decode() for name in re.findall(rb"\$\{?([A-Za-z_][A-Za-z0-9_]*)", data))


def keys_of(value: object, provider: str, draft: Draft) -> list[str]:
    """The keys of a provider (one, or a list of them) as references; a key that was written out becomes a variable to set.

    Texts that people write where a server wants any key at all are no keys.
    """
    given = value if isinstance(value, list) else [] if value is None else [value]
    keys: list[str] = []
    for one in given:
        if not isinstance(one, str):
            draft.note(f"key of `{provider}`", "a key that is no text was left out")
        elif one.strip().lower() in _NO_KEYS:
            continue
        elif found := _WITH_DEFAULT.fullmatch(one.strip()):
            draft.note(
                f"key of `{provider}`",
                f"what stands for `{found[1]}` where it is not set may be a key, so it was left out",
            )
            keys.append("${" + found[1] + "}")
        elif _ONLY_VARIABLE.fullmatch(one.strip()):
            keys.append("${" + one.strip().strip("${}") + "}")
        else:
            keys.append("${" + _new_variable(provider, draft) + "}")
    return keys


def address_of(value: object, place: str, draft: Draft) -> str | None:
    """An address without the credentials that may stand in it."""
    if not isinstance(value, str) or not value.strip():
        return None
    address = text_of(value.strip())
    try:
        parts = urlsplit(address)
    except ValueError:
        draft.note(place, "this is no address, so it was left out")
        return None
    query = [
        (name, text) for name, text in parse_qsl(parts.query, keep_blank_values=True) if not _KEY_NAMES.search(name)
    ]
    host = parts.netloc.rpartition("@")[2]
    if host == parts.netloc and len(query) == len(parse_qsl(parts.query, keep_blank_values=True)):
        return address
    draft.note(place, "a credential stood in the address and was left out: use `authentication`")
    return urlunsplit((parts.scheme, host, parts.path, urlencode(query), parts.fragment))


def take_port(value: object, place: str, draft: Draft) -> None:
    """The port of the server, as a number or as its digits."""
    number = number_of(value) if isinstance(value, str) else value
    if isinstance(number, int) and not isinstance(number, bool) and 0 < number < 65536:
        draft.server["port"] = number
    elif value is not None:
        draft.note(place, "this is no port")


def harmless(value: object, place: str, draft: Draft) -> Any:
    """An option's value with variables in our notation, without members whose names speak of credentials."""
    match value:
        case str():
            return text_of(value)
        case dict():
            kept = {}
            for key, member in value.items():
                if _KEY_NAMES.search(key) and isinstance(member, str) and not _ONLY_VARIABLE.fullmatch(member):
                    draft.note(f"{place}.{key}", "it may be a secret, so it was left out")
                else:
                    kept[key] = harmless(member, f"{place}.{key}", draft)
            return kept
        case list():
            return [harmless(item, place, draft) for item in value]
        case _:
            return value


def _new_variable(provider: str, draft: Draft) -> str:
    base = re.sub(r"[^A-Z0-9]+", "_", provider.upper()).strip("_") or "PROVIDER"
    if base[0].isdigit():
        base = f"P_{base}"
    name, number = f"{base}_API_KEY", 1
    while name in draft.variables or name in draft.taken:
        number += 1
        name = f"{base}_API_KEY_{number}"
    draft.variables.append(name)
    return name
