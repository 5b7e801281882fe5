"""The quick answer about a configuration's shape and the validator's: what fits has no fault."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema.validators import Draft7Validator

from schemas.document import plain
from schemas.fits import Fits
from schemas.packaged import schema_text
from schemas.read import read
from schemas.shape import _validator

ROOT = Path(__file__).resolve().parents[2]
SCHEMA: dict[str, Any] = json.loads(schema_text())
VALIDATOR = Draft7Validator(SCHEMA)
FITS = Fits(SCHEMA)
FILES = sorted(
    path
    for folder in ("tests/schemas/good", "tests/schemas/bad", "tests/schemas/seed", "engine/data", "examples")
    for path in (ROOT / folder).rglob("*")
    if path.suffix in (".yaml", ".json") and path.name != "compose.yaml"
)


def _value(path: Path) -> Any:
    document, _ = read(path.read_bytes(), path.name)
    return None if document is None else plain(document.root)


VALUES = [value for path in FILES if isinstance(value := _value(path), dict)]


def _parts(value: Any) -> list[Any]:
    below = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [value, *(part for item in below for part in _parts(item))]


PARTS = [part for value in VALUES for part in _parts(value)]
SCALARS = [None, True, False, 0, 1, 1.0, -1, 70_000, "", "x", "main,x", "${A}", "static", "openai"]


@st.composite
def changed(draw: st.DrawFn) -> Any:
    """One of our files with a few of its parts exchanged, removed or put elsewhere."""
    value = json.loads(json.dumps(draw(st.sampled_from(VALUES))))
    for _ in range(draw(st.integers(0, 3))):
        holder = draw(
            st.sampled_from([part for part in _parts(value) if isinstance(part, dict | list) and part] or [value])
        )
        if not holder:
            continue
        key = draw(st.sampled_from(sorted(holder) if isinstance(holder, dict) else range(len(holder))))
        if draw(st.booleans()):
            holder[key] = json.loads(json.dumps(draw(st.sampled_from([*SCALARS, *PARTS]))))
        elif isinstance(holder, dict) and draw(st.booleans()):
            holder[draw(st.sampled_from(["x", "type", "target", "fallbacks", "reject", "instances", "endpoint"]))] = (
                holder.pop(key)
            )
        else:
            holder.pop(key)
    return value


@given(changed())
def test_what_fits_has_no_fault(value: Any) -> None:
    """The quick answer is never a wrong yes."""
    if FITS(value, SCHEMA):
        assert list(VALIDATOR.iter_errors(value)) == []


def _faults(validator: Any, value: Any) -> list[str]:
    return sorted(
        repr((list(one.absolute_path), list(one.absolute_schema_path))) for one in validator.iter_errors(value)
    )


@given(changed())
def test_what_fits_is_left_out_of_the_validators_way(value: Any) -> None:
    """It finds the same faults at the same places."""
    assert _faults(_validator(), value) == _faults(VALIDATOR, value)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_our_files_without_a_fault_fit(path: Path) -> None:
    """The quick answer is yes for everything that people write rightly, so that the library is not needed for it."""
    value = _value(path)
    if value is not None:
        assert FITS(value, SCHEMA) == VALIDATOR.is_valid(value)
