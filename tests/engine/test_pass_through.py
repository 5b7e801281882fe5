"""Upstreams that speak the client's own format, through the whole application: bytes, headers, refusals, counts."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.fakes.anthropic_upstream import Reply, event
from tests.fakes.gateway import Answer, InProcess, in_process, streamed

ONE = """
providers:
  up:
    type: anthropic
    endpoint: http://127.0.0.1:9
    authentication: {type: api_key, credentials: {apiKey: dummy-upstream-key}}
    settings: {models: [m1]}
routing:
  defaultProvider: up
"""
FORWARD = ONE.replace("{type: api_key, credentials: {apiKey: dummy-upstream-key}}", "{type: forward}")
TWO = """
providers:
  up:
    type: anthropic
    instances:
      - endpoint: http://127.0.0.1:9/v1
      - endpoint: http://127.0.0.2:9/v1/messages
    settings: {models: [{name: m1, contextWindow: 200000, maxOutputTokens: 8}]}
  spare:
    type: openai
    endpoint: http://127.0.0.3:9/v1
    settings: {models: [{name: m2, contextWindow: 1000000}]}
routing:
  customRules:
    - name: first
      condition: {always: true}
      target: {provider: up, model: m1, fallbacks: ["spare,m2"]}
  defaultProvider: up
"""

HI = {"role": "user", "content": "hi"}
ASK: dict[str, Any] = {"model": "claude-x", "max_tokens": 10, "messages": [HI]}
STREAM = {**ASK, "stream": True}
JSON = {"content-type": "application/json"}
SAID = Reply("hello there", thinking="hmm")
EVENTS = [event(value) for value in SAID.events("m1")]
WHOLE = json.dumps(SAID.message("m1")).encode()
LIMITS = {"anthropic-ratelimit-requests-remaining": "3", "request-id": "req_theirs", "x-internal": "1"}


def refused(status: int, kind: str, message: str, **headers: str) -> Answer:
    body = json.dumps(
        {"error": {"message": message, "type": kind}, "type": "error", "request_id": "req_theirs"}
    ).encode()
    return Answer(
        [body],
        status,
        {**JSON, "request-id": "req_theirs", **{name.replace("_", "-"): value for name, value in headers.items()}},
    )


def resting(one: InProcess) -> list[str]:
    now = one.clock()
    return [
        two.id
        for pool in one.router.gateway.registry.pools.values()
        for two in pool.instances
        if not two.admits("m1", now)
    ]


async def test_a_stream_reaches_the_client_byte_for_byte() -> None:
    """But for `model`; the limits of the upstream and its request id come along, ours stays `request-id`."""
    one = in_process(ONE, {"up": [Answer(EVENTS, headers={"content-type": "text/event-stream", **LIMITS})]})
    got = await one.post(STREAM, headers={"anthropic-beta": "future-2027", "x-new": "1", "x-api-key": "client"})

    assert got.body == b"".join(EVENTS).replace(b'"model": "m1"', b'"model": "claude-x"')
    assert len(got.pieces) > 5
    assert got.headers["anthropic-ratelimit-requests-remaining"] == "3"
    assert got.headers["x-ccr-upstream-request-id"] == "req_theirs"
    assert got.headers["request-id"].startswith("req_0")
    assert "x-internal" not in got.headers
    assert "x-ccr-lossy" not in got.headers
    (sent,) = one.transports["up"].sent
    headers = dict(sent.headers)
    assert (sent.url, headers["x-api-key"]) == ("http://127.0.0.1:9/v1/messages?beta=true", "dummy-upstream-key")
    assert (headers["anthropic-beta"], headers["x-new"]) == ("future-2027", "1")
    assert sent.body == json.dumps(STREAM).encode().replace(b"claude-x", b"m1")
    assert one.router.counters.input_tokens == 25


async def test_a_whole_message_reaches_the_client_byte_for_byte() -> None:
    """With its length."""
    one = in_process(ONE, {"up": [Answer([WHOLE[:20], WHOLE[20:]], headers=JSON)]})
    got = await one.post(ASK)
    assert got.body == WHOLE.replace(b'"model": "m1"', b'"model": "claude-x"')
    assert got.headers["content-length"] == str(len(got.body))


async def test_the_form_is_the_one_the_client_asked_for() -> None:
    """JSON where a stream was asked becomes one, and the reverse."""
    one = in_process(ONE, {"up": [Answer([WHOLE], headers=JSON), Answer(EVENTS)]})
    kinds = [value["type"] for value in (await one.post(STREAM)).events()]
    assert (kinds[0], kinds[-1]) == ("message_start", "message_stop")
    assert (await one.post(ASK)).json()["content"] == SAID.message("m1")["content"]


@pytest.mark.parametrize(
    ("status", "kind", "message"),
    [
        (400, "invalid_request_error", "thinking.display: Extra inputs are not permitted"),
        (400, "invalid_request_error", "prompt is too long: 210000 tokens > 200000 maximum"),
        (401, "authentication_error", "this organization has been disabled"),
        (404, "not_found_error", "model: m1"),
        (413, "request_too_large", "too large"),
        (422, "invalid_request_error", "no"),
    ],
)
@pytest.mark.parametrize("body", [ASK, STREAM], ids=["whole", "stream"])
async def test_refusals_are_untouched(body: dict[str, Any], status: int, kind: str, message: str) -> None:
    """Status, body and headers of the upstream: the client's own logic reads the wording."""
    answer = refused(status, kind, message, x_should_retry="false", anthropic_organization_id="o")
    one = in_process(ONE, {"up": [answer]})
    got = await one.post(body)

    assert (got.status, got.body) == (status, b"".join(answer.pieces))
    assert (got.headers["x-should-retry"], got.headers["anthropic-organization-id"]) == ("false", "o")
    assert got.headers["x-ccr-upstream-request-id"] == "req_theirs"


async def test_our_own_key_is_not_told() -> None:
    """An upstream that repeats the key it refuses does not give it away."""
    one = in_process(ONE, {"up": [refused(401, "authentication_error", "bad key dummy-upstream-key")]})
    got = await one.post(ASK)
    assert b"bad key ***" in got.body
    assert b"dummy-upstream-key" not in got.body


@pytest.mark.parametrize(
    ("status", "kind"), [(401, "authentication_error"), (403, "permission_error"), (402, "billing_error")]
)
async def test_a_refused_login_of_the_client_rests_nothing(status: int, kind: str) -> None:
    """It comes back as it is, after one try."""
    answer = refused(status, kind, "OAuth token has expired")
    one = in_process(FORWARD, {"up": [answer]})
    got = await one.post(ASK, headers={"authorization": "Bearer client-token", "anthropic-beta": "oauth-2025-04-20"})

    assert (got.status, got.body) == (status, b"".join(answer.pieces))
    (sent,) = one.transports["up"].sent
    headers = dict(sent.headers)
    assert (headers["authorization"], headers["anthropic-beta"]) == ("Bearer client-token", "oauth-2025-04-20")
    assert resting(one) == []


async def test_a_limit_that_cannot_be_waited_for_is_told_as_it_is() -> None:
    """`retry-after` is the upstream's own."""
    one = in_process(
        ONE,
        {
            "up": [
                refused(
                    429, "rate_limit_error", "limit", retry_after="3600", anthropic_ratelimit_unified_status="rejected"
                )
            ]
        },
    )
    got = await one.post(STREAM)
    assert (got.status, got.headers["retry-after"]) == (429, "3600")
    assert got.headers["anthropic-ratelimit-unified-status"] == "rejected"
    assert got.json()["error"] == {"message": "limit", "type": "rate_limit_error"}


OVERLOAD = event({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}})


async def test_an_error_event_before_the_answer_fails_over() -> None:
    """The client sees the clean answer of the other instance only."""
    one = in_process(TWO, {"up": [Answer([EVENTS[0], EVENTS[1], OVERLOAD]), Answer(EVENTS)], "spare": [Answer()]})
    got = await one.post(STREAM)
    assert [value["type"] for value in got.events()].count("message_start") == 1
    assert got.headers["x-ccr-attempts"] == "2"
    assert [sent.url for sent in one.transports["up"].sent] == [
        "http://127.0.0.1:9/v1/messages?beta=true",
        "http://127.0.0.2:9/v1/messages?beta=true",
    ]


async def test_an_error_event_within_the_answer_is_passed_on() -> None:
    """As it came, and nothing after it."""
    one = in_process(ONE, {"up": [Answer([*EVENTS[:5], OVERLOAD])]})
    got = await one.post(STREAM)
    assert got.body.endswith(OVERLOAD)
    assert got.body.count(b"event: error") == 1


async def test_a_fallback_of_another_format_answers_in_this_one() -> None:
    """When both instances fail the OpenAI-compatible target is asked, in its own format."""
    one = in_process(
        TWO, {"up": [Answer(before="connect")], "spare": [Answer(streamed({"content": "hel"}, {"content": "lo"}))]}
    )
    got = await one.post({**ASK, "context_management": {"edits": []}})
    assert got.json()["content"] == [{"type": "text", "text": "hello"}]
    assert got.headers["x-ccr-target"] == "spare,m2"
    assert got.headers["x-ccr-lossy"] == "context_management*1"


async def test_what_was_lost_is_in_a_header_and_counted() -> None:
    """Short, with the fields as the client wrote them."""
    one = in_process(TWO, {"up": [Answer([WHOLE], headers=JSON)], "spare": [Answer()]})
    thought = {
        "role": "assistant",
        "content": [{"type": "thinking", "thinking": "a", "signature": ""}, {"type": "text", "text": "b"}],
    }
    got = await one.post({**ASK, "messages": [HI, thought, HI]})
    assert got.headers["x-ccr-lossy"] == "max_tokens*1, messages.content.thinking*1"
    assert one.router.counters.lossy == 1


SIGNED = {
    "role": "assistant",
    "content": [{"type": "thinking", "thinking": "a", "signature": "Zm9yZWlnbg=="}, {"type": "text", "text": "b"}],
}
SWITCHED = {**ASK, "messages": [HI, SIGNED, HI]}
INVALID = refused(400, "invalid_request_error", "messages.1.content.0: Invalid `signature` in `thinking` block")


async def test_a_session_survives_a_switch_of_issuer() -> None:
    """The refusal of a foreign signature is mended on the same instance, and the client never knows."""
    one = in_process(TWO, {"up": [INVALID, Answer([WHOLE], headers=JSON)], "spare": [Answer()]})
    got = await one.post(SWITCHED)

    assert got.status == 200
    assert "x-ccr-attempts" not in got.headers
    first, second = one.transports["up"].sent
    assert first.url == second.url
    assert json.loads(first.body)["messages"] == SWITCHED["messages"]
    assert json.loads(second.body)["messages"][1]["content"] == [{"type": "text", "text": "b"}]
    assert "messages.content.thinking*1" in got.headers["x-ccr-lossy"]
    assert one.router.counters.fixes == {"thinking-removed": 1}


async def test_a_request_is_mended_once() -> None:
    """If that is refused too, the client gets the refusal as it is."""
    one = in_process(ONE, {"up": [INVALID]})
    got = await one.post(SWITCHED)
    assert (got.status, got.body) == (400, b"".join(INVALID.pieces))
    assert len(one.transports["up"].sent) == 2


async def test_what_certainly_does_not_fit_is_refused_in_the_words_of_the_vendor() -> None:
    """So the client compacts; where a fallback takes more, it is asked instead; what may fit is sent."""
    long = {**ASK, "messages": [{"role": "user", "content": "word " * 500_000}]}
    alone = TWO.replace(', fallbacks: ["spare,m2"]', "")
    one = in_process(alone, {"up": [Answer([WHOLE], headers=JSON)], "spare": [Answer()]})
    got = await one.post(long)
    assert got.status == 400
    assert got.json()["error"]["message"].startswith("prompt is too long: ")
    assert got.json()["error"]["message"].endswith(" tokens > 200000 maximum")
    assert one.transports["up"].sent == []

    two = in_process(TWO, {"up": [Answer([WHOLE], headers=JSON)], "spare": [Answer(streamed({"content": "ok"}))]})
    assert (await two.post(long)).headers["x-ccr-target"] == "spare,m2"
    fits = {**ASK, "messages": [{"role": "user", "content": "word " * 100_000}]}
    assert (await two.post(fits)).headers["x-ccr-target"] == "up,m1"


COUNT = {"model": "claude-x", "messages": [HI]}


async def test_counts_come_from_the_upstream() -> None:
    """Through the same plan, in the same bytes."""
    counted = Answer([b'{"input_tokens": 77}'], headers={**JSON, "request-id": "req_theirs"})
    one = in_process(TWO, {"up": [Answer(before="connect"), counted], "spare": [Answer()]})
    got = await one.post(COUNT, "/v1/messages/count_tokens")
    assert (got.status, got.body) == (200, b'{"input_tokens": 77}')
    assert "x-ccr-tokens" not in got.headers
    first, second = one.transports["up"].sent
    assert (first.url, second.url) == (
        "http://127.0.0.1:9/v1/messages/count_tokens?beta=true",
        "http://127.0.0.2:9/v1/messages/count_tokens?beta=true",
    )
    assert second.body == json.dumps({**COUNT, "model": "m1"}).encode()
    assert one.transports["spare"].sent == []


@pytest.mark.parametrize(
    "answer",
    [
        refused(403, "permission_error", "our key may not"),
        refused(404, "not_found_error", "Not Found"),
        Answer([b"<html>"], 405, {"content-type": "text/html"}),
    ],
    ids=["our key is refused", "no such path", "a page"],
)
async def test_an_upstream_that_cannot_count_is_stood_in_for(answer: Answer) -> None:
    """The estimate is better than nothing, and says what it is."""
    one = in_process(ONE, {"up": [answer]})
    got = await one.post(COUNT, "/v1/messages/count_tokens")
    assert got.status == 200
    assert 0 < got.json()["input_tokens"] < 20
    assert got.headers["x-ccr-tokens"] == "estimated"


async def test_a_count_of_a_wrong_request_is_refused_by_who_knows() -> None:
    """What the upstream says of the request is what the client is told."""
    answer = refused(400, "invalid_request_error", "messages.0.content.0.image: too large")
    one = in_process(ONE, {"up": [answer]})
    got = await one.post(COUNT, "/v1/messages/count_tokens")
    assert (got.status, got.body) == (400, b"".join(answer.pieces))


MIXED = """
providers:
  vendor:
    type: anthropic
    endpoint: http://127.0.0.1:9
    authentication: {type: forward}
  reasoner:
    type: openai
    endpoint: http://127.0.0.2:9/v1
    settings: {models: [r1], thinkingHistory: reasoning_content, extractPrintedCalls: true}
routing:
  defaultProvider: vendor
"""


async def test_a_session_goes_from_one_issuer_to_the_other_and_back() -> None:
    """Thinking of the other provider reaches its own issuer as it wants it, and never the vendor."""
    thought = streamed({"reasoning_content": "two and two"}, {"content": "four"})
    one = in_process(MIXED, {"vendor": [Answer([WHOLE], headers=JSON)], "reasoner": [Answer(thought)]})
    first = (await one.post({**ASK, "model": "reasoner,r1"})).json()
    assert first["content"][0] == {"type": "thinking", "thinking": "two and two", "signature": ""}
    history = [HI, {"role": "assistant", "content": first["content"]}, HI]

    second = await one.post({**ASK, "messages": history})
    sent = json.loads(one.transports["vendor"].sent[-1].body)["messages"]
    assert sent[1]["content"] == [{"type": "text", "text": "four"}]
    assert second.headers["x-ccr-lossy"] == "messages.content.thinking*1"

    history += [{"role": "assistant", "content": second.json()["content"]}, HI]
    await one.post({**ASK, "model": "reasoner,r1", "messages": history})
    again = json.loads(one.transports["reasoner"].sent[-1].body)["messages"]
    assert again[1] == {"role": "assistant", "content": "four", "reasoning_content": "two and two"}

    await one.post({**ASK, "messages": history})
    kept = json.loads(one.transports["vendor"].sent[-1].body)["messages"][3]["content"]
    assert kept[0] == {"type": "thinking", "thinking": "hmm", "signature": "c2lnbmVk"}


async def test_a_session_survives_ids_that_the_vendor_refuses() -> None:
    """An upstream that calls all its calls the same, or in its own way, spoils no session: neither at the client nor at the vendor."""
    calls = [{"index": 0, "id": "f:0", "function": {"name": "f", "arguments": "{}"}}]
    answer = Answer(streamed({"tool_calls": calls}, finish="tool_calls"))
    one = in_process(MIXED, {"vendor": [Answer([WHOLE], headers=JSON)], "reasoner": [answer]})
    history: list[Any] = [HI]
    ids: list[str] = []
    for _ in range(3):
        (call,) = (await one.post({**ASK, "model": "reasoner,r1", "messages": history})).json()["content"]
        ids.append(call["id"])
        result = {"type": "tool_result", "tool_use_id": call["id"], "content": "r"}
        history += [{"role": "assistant", "content": [call]}, {"role": "user", "content": [result]}]
    assert (ids[0], len(set(ids))) == ("f:0", 3)
    assert (await one.post({**ASK, "messages": history})).headers["x-ccr-lossy"] == "messages.content.tool_use.id*1"
    sent = json.loads(one.transports["vendor"].sent[-1].body)["messages"]
    assert [turn["content"][0].get("id") or turn["content"][0]["tool_use_id"] for turn in sent[1:]] == [
        sent_id for given in ids for sent_id in [given.replace(":", "_")] * 2
    ]


async def test_printed_calls_become_real_ones_where_asked_for() -> None:
    """`settings.extractPrintedCalls` is the provider's, and for tools of the request only."""
    printed = streamed({"content": 'Tool call: f({"a": 1})'})
    tool = {"name": "f", "input_schema": {"type": "object"}}
    for settings, kinds in (
        (MIXED, ["tool_use"]),
        (MIXED.replace("extractPrintedCalls: true", "topK: true"), ["text"]),
    ):
        one = in_process(settings, {"vendor": [Answer()], "reasoner": [Answer(printed)]})
        got = (await one.post({**ASK, "model": "reasoner,r1", "tools": [tool]})).json()
        assert [block["type"] for block in got["content"]] == kinds
