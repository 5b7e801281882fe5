"""Members of a JSON object, replaced in its bytes."""

from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.members import spliced

DECODER = msgspec.json.Decoder(dict[str, msgspec.Raw])


@pytest.mark.parametrize(
    ("body", "edits", "wanted"),
    [
        (b'{"model":"a","x":1}', {"model": b'"b"'}, b'{"model":"b","x":1}'),
        (b'{"x":{"model":"a"},"model":"a"}', {"model": b'"b"'}, b'{"x":{"model":"a"},"model":"b"}'),
        (b'{"x":"\\"model\\":\\"a\\"","model":"a"}', {"model": b'"b"'}, b'{"x":"\\"model\\":\\"a\\"","model":"b"}'),
        (
            b' { "mod\\u0065l" :\t"a"\r\n, "x" : [ ] } \n',
            {"model": b'"b"'},
            b' { "mod\\u0065l" :\t"b"\r\n, "x" : [ ] } \n',
        ),
        (b'{"model":"a\\"}","x":1}', {"model": b'"b"'}, b'{"model":"b","x":1}'),
        (b'{"a":1, "b":2, "c":3}', {"b": None}, b'{"a":1, "c":3}'),
        (b'{"a":1, "b":2, "c":3}', {"a": None}, b'{"b":2, "c":3}'),
        (b'{"a":1, "b":2, "c":3}', {"c": None, "a": b"0"}, b'{"a":0, "b":2}'),
        (b'{"a":1}', {"a": None}, b"{}"),
        (b'{"a":1}', {"b": b"2"}, b'{"a":1}'),
        (b"{}", {"b": b"2"}, b"{}"),
        (b'{"a":1,"a":2,"b":3}', {"b": b"4"}, b'{"a":2,"b":4}'),
    ],
)
def test_only_the_edited_member_changes(body: bytes, edits: dict[str, bytes | None], wanted: bytes) -> None:
    """Names in nested objects and in strings, escaped names, white space: the right value is replaced, the rest stays."""
    assert spliced(body, DECODER.decode(body), edits) == wanted


@given(
    st.dictionaries(
        st.text(),
        st.recursive(st.none() | st.integers() | st.text(), st.lists)
        | st.floats(allow_nan=False, allow_infinity=False),
    ),
    st.sampled_from([None, (",", ":"), (" , ", " : "), ("\n,\t", ":\r\n")]),
    st.booleans(),
    st.data(),
)
def test_edits_mean_what_they_say(
    value: dict[str, object], separators: tuple[str, str] | None, ascii_only: bool, data: st.DataObject
) -> None:
    """Whatever object, however written: read again it is the same but for the edits."""
    body = json.dumps(value, separators=separators, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    names = st.sampled_from(sorted(value)) if value else st.nothing()
    edits = data.draw(st.dictionaries(names, st.none() | st.just(b'{"new":[1]}')))
    wanted = {
        name: {"new": [1]} if name in edits else one for name, one in value.items() if edits.get(name, b"") is not None
    }

    found = spliced(body, DECODER.decode(body), edits)

    assert json.loads(found) == wanted
    assert bool(edits) or found == body
