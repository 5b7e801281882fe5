"""Sessions with servers that speak OpenAI's format in a way of their own, from the client's first word to its next turn."""

from __future__ import annotations

import json
from typing import Any

from tests.engine.test_pass_through import ASK, HI, JSON, WHOLE
from tests.fakes.gateway import Answer, in_process, streamed

STRICT = """
providers:
  strict:
    type: openai
    endpoint: http://127.0.0.1:9/v1
    settings: {models: [devstral, other]}
routing:
  defaultProvider: strict
"""

KEEPING = """
providers:
  vendor:
    type: anthropic
    endpoint: http://127.0.0.1:9
    authentication: {type: forward}
  keeping:
    type: openai
    endpoint: http://127.0.0.2:9/v1
    settings: {models: [gemini], thinkingHistory: reasoning_details}
routing:
  defaultProvider: vendor
"""

CALL = {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {}}
RESULT = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "r"}
TURN = [
    HI,
    {"role": "assistant", "content": [CALL]},
    {"role": "user", "content": [RESULT, {"type": "text", "text": "go"}]},
]


def said(status: int, message: str) -> Answer:
    """A refusal as Mistral's API words it."""
    body = json.dumps({"object": "error", "message": message, "type": "invalid_request_error", "code": None})
    return Answer([body.encode()], status, JSON)


async def test_what_a_server_refuses_is_learned_once() -> None:
    """Three refusals teach three things in one request of the client's, and the next request of that model has none of them."""
    extra = '{"detail":[{"loc":["body","stream_options"],"msg":"Extra inputs are not permitted"}]}'
    answers = [
        said(422, extra),
        said(400, "Tool call id was toolu_1 but must be a-z, A-Z, 0-9, with a length of 9."),
        said(400, "Unexpected role 'user' after role 'tool'"),
        *[Answer(streamed({"content": "ok"}))] * 2,
    ]
    one = in_process(STRICT, {"strict": answers})
    ask = {**ASK, "model": "strict,devstral", "messages": TURN, "stream": True}

    assert (await one.post(ask)).status == 200
    assert (await one.post(ask)).status == 200

    sent = [json.loads(request.body) for request in one.transports["strict"].sent]
    assert ["stream_options" in body for body in sent] == [True, False, False, False, False]
    assert [body["messages"][1]["tool_calls"][0]["id"] == "toolu_1" for body in sent] == [
        True,
        True,
        False,
        False,
        False,
    ]
    assert [body["messages"][-2]["role"] for body in sent] == ["tool", "tool", "tool", "assistant", "assistant"]
    assert sent[3] == sent[4]
    assert one.router.counters.fixes == {"lesson-learned": 3}


async def test_signatures_that_come_as_details_go_back_to_who_gave_them() -> None:
    """The client carries them to the next turn; the vendor never sees them, and they are still there after it has answered."""
    details: list[Any] = [
        {"type": "reasoning.text", "text": "hm", "format": "google-gemini-v1", "index": 0},
        {"type": "reasoning.encrypted", "data": "U0lH", "id": "tool_1", "format": "google-gemini-v1", "index": 0},
    ]
    call = {"index": 0, "id": "tool_1", "function": {"name": "f", "arguments": "{}"}}
    answer = Answer(
        streamed({"reasoning": "hm", "reasoning_details": details, "tool_calls": [call]}, finish="tool_calls")
    )
    one = in_process(KEEPING, {"vendor": [Answer([WHOLE], headers=JSON)], "keeping": [answer, answer]})
    first = (await one.post({**ASK, "model": "keeping,gemini"})).json()["content"]
    assert [block["type"] for block in first] == ["thinking", "redacted_thinking", "tool_use"]
    result = {"type": "tool_result", "tool_use_id": first[-1]["id"], "content": "r"}
    history: list[Any] = [HI, {"role": "assistant", "content": first}, {"role": "user", "content": [result]}]

    second = (await one.post({**ASK, "messages": history})).json()["content"]
    to_vendor = json.loads(one.transports["vendor"].sent[-1].body)["messages"][1]["content"]
    assert [block["type"] for block in to_vendor] == ["tool_use"]

    history += [{"role": "assistant", "content": second}, HI]
    await one.post({**ASK, "model": "keeping,gemini", "messages": history})
    back = json.loads(one.transports["keeping"].sent[-1].body)["messages"][1]
    assert back["reasoning_details"] == details
    assert back["tool_calls"][0]["id"] == "tool_1"
