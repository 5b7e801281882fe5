"""OpenTelemetry: what a collector is sent of an exchange, and what it never is."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest

from engine.telemetry.exporter import Telemetry
from engine.telemetry.meters import MOST_TARGETS, OTHER
from engine.telemetry.settings import TelemetrySettings
from tests.fakes.gateway import Answer, InProcess, checked, in_process, streamed
from tests.fakes.otlp_collector import Collector, plain

CONFIGURATION = """
providers:
  up: {type: openai, endpoint: "https://llm.example.com/v1", settings: {models: [m]}}
routing: {defaultProvider: up}
usage: {prices: {up: {input: 1, output: 2}}}
"""
USED = {
    "choices": [],
    "usage": {
        "prompt_tokens": 60,
        "completion_tokens": 40,
        "total_tokens": 100,
        "prompt_tokens_details": {"cached_tokens": 20},
    },
}
BODY: dict[str, Any] = {
    "model": "claude-x", "max_tokens": 9, "stream": True, "temperature": 0.5,
    "messages": [{"role": "user", "content": "canary-of-the-question"}],
}  # fmt: skip
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


def answering() -> Answer:
    first, *rest = streamed({"content": "canary-of-the-answer"})
    return Answer([first, b"data: " + json.dumps(USED).encode() + b"\n\n", *rest])


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as one:
        yield one


async def sent(collector: Collector, *answers: Answer, **settings: Any) -> InProcess:
    """A router that answered one request, and told of it."""
    one = in_process(CONFIGURATION, {"up": list(answers)})
    telemetry = Telemetry(one.router, TelemetrySettings(collector.url, **settings), {})
    headers = {"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01", "authorization": "Bearer canary-of-the-client"}
    await one.post(BODY, headers=headers)
    await telemetry.close()
    return one


async def test_an_exchange_is_a_span_of_the_clients_trace(collector: Collector) -> None:
    """By the conventions for generative AI: names, all input counted as input, and what is ours under `ccr.`."""
    await sent(collector, answering())
    (span,) = collector.spans
    found = plain(span.attributes)
    expected = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "m",
        "gen_ai.response.model": "m",
        "gen_ai.request.temperature": 0.5,
        "gen_ai.request.max_tokens": 9,
        "gen_ai.usage.input_tokens": 60,
        "gen_ai.usage.cache_read.input_tokens": 20,
        "gen_ai.usage.output_tokens": 40,
        "gen_ai.response.finish_reasons": ["end_turn"],
        "server.address": "llm.example.com",
        "server.port": 443,
        "ccr.rule": "default",
        "ccr.cost": 0.00014,
        "ccr.outcome": "answered",
    }
    assert {name: found.get(name) for name in expected} == expected
    assert (span.name, span.kind, span.trace_id.hex(), "error.type" in found) == ("chat m", 3, TRACE, False)
    assert collector.resources[0]["service.name"] == "claude-code-router"


async def test_what_is_measured(collector: Collector) -> None:
    """Duration, time to the first chunk, and tokens by kind."""
    await sent(collector, answering())
    assert set(collector.metrics) == {
        "gen_ai.client.operation.duration",
        "gen_ai.client.operation.time_to_first_chunk",
        "gen_ai.client.token.usage",
    }
    points = collector.metrics["gen_ai.client.token.usage"].histogram.data_points
    assert {plain(point.attributes)["gen_ai.token.type"]: point.sum for point in points} == {"input": 60, "output": 40}
    assert collector.metrics["gen_ai.client.operation.duration"].unit == "s"


async def test_a_failure_is_a_span_with_its_kind(collector: Collector) -> None:
    """And an event for each try that failed."""
    await sent(collector, Answer([b"{}"], status=400, headers={}))
    (span,) = collector.spans
    found = plain(span.attributes)
    assert (span.status.code, found["ccr.outcome"], found["error.type"]) == (2, "failed", "bad_request")
    assert [plain(event.attributes)["error.type"] for event in span.events] == ["bad_request"]


async def test_no_content_and_no_credential_is_sent(collector: Collector) -> None:
    """Neither question nor answer nor key."""
    await sent(collector, answering())
    assert collector.raw
    assert b"canary" not in collector.raw


async def test_what_a_client_names_is_no_way_out_for_a_credential(collector: Collector) -> None:
    """Model, session and stop sequences are the client's own words."""
    key = "sk-ant-canary" + "0" * 20
    one = in_process(CONFIGURATION.replace("settings: {models: [m]}", ""), {"up": [answering()]})
    telemetry = Telemetry(one.router, TelemetrySettings(collector.url), {})
    body = BODY | {"model": f"m-{key}" + "x" * 300, "stop_sequences": ["canary-of-the-question"]}
    assert (await one.post(body, headers={"x-claude-code-session-id": f"s-{key}"})).status == 200
    await telemetry.close()
    (span,) = collector.spans
    found = plain(span.attributes)
    assert b"canary" not in collector.raw
    assert found["gen_ai.conversation.id"] == "s-sk-ant-***"
    assert found["ccr.request.model"] == found["gen_ai.request.model"] == "m-sk-ant-***"


async def test_models_that_clients_name_are_few_series(collector: Collector) -> None:
    """The first are told apart, the rest is counted together, and nothing is lost."""
    one = in_process(CONFIGURATION.replace("settings: {models: [m]}", ""), {"up": [answering()]})
    telemetry = Telemetry(one.router, TelemetrySettings(collector.url, traces=False), {})
    for number in range(MOST_TARGETS + 20):
        await one.post(BODY | {"model": f"m{number}"})
    await telemetry.close()
    points = collector.metrics["gen_ai.client.operation.duration"].histogram.data_points
    counts = {plain(point.attributes)["gen_ai.request.model"]: point.count for point in points}
    assert (len(counts), counts["m0"], counts[OTHER]) == (MOST_TARGETS + 1, 1, 20)


async def test_traces_and_metrics_are_switched_off_apart(collector: Collector) -> None:
    """Who wants only one of them gets no more."""
    await sent(collector, answering(), traces=False)
    assert (len(collector.spans), len(collector.metrics)) == (0, 3)


async def test_a_collector_that_is_gone_costs_no_request() -> None:
    """What cannot be sent is dropped, and the end does not wait for it."""
    one = in_process(CONFIGURATION, {"up": [answering()]})
    telemetry = Telemetry(one.router, TelemetrySettings("http://127.0.0.1:9"), {}, send_within_s=0.2)
    assert (await one.post(BODY)).status == 200
    await telemetry.close()


async def test_a_collector_that_never_answers_holds_up_no_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes the connection and says nothing: what waits for it is left behind, in threads that no process waits for."""
    monkeypatch.setattr("engine.telemetry.exporter.CLOSE_WITHIN_S", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        one = in_process(CONFIGURATION, {"up": [answering()]})
        where = f"http://127.0.0.1:{silent.getsockname()[1]}"
        telemetry = Telemetry(one.router, TelemetrySettings(where), {}, send_within_s=4)
        assert (await one.post(BODY)).status == 200
        await telemetry.close()
        left = [thread for thread in threading.enumerate() if thread.name.startswith("telemetry")]
        assert len(left) == 2
        assert all(thread.daemon for thread in left)
    for thread in left:
        await asyncio.to_thread(thread.join, 30)


async def test_an_endless_answer_of_a_collector_is_not_read() -> None:
    """What it would say is short: the rest is not kept, and the connection is closed."""
    hung_up = threading.Event()

    def answer(server: socket.socket) -> None:
        connection, _ = server.accept()
        with connection, suppress(OSError):
            connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            while True:
                connection.sendall(b"x" * 1_000_000)
        hung_up.set()

    with socket.create_server(("127.0.0.1", 0)) as server:
        talking = threading.Thread(target=answer, args=(server,), daemon=True)
        talking.start()
        one = in_process(CONFIGURATION, {"up": [answering()]})
        where = f"http://127.0.0.1:{server.getsockname()[1]}"
        telemetry = Telemetry(one.router, TelemetrySettings(where, metrics=False), {})
        await one.post(BODY)
        await telemetry.close()
        assert await asyncio.to_thread(hung_up.wait, 30)
    talking.join(30)


def test_settings_of_telemetry() -> None:
    """Absent: off; an empty section: the standard variables."""
    built = checked(CONFIGURATION + "telemetry: {metrics: false, intervalSeconds: 5}").built
    assert built is not None
    assert built.settings.telemetry == TelemetrySettings(None, True, False, 5.0)
    plain_one = checked(CONFIGURATION).built
    assert plain_one is not None
    assert plain_one.settings.telemetry is None
