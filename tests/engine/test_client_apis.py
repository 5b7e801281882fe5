"""What clients of either API read of the router itself: errors, pings, ids."""

from __future__ import annotations

import json
from typing import Any

import pytest

from engine.http.asgi import Responder
from engine.replies import STATUS_TYPES, refusal, refusal_of
from providers.chat.errors import TYPES
from providers.errors import KINDS, ProviderError


class Sent:
    """An ASGI `send` that keeps what it is given."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []

    async def __call__(self, message: Any) -> None:
        self.messages.append(message)

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.messages)


@pytest.mark.parametrize("status", STATUS_TYPES)
def test_every_refusal_has_both_forms(status: int) -> None:
    """The message is the same, the type is the API's own word."""
    reply = refusal(status, "no")
    theirs = json.loads(reply.body("req_1"))
    chat = json.loads(reply.body("req_1", "chat"))["error"]
    assert (theirs["error"], theirs["request_id"]) == ({"type": reply.error_type, "message": "no"}, "req_1")
    assert chat["message"] == "no"
    assert chat["type"] == TYPES[reply.error_type][0]
    assert reply.status_for("messages") == status
    assert reply.status_for("chat") == (503 if status == 529 else status)


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_every_failure_has_a_word_of_the_chat_api(kind: Any) -> None:
    """No kind of error is without a type there, and a context that is too long is known by its code."""
    reply = refusal_of(ProviderError(kind, "it failed", retry_after_s=2.5))
    error = json.loads(reply.body("req_1", "chat"))["error"]
    assert kind.error_type in TYPES
    assert (error["message"], error["param"]) == ("it failed", None)
    assert ("retry-after", "3") in reply.headers
    if kind.name == "context_length":
        assert error["code"] == "context_length_exceeded"


def test_an_upstreams_own_body_is_only_for_clients_of_its_form() -> None:
    """A chat client reads the message of an Anthropic error, in its own form and with the upstream's status."""
    verbatim = b'{"type":"error","error":{"type":"invalid_request_error","message":"too long"}}'
    reply = refusal_of(ProviderError(KINDS["bad_request"], "too long", 400, verbatim=verbatim))
    assert reply.body("req_1") == verbatim
    assert json.loads(reply.body("req_1", "chat"))["error"]["message"] == "too long"


async def test_a_chat_stream_is_pinged_with_comments_and_closed_with_its_own_error() -> None:
    """The head names the request by both names of the header."""
    sent = Sent()
    responder = Responder(sent, "req_1", "abc", "chat")
    await responder.start(200, "text/event-stream")
    await responder.ping(1.0)
    await responder.write(refusal(503, "ending").closing_event("chat"), 2.0, more=False)
    await responder.ping(3.0)
    ping, closing, rest = sent.body.partition(b"data: ")[0], sent.body.partition(b"data: ")[2], sent.body.count(b"ping")
    assert (ping, rest) == (b": ping\n\n", 1)
    assert json.loads(closing)["error"]["message"] == "ending"
    assert {(b"request-id", b"req_1"), (b"x-request-id", b"req_1")} <= set(sent.messages[0]["headers"])
