"""The official client through a running router to upstreams that speak its own format, and through two routers in a row."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import anthropic
import pytest
from anthropic.types import MessageParam, ToolResultBlockParam

from tests.e2e.asking import HI, WEATHER, body, post
from tests.fakes.anthropic_upstream import AnthropicUpstream, Reply, event, failing
from tests.fakes.official_sdk import final_message, text_of
from tests.fakes.router import Router
from tests.fakes.upstream import UPSTREAM_KEY, Call
from tests.fakes.wire import chunked, wire_bytes

pytestmark = pytest.mark.e2e

CLIENT_KEY = "dummy-client-key"
ROUTER_KEY = "dummy-router-key-0123456789"
SAYINGS = {
    "text": Reply("grüße, 世界 🌍\u2028 end", fragment=1),
    "thinking and calls": Reply(
        "looking",
        calls=(Call("get_weather", {"city": "Zürich"}), Call("get_weather", {"city": "Bern"}, "b")),
        thinking="hm",
    ),
    "cut short": Reply("cut sho", stop_reason="max_tokens"),
}


def configuration(endpoint: str, authentication: Mapping[str, Any]) -> dict[str, Any]:
    provider = {"type": "anthropic", "endpoint": endpoint, "authentication": dict(authentication)}
    return {"providers": {"up": provider}, "routing": {"defaultProvider": "up"}}


@pytest.fixture(scope="module")
def own_upstream() -> Iterator[AnthropicUpstream]:
    with AnthropicUpstream() as upstream:
        yield upstream


@pytest.fixture(scope="module")
def keyed(own_upstream: AnthropicUpstream) -> Iterator[Router]:
    """A router with a key of its own for the upstream."""
    key = {"type": "api_key", "credentials": {"apiKey": UPSTREAM_KEY}}
    with Router(configuration(own_upstream.url, key)) as router:
        yield router


@pytest.fixture(scope="module")
def chained(keyed: Router) -> Iterator[Router]:
    """A router in front of that router, which passes the client's credentials on."""
    with Router(configuration(keyed.url + "/v1/messages", {"type": "forward"})) as router:
        yield router


@pytest.fixture(scope="module")
def guarded(own_upstream: AnthropicUpstream) -> Iterator[tuple[AnthropicUpstream, Router]]:
    """A router that needs a key of its own and passes the client's credentials on."""
    config = configuration(own_upstream.url, {"type": "forward"})
    config["server"] = {"apiKeys": [{"name": "k", "key": "${ROUTER_KEY}"}]}
    with Router(config, environment={"ROUTER_KEY": ROUTER_KEY}) as router:
        yield own_upstream, router


@pytest.fixture(params=["keyed", "chained"])
def front(request: pytest.FixtureRequest, own_upstream: AnthropicUpstream) -> Router:
    """One router, or two in a row."""
    own_upstream.received.clear()
    router: Router = request.getfixturevalue(request.param)
    return router


@pytest.fixture
def sdk(front: Router) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(base_url=front.url, api_key=CLIENT_KEY, max_retries=0, timeout=20) as client:
        yield client


@pytest.mark.parametrize("reply", SAYINGS.values(), ids=SAYINGS)
def test_the_official_client_gets_what_the_upstream_said(
    sdk: anthropic.Anthropic, own_upstream: AnthropicUpstream, reply: Reply
) -> None:
    """Streamed and whole, with signatures, calls, usage and stop reason."""
    own_upstream.then(reply, reply)
    asked = {"model": "claude-opus-5-5", "max_tokens": 64, "messages": HI, "tools": [WEATHER]}
    whole, streamed = (final_message(sdk, asked, stream=stream).model_dump() for stream in (False, True))
    said = reply.message("claude-opus-5-5")
    for got in (whole, streamed):
        kept = [{name: value for name, value in one.items() if value is not None} for one in got["content"]]
        for one in kept:
            one.pop("parsed_output", None)
            one.pop("caller", None)
        assert kept == said["content"]
        assert (got["model"], got["stop_reason"]) == ("claude-opus-5-5", said["stop_reason"])
        assert (got["usage"]["input_tokens"], got["usage"]["output_tokens"]) == (20, 7)


def test_bytes_go_both_ways_untouched(front: Router, own_upstream: AnthropicUpstream) -> None:
    """Body, unknown headers and betas, query; and every byte of a stream with pings and unknown events."""
    reply = Reply("hello", thinking="hm")
    events = [event(value) for value in reply.events("claude-opus-5-5")]
    events[3:3] = [
        b": comment\n\n",
        b'event: ping\ndata: {"type": "ping"}\n\n',
        b'event: new\ndata: {"type": "new"}\n\n',
    ]
    own_upstream.then(chunked(events, headers={"request-id": "req_upstream", "anthropic-ratelimit-tokens-limit": "9"}))
    asked = body(stream=True, future_field={"model": "x", "n": 1.0}, betas_pair=[None])
    got = post(front.url, asked, "/v1/messages?beta=true", **{"anthropic-beta": "a-1,b-2", "x-unknown": "kept"})

    assert got.data == b"".join(events)
    assert got.headers["anthropic-ratelimit-tokens-limit"] == "9"
    assert got.headers["x-ccr-upstream-request-id"].startswith("req_")
    assert got.headers["request-id"] != got.headers["x-ccr-upstream-request-id"]
    (received,) = own_upstream.messages
    assert received.json == asked
    assert (received.query, received.headers["x-unknown"]) == ("beta=true", "kept")
    assert received.headers["anthropic-beta"] == "a-1,b-2"
    assert received.headers["x-api-key"] == UPSTREAM_KEY
    assert CLIENT_KEY not in str(dict(received.headers))


def test_refusals_come_back_as_they_are(
    sdk: anthropic.Anthropic, front: Router, own_upstream: AnthropicUpstream
) -> None:
    """Status, body and advice."""
    refusal = failing(
        400, "invalid_request_error", "thinking.display: Extra inputs are not permitted", {"x-should-retry": "false"}
    )
    own_upstream.then(refusal, refusal)
    got = post(front.url, body())
    answer = wire_bytes(refusal(own_upstream.messages[-1]))
    assert got.status == 400
    assert answer.endswith(b"\r\n\r\n" + got.data)
    assert got.headers["x-should-retry"] == "false"
    with pytest.raises(anthropic.BadRequestError, match="Extra inputs"):
        sdk.messages.create(model="m", max_tokens=8, messages=HI)


def test_tokens_are_counted_by_the_upstream(sdk: anthropic.Anthropic) -> None:
    """Not by us."""
    assert sdk.messages.count_tokens(model="m", messages=HI).input_tokens == 1234


def test_a_tool_round_trip_keeps_signed_thinking(sdk: anthropic.Anthropic, own_upstream: AnthropicUpstream) -> None:
    """What the upstream signed comes back to it as it was."""
    own_upstream.then(Reply(calls=(Call("get_weather", {"city": "Bern"}, "toolu_7"),), thinking="hm"), Reply("sunny"))
    first = sdk.messages.create(model="m", max_tokens=64, messages=HI, tools=[WEATHER])
    result: ToolResultBlockParam = {"type": "tool_result", "tool_use_id": "toolu_7", "content": "21 degrees"}
    history: list[MessageParam] = [
        *HI,
        {"role": "assistant", "content": first.content},
        {"role": "user", "content": [result]},
    ]
    second = sdk.messages.create(model="m", max_tokens=64, messages=history, tools=[WEATHER])
    assert text_of(second) == "sunny"
    sent = own_upstream.messages[1].json["messages"][1]["content"]
    assert sent[0] == {"type": "thinking", "thinking": "hm", "signature": "c2lnbmVk"}


def test_a_forwarded_key_that_is_refused_comes_back(own_upstream: AnthropicUpstream) -> None:
    """The client's own key reaches the upstream, and so does the answer to it, request after request."""
    with Router(configuration(own_upstream.url, {"type": "forward"})) as router:
        for key, status in (("wrong", 401), ("wrong", 401), (UPSTREAM_KEY, 200)):
            got = post(router.url, body(), **{"x-api-key": key})
            assert got.status == status
        assert [request.headers["x-api-key"] for request in own_upstream.messages[-3:]] == [
            "wrong",
            "wrong",
            UPSTREAM_KEY,
        ]


def test_two_routers_that_point_at_each_other_say_so() -> None:
    """A loop is found by the first router it comes back to."""
    first = Router({})
    second = Router(configuration(first.url, {"type": "none"}))
    first.config.write_text(json.dumps(configuration(second.url, {"type": "none"})))
    with first, second:
        got = post(first.url, body())
        assert got.status == 508
        assert got.json["error"]["message"].count("answered 508") == 2


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({"x-api-key": ROUTER_KEY}, 401),
        ({"x-ccr-key": ROUTER_KEY, "x-api-key": ""}, 401),
        ({"x-ccr-key": ROUTER_KEY, "x-api-key": UPSTREAM_KEY}, 200),
        ({"x-api-key": ROUTER_KEY, "authorization": f"Bearer {UPSTREAM_KEY}"}, 200),
    ],
)
def test_a_router_key_is_never_what_is_forwarded(
    guarded: tuple[AnthropicUpstream, Router], sent: dict[str, str], status: int
) -> None:
    """The other header is; with none left the client reads where the router key belongs, and no upstream is asked."""
    upstream, router = guarded
    upstream.received.clear()
    got = post(router.url, body(), **sent)
    assert got.status == status, got.data
    if status == 401:
        assert b"`x-ccr-key`" in got.data
        assert not upstream.received
    else:
        assert ROUTER_KEY not in repr(upstream.received)
