"""What the client reads when something is wrong: Anthropic's error form, the right status, never a cut reply."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import anthropic
import pytest

from tests.e2e.asking import HI, WEATHER, body, post, send
from tests.fakes.router import Router, configuration
from tests.fakes.stream_reader import check_grammar
from tests.fakes.upstream import OVERLOAD, Call, Say, Upstream, broken_off, failing, html, raw_stream
from tests.fakes.wire import Close, Reset, Responder, cut, whole

pytestmark = pytest.mark.e2e

STATUSES: dict[int, tuple[int, str]] = {
    400: (400, "invalid_request_error"),
    401: (401, "authentication_error"),
    402: (402, "billing_error"),
    403: (403, "permission_error"),
    404: (404, "not_found_error"),
    413: (413, "request_too_large"),
    422: (422, "invalid_request_error"),
    429: (429, "rate_limit_error"),
    500: (500, "api_error"),
    529: (529, "overloaded_error"),
}
"""Upstream status -> what the client reads."""

UNUSABLE: dict[str, Responder] = {
    "a page with 200": html(200),
    "a page with 502": html(502),
    "an error with 200": lambda request: whole(200, b'{"error": {"message": "no such luck", "code": 500}}'),
    "no JSON": lambda request: whole(200, b"\x00\xff garbage"),
    "nothing at all": lambda request: whole(200, b""),
    "a reset at once": lambda request: (Reset(),),
    "a reset after the head": lambda request: cut(Say("hello")(request), 120),
    "an order to close": lambda request: (Close(),),
    "less than promised": lambda request: (*whole(200, b'{"choices": [', length=5_000), Close()),
    "an empty stream": raw_stream(),
    "only done": raw_stream(b"data: [DONE]\n\n"),
    "overload at the first event": raw_stream(OVERLOAD),
}


def assert_error(got: Any, status: int | None = None, kind: str | None = None) -> None:
    """The reply is an error in Anthropic's form."""
    assert got.headers["content-type"].startswith("application/json"), got
    assert got.json["type"] == "error", got.json
    assert isinstance(got.json["error"]["message"], str)
    assert got.json["error"]["message"]
    assert got.headers["request-id"], got.headers
    if status is not None:
        assert (got.status, got.json["error"]["type"]) == (status, kind), got.json
    assert got.status >= 400


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("status", STATUSES)
def test_an_upstream_error_keeps_its_meaning(router: Router, upstream: Upstream, status: int, streamed: bool) -> None:
    """Every status an upstream can answer has its Anthropic twin, streamed or not."""
    upstream.always(failing(status, "told by the upstream"))
    got = post(router.url, body(stream=streamed))
    assert_error(got, *STATUSES[status])
    assert "told by the upstream" in got.json["error"]["message"]


def test_the_sdk_raises_its_own_classes(client: anthropic.Anthropic, upstream: Upstream) -> None:
    """The official client knows the errors for what they are, and their request id."""
    upstream.always(failing(429, "slow down", retry_after="120"))
    with pytest.raises(anthropic.RateLimitError) as caught:
        client.messages.create(model="m", max_tokens=5, messages=HI)
    assert caught.value.response.headers["retry-after"] == "120"
    assert caught.value.request_id


def test_a_too_long_prompt_is_said_in_the_words_that_clients_know(router: Router, upstream: Upstream) -> None:
    """`context_length_exceeded` is worded as Anthropic does, so that the client compacts."""
    upstream.always(failing(400, "maximum context length is 8192 tokens", code="context_length_exceeded"))
    got = post(router.url, body())
    assert_error(got, 400, "invalid_request_error")
    assert "prompt is too long" in got.json["error"]["message"]


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("answer", UNUSABLE.values(), ids=UNUSABLE)
def test_an_unusable_answer_is_a_proper_error(
    router: Router, upstream: Upstream, answer: Responder, streamed: bool
) -> None:
    """Whatever came before the first part, the client gets a status and an error body, never a broken reply."""
    upstream.always(answer)
    got = post(router.url, body(stream=streamed))
    assert_error(got)
    assert got.status >= 500


BROKEN: dict[str, Responder] = {
    "an error chunk": broken_off(Say("hello world, this is long"), 3, OVERLOAD),
    "no finish": broken_off(Say("hello world, this is long"), 3),
    "a cut connection": lambda request: (*Say("hello world, this is long")(request)[:4], Reset()),
    "garbage": broken_off(Say("hello world, this is long"), 3, b"data: {not json\n\n"),
    "a cut tool call": broken_off(Say(calls=(Call("get_weather", {"city": "Bern, the capital"}),)), 3),
}


@pytest.mark.parametrize("answer", BROKEN.values(), ids=BROKEN)
def test_a_stream_that_breaks_ends_with_an_error_event(router: Router, upstream: Upstream, answer: Responder) -> None:
    """After the first part, a failure is an `error` event, and nothing after it."""
    upstream.always(answer)
    got = post(router.url, body(stream=True, tools=[WEATHER]))
    assert got.status == 200
    assert check_grammar(got.events) == "error"


def test_the_sdk_keeps_the_text_before_an_error_event(client: anthropic.Anthropic, upstream: Upstream) -> None:
    """The official client yields what came, then raises."""
    upstream.always(broken_off(Say("hello world, this is long"), 3, OVERLOAD))
    seen: list[str] = []
    with (
        client.messages.stream(model="m", max_tokens=5, messages=HI) as stream,
        pytest.raises(anthropic.APIStatusError, match="overloaded"),
    ):
        seen.extend(stream.text_stream)
    assert "".join(seen) == "hello world, thi"


BAD_BODIES: dict[str, Any] = {
    "not JSON": b"{",
    "not an object": [],
    "no messages": {"model": "m", "max_tokens": 5},
    "messages of the wrong type": {"model": "m", "max_tokens": 5, "messages": "hi"},
    "model of the wrong type": {"model": 7, "max_tokens": 5, "messages": HI},
    "not UTF-8": b'{"model": "\xff"}',
    "empty": b"",
}


@pytest.mark.parametrize("value", BAD_BODIES.values(), ids=BAD_BODIES)
def test_a_body_that_is_no_request_is_a_400(router: Router, upstream: Upstream, value: Any) -> None:
    """The client is told what is wrong with its body; nothing is sent."""
    assert_error(post(router.url, value), 400, "invalid_request_error")
    assert not upstream.received


def test_a_server_held_thread_is_refused_as_the_sdk_expects(router: Router, upstream: Upstream) -> None:
    """The refusal names the field, so that the tool runner goes on with the full history."""
    got = post(router.url, body(thread={"type": "create"}))
    assert_error(got, 400, "invalid_request_error")
    assert got.json["error"]["details"] == {"error_code": "thread_unsupported_request", "unsupported": ["thread"]}
    assert not upstream.received


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/nothing", 404),
        ("POST", "/nothing", 404),
        ("GET", "/v1/messages", 405),
        ("DELETE", "/v1/models", 405),
    ],
)
def test_other_paths_and_methods_are_errors_in_the_same_form(
    router: Router, method: str, path: str, status: int
) -> None:
    """404 and 405 are Anthropic error bodies too."""
    got = send(router.url, method, path)
    assert_error(got)
    assert got.status == status


def test_a_body_over_the_limit_is_a_413(router: Router, upstream: Upstream) -> None:
    """More than 32 MB is refused in Anthropic's form, whether or not the length was said first."""
    got = post(router.url, b'{"model": "' + b"m" * (33 * 2**20) + b'"}')
    assert_error(got, 413, "request_too_large")
    assert not upstream.received


def _pointing_at_itself(kind: str, path: str) -> Callable[[int], dict[str, Any]]:
    def config_of(port: int) -> dict[str, Any]:
        config = configuration(f"http://127.0.0.1:{port}")
        config["providers"]["fake"] |= {"type": kind, "endpoint": f"http://127.0.0.1:{port}{path}"}
        return config

    return config_of


@pytest.mark.parametrize(("kind", "path"), [("openai", "/v1"), ("openai", ""), ("anthropic", "/v1")])
def test_a_request_that_comes_back_is_refused(kind: str, path: str) -> None:
    """A router whose upstream is itself, at whatever path, answers 508 and names the endpoint, instead of going round."""
    with Router(_pointing_at_itself(kind, path)) as router:
        for streamed in (False, True):
            got = post(router.url, body(stream=streamed))
            assert_error(got, 508, "api_error")
            message = got.json["error"]["message"]
            assert message.startswith("`fake` answered 508")
            assert router.url in message
