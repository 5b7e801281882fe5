"""An upstream that points elsewhere: told at once, never followed, and of the location only the origin."""

from __future__ import annotations

import pytest

from tests.engine.test_pass_through import ASK, ONE, TWO
from tests.fakes.gateway import Answer, in_process, streamed


@pytest.mark.parametrize(
    ("location", "where"),
    [
        ("https://login.example/in?token=secret", "points to `https://login.example`"),
        ("/v2/messages", "points to another path"),
        ("http://[broken", "points to another path"),
        (None, "answered 307; no redirect is followed"),
    ],
)
async def test_a_redirect_is_told_after_one_try(location: str | None, where: str) -> None:
    """502 that names the status and the host, so that the endpoint can be corrected; asking again would not help."""
    headers = {"content-type": "text/html"} | ({"location": location} if location else {})
    one = in_process(ONE, {"up": [Answer([b"<html>moved</html>"], 307, headers)]})
    got = await one.post(ASK)

    assert got.status == 502
    message = got.json()["error"]["message"]
    assert where in message
    assert "`up` answered 307" in message
    assert "secret" not in message
    assert len(one.transports["up"].sent) == 1


async def test_a_fallback_answers_in_its_place() -> None:
    """Every other instance is asked once, then the next target."""
    moved = Answer([], 301, {"location": "https://elsewhere.example/"})
    one = in_process(TWO, {"up": [moved, moved], "spare": [Answer(streamed({"content": "ok"}))]})
    got = await one.post(ASK)

    assert got.status == 200
    assert got.headers["x-ccr-target"] == "spare,m2"
    assert len(one.transports["up"].sent) == 2
