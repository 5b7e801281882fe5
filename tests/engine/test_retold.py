"""Errors that the client would take for something else: a wrong path for a wrong model, a wrong key of ours for its own."""

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


async def test_a_wrong_key_of_ours_does_not_read_as_the_clients() -> None:
    """Of `x-api-key` the client says that its user is not logged in; a key of the configuration is not the user's."""
    one = in_process(ONE, {"up": [refused(401, "authentication_error", "invalid x-api-key")]})
    got = await one.post(ASK)

    assert got.status == 401
    assert got.json()["error"]["message"] == "`up` answered 401: invalid API key"


async def test_a_loop_names_the_provider_that_leads_back() -> None:
    """The router that it came back to says only its own address: which endpoint points there is said by who asked it."""
    one = in_process(ONE, {"up": [refused(508, "api_error", "this request came from this router itself")]})
    got = await one.post(ASK)

    assert got.status == 508
    assert got.json()["error"]["message"] == "`up` answered 508: this request came from this router itself"


async def test_a_clients_own_wrong_key_is_left_to_it() -> None:
    """Where its own is forwarded it is right: the client says what to do."""
    forwards = ONE.replace("{type: api_key, credentials: {apiKey: dummy-upstream-key}}", "{type: forward}")
    answer = refused(401, "authentication_error", "invalid x-api-key")
    got = await in_process(forwards, {"up": [answer]}).post(ASK, headers={"x-api-key": "client"})

    assert got.json()["error"]["message"] == "invalid x-api-key"
