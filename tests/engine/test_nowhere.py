"""An upstream with nothing at the endpoint's path: said with the address, in an error that the client shows."""

from __future__ import annotations

import pytest

from tests.engine.test_pass_through import ASK, COUNT, ONE, TWO, refused
from tests.fakes.gateway import Answer, in_process, streamed

PAGE = Answer([b"<html><title>404 Not Found</title></html>"], 404, {"content-type": "text/html"})


@pytest.mark.parametrize("answer", [PAGE, refused(404, "not_found_error", "Not Found")], ids=["a page", "an error"])
async def test_a_wrong_path_is_named_and_is_no_wrong_model(answer: Answer) -> None:
    """502 with the address: of a 404 the client would say that the model does not exist, and hide these words."""
    one = in_process(ONE, {"up": [answer]})
    got = await one.post(ASK)

    assert got.status == 502
    message = got.json()["error"]["message"]
    assert message.endswith("Not Found; it has nothing at http://127.0.0.1:9/v1/messages, check `endpoint`")
    assert len(one.transports["up"].sent) == 1


async def test_a_fallback_answers_in_its_place() -> None:
    """Every other instance is asked once, then the next target."""
    one = in_process(TWO, {"up": [PAGE, PAGE], "spare": [Answer(streamed({"content": "ok"}))]})

    assert (await one.post(ASK)).status == 200


async def test_an_upstream_need_not_be_able_to_count() -> None:
    """A path for counting that is not there rests nobody."""
    one = in_process(ONE, {"up": [PAGE] * 4 + [refused(400, "invalid_request_error", "asked")]})
    for _ in range(4):
        await one.post(COUNT, "/v1/messages/count_tokens")

    assert "asked" in (await one.post(ASK)).json()["error"]["message"]


@pytest.mark.parametrize(
    ("path", "meant"),
    [
        ("/chat/completions", ", `/v1/chat/completions` is"),
        ("/v1/v1/chat/completions/", ", `/v1/chat/completions` is"),
        ("/api/v1/messages/count_tokens", ", `/v1/messages/count_tokens` is"),
        ("/messages", ", `/v1/messages` is"),
        ("/v1/embeddings", ""),
    ],
)
async def test_a_path_of_ours_that_a_base_address_missed_is_named(path: str, meant: str) -> None:
    """Whether a client's address ends in `/v1` differs from client to client, so the 404 says which path was meant."""
    got = await in_process(ONE, {"up": []}).post(ASK, path)

    assert got.status == 404
    assert got.json()["error"]["message"] == f"`POST {path}` is not a path of this router{meant}"
