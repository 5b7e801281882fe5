"""A whole stream of each dialect, as its upstream sends it and as the client reads it, byte for byte."""

from __future__ import annotations

from base64 import encodebytes

import pytest

from tests.conftest import Golden
from tests.fakes.replies import ran
from tests.fakes.speakers import SPEAKERS
from tests.fakes.spoken import spoken
from tests.fakes.upstream import Call

CALLS = (Call("f", {"a": "é\n", "b": [1, {"c": None}]}, "toolu_1"), Call("g", {}, "toolu_2"))


@pytest.mark.parametrize("name", sorted(SPEAKERS))
def test_a_stream_with_a_thought_words_and_two_calls(name: str, golden: Golden) -> None:
    """What changes on the way is seen here before a client sees it; where a dialect passes its upstream's events on, both ways are shown."""
    said = spoken(SPEAKERS[name], "Grüße 😀, two calls:", CALLS, "two are wanted")
    body = b"".join(said.pieces)
    binary = "eventstream" in said.head.headers["content-type"]
    golden(f"streams/{name}.upstream", encodebytes(body) if binary else body)

    golden(f"streams/{name}.sse", ran(said.decoder(), said.pieces, stream=True).data)
    passing = said.passing()
    if passing is not None:
        data = b"".join(passing.feed(piece) for piece in said.pieces) + passing.finish()
        golden(f"streams/{name}.passed.sse", data)
