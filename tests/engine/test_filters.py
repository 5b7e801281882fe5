"""Filters: what they cut out goes nowhere, what they block is not sent, what they tag is routed by it, and all of it is explained."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.answers import LARGE_BYTES
from engine.cli import ccr
from engine.ended import Ended
from engine.log.journal import Journal
from rules.filters import Filtered, filtered
from rules.nodes import Filter
from schemas.decode_request import decode_request
from schemas.request import Envelope
from tests.engine.test_exchange import ASK, HELLO
from tests.fakes.gateway import Answer, InProcess, checked, in_process
from tests.fakes.speakers import SPEAKERS

pytestmark = pytest.mark.integration

SECRET = "AKIAIOSFODNN7CANARY9"
OWN = "PRJ-CANARY-4711"
FILTERS = """
filters:
  - {name: no keys, action: block, patterns: [private-key], message: keep it to yourself}
  - {name: cut, action: redact, patterns: [secrets, {regex: "PRJ-[A-Z]+-[0-9]{4}"}]}
  - {name: code, action: tag, condition: {systemText: {contains: internal}}, tag: confidential}
  - {name: forbidden, action: block, condition: {model: {prefix: old}}}
"""
REST = """
providers:
  up: {type: openai, endpoint: "http://127.0.0.1:9/v1", settings: {models: [m1]}}
  local: {type: openai, endpoint: "http://127.0.0.1:9/v1", settings: {models: [m2]}}
routing:
  defaultProvider: up
  customRules:
    - {name: stay here, condition: {tags: {has: confidential}}, target: "local,m2"}
    - {name: leaked, condition: {lastUserText: {contains: CANARY}}, target: "local,m2"}
"""
PASSED_THROUGH = """
providers: {up: {type: anthropic, endpoint: "http://127.0.0.1:9", authentication: {type: forward}}}
routing: {defaultProvider: up}
"""
KEY = "-----BEGIN RSA PRIVATE KEY-----\nCANARY\n-----END RSA PRIVATE KEY-----"


def router(filters: str = FILTERS) -> InProcess:
    return in_process(filters + REST, {"up": [Answer(HELLO)], "local": [Answer(HELLO)]})


def everywhere(secret: str) -> dict[str, Any]:
    """A request with the secret in every text that a client can put it in."""
    return {
        **ASK,
        "stop_sequences": [secret],
        "metadata": {"user_id": secret},
        "output_config": {"format": {"type": "json_schema", "schema": {"type": "object", "title": secret}}},
        "new": {"member": secret},
        "system": [{"type": "text", "text": f"the key is {secret}"}],
        "tools": [
            {
                "name": "look",
                "description": f"uses {secret}",
                "input_schema": {
                    "type": "object",
                    "properties": {"q": {"type": "string", "description": secret}, secret: {"id": secret}},
                },
            }
        ],
        "messages": [
            {"role": "user", "content": f"{secret} and {secret}"},
            {
                "role": "assistant",
                "content": [
                    {"type": "thinking", "thinking": f"so {secret} it is", "signature": "c2lnbmVk"},
                    {"type": "text", "text": secret},
                    {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {"q": [secret], secret: {"type": secret}}},
                ],
            },
            {
                "role": "user",
                "content": [
                    {"type": "tool_result", "tool_use_id": "toolu_1", "content": [{"type": "text", "text": secret}]},
                    {"type": "document", "title": secret, "source": {"type": "text", "media_type": "text/plain", "data": secret}},
                    {"type": "text", "text": f"what is {secret}?"},
                ],
            },
        ],
    }  # fmt: skip


WRAPPED = base64.b64encode(f"user:{SECRET}".encode()).decode()


@pytest.mark.parametrize("dialect", SPEAKERS)
@pytest.mark.parametrize("secret", [SECRET, OWN, WRAPPED])
@pytest.mark.parametrize("path", ["/v1/messages", "/v1/messages/count_tokens"])
async def test_what_is_cut_out_reaches_no_upstream(
    dialect: str, secret: str, path: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """In no dialect, from no place of the request, passed through or translated."""
    text = in_configuration(dialect, monkeypatch, tmp_path)
    one = in_process(text, {"up": [Answer(status=400)]})
    got = await one.post(everywhere(secret), path, headers={"x-api-key": "client"})
    sent = one.transports["up"].sent
    assert sent or path.endswith("count_tokens")
    assert got.headers["x-ccr-filters"].startswith("cut=")
    for request in sent:
        assert b"CANARY" not in request.body
        assert secret.encode() not in request.body
        assert b"[redacted: cut]" in request.body
        json.loads(request.body)


def in_configuration(dialect: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """A configuration with the filters and one provider of that dialect."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.setenv(name, "dummy")
    monkeypatch.setenv("HOME", str(tmp_path))
    value = SPEAKERS[dialect].configuration("http://127.0.0.1:9")
    return yaml_of(value) + FILTERS


def yaml_of(value: dict[str, Any]) -> str:
    """Top-level keys one a line, their values as JSON, which is YAML."""
    return "".join(f"{json.dumps(key)}: {json.dumps(part)}\n" for key, part in value.items())


async def test_a_client_of_chat_completions_is_filtered_as_well() -> None:
    """The other API comes to the same filters, which keep what only it knows, and reads their refusals in its own form."""
    one = router()
    messages = [{"role": "system", "content": SECRET}, {"role": "user", "content": f"x {OWN}"}]
    got = await one.post({"model": "x", "messages": messages, "seed": 7}, "/v1/chat/completions")
    assert got.headers["x-ccr-filters"] == "cut=2"
    assert b"CANARY" not in one.transports["up"].sent[0].body
    assert json.loads(one.transports["up"].sent[0].body)["seed"] == 7
    blocked = await one.post({"model": "x", "messages": [{"role": "user", "content": KEY}]}, "/v1/chat/completions")
    assert blocked.status == 400
    assert "keep it to yourself (filter `no keys`)" in blocked.json()["error"]["message"]


async def test_what_is_not_found_passes_byte_for_byte() -> None:
    """Filters that find nothing change nothing."""
    one = in_process(PASSED_THROUGH + FILTERS, {"up": [Answer(status=400)]})
    body = b'{ "model":"claude-x", "max_tokens" : 10,\n"messages":[{"content":"h\\u0069 sk-","role":"user"}],"new":{"a":1.0}}'
    got = await one.post(body, headers={"x-api-key": "client"})
    assert one.transports["up"].sent[0].body == body
    assert "x-ccr-filters" not in got.headers


async def test_escapes_hide_nothing() -> None:
    """What is looked at is what the upstream would read."""
    body = json.dumps({**ASK, "messages": [{"role": "user", "content": SECRET}]}).replace(
        "AKIA", "\\u0041\\u004bI\\u0041"
    )
    one = router()
    await one.post(body.encode())
    assert b"CANARY" not in one.transports["up"].sent[0].body


@pytest.mark.parametrize("found", [False, True])
async def test_a_name_given_twice_hides_nothing(found: bool) -> None:
    """Of two members with one name the last counts, here and in what is sent: the other is not sent either."""
    one = in_process(PASSED_THROUGH + FILTERS, {"up": [Answer(status=400)]})
    last = SECRET if found else "clean"
    twice = f'{{"role": "user", "content": [{{"type": "text", "text": "{SECRET}", "text": "{last}"}}]}}'
    body = '{"model": "claude-x", "max_tokens": 10, "messages": [' + twice + "]}"
    got = await one.post(body.encode(), headers={"x-api-key": "client"})
    assert b"CANARY" not in one.transports["up"].sent[0].body
    assert ("x-ccr-filters" in got.headers) is found


async def test_a_large_request_is_filtered_as_a_small_one_is() -> None:
    """Off the loop, with conditions that look at the router's state."""
    when_well = "  - {name: well, action: tag, condition: {provider.up.health: up}}\n"
    one = router(FILTERS + when_well)
    padding = "x " * LARGE_BYTES
    got = await one.post({**ASK, "system": "internal " + padding, "messages": [{"role": "user", "content": SECRET}]})
    assert got.headers["x-ccr-filters"] == "cut=1, code, well"
    assert got.headers["x-ccr-rule"] == "stay here"
    assert b"CANARY" not in one.transports["local"].sent[0].body


@pytest.mark.parametrize(
    ("body", "message", "header"),
    [
        ({**ASK, "system": KEY}, "keep it to yourself (filter `no keys`)", "no keys=1"),
        ({**ASK, "model": "old-one"}, "this request is not allowed by the router (filter `forbidden`)", "forbidden"),
    ],
)
@pytest.mark.parametrize("path", ["/v1/messages", "/v1/messages/count_tokens"])
async def test_what_is_blocked_is_not_sent(body: Any, message: str, header: str, path: str) -> None:
    """It is the client's mistake, with the filter's name; nothing that a listener could keep holds the secret."""
    one = router()
    ended: list[Ended] = []
    one.router.listeners.append(ended.append)
    got = await one.post(body, path)
    assert got.status == 400
    assert got.json()["error"] == {"type": "invalid_request_error", "message": message}
    assert got.headers["x-ccr-filters"] == header
    assert got.headers["x-ccr-rule"] == header.partition("=")[0]
    assert not any(transport.sent for transport in one.transports.values())
    for each in ended:
        assert each.outcome == "rejected"
        assert [found.filter for found in each.one.findings] == [header.partition("=")[0]]
        assert b"CANARY" not in each.one.request.raw


async def test_routing_reads_what_the_filters_leave() -> None:
    """A rule never sees what was cut out, and knows the tags; the log has names and numbers, no secret."""
    one = router()
    lines: list[str] = []

    class Listening(Journal):
        def write(self, *words: Any, **data: Any) -> None:
            lines.append(f"{words} {data}")

    one.router.journal = Listening(None)
    plain = await one.post({**ASK, "messages": [{"role": "user", "content": f"{SECRET} {OWN}"}]})
    assert plain.headers["x-ccr-rule"] == "default"
    tagged = await one.post({**ASK, "system": "internal"})
    assert tagged.headers["x-ccr-rule"] == "stay here"
    assert tagged.headers["x-ccr-filters"] == "code"
    assert "CANARY" not in "".join(lines)
    assert any("'filters': {'cut': 2}" in line for line in lines)


async def test_explanations_are_of_the_request_behind_the_filters() -> None:
    """Over HTTP: what was found, what blocks, and no secret among the facts."""
    one = router()
    got = await one.post({**ASK, "messages": [{"role": "user", "content": SECRET}]}, "/v1/ccr/explain")
    assert got.json()["filters"] == [{"name": "cut", "action": "redact", "count": 1}]
    assert SECRET.encode() not in got.body
    blocked = (await one.post({**ASK, "system": KEY}, "/v1/ccr/explain")).json()
    assert blocked["blocked"] == "no keys"
    assert blocked["decision"]["reject"]["status"] == 400


@pytest.mark.parametrize("large", [False, True])
async def test_a_large_request_is_explained_off_the_loop(large: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading and filtering it keeps nobody waiting, and says what a small one is told."""
    here: list[bool] = []

    def watched(filters: Sequence[Filter], envelope: Envelope) -> Filtered:
        here.append(threading.current_thread() is threading.main_thread())
        return filtered(filters, envelope)

    monkeypatch.setattr("engine.explaining.question.filtered", watched)
    padding = "x " * LARGE_BYTES if large else ""
    body = {**ASK, "system": "internal " + padding, "messages": [{"role": "user", "content": SECRET}]}
    got = (await router().post(body, "/v1/ccr/explain")).json()
    assert [found["name"] for found in got["filters"]] == ["cut", "code"]
    assert got["decision"]["rule"] == "stay here"
    assert here == [not large]


def test_the_command_explains_filters_too(tmp_path: Path) -> None:
    """A line for each that applies."""
    (tmp_path / "ccr.yaml").write_text(FILTERS + REST)
    (tmp_path / "one.json").write_text(json.dumps({**ASK, "system": f"internal {SECRET}"}))
    (tmp_path / "two.json").write_text(json.dumps({**ASK, "system": KEY}))
    words = ["--config", str(tmp_path / "ccr.yaml")]
    one = CliRunner().invoke(ccr, ["explain", str(tmp_path / "one.json"), *words])
    two = CliRunner().invoke(ccr, ["explain", str(tmp_path / "two.json"), *words])
    assert "filter     cut: found and cut out" in one.output
    assert "filter     code: gave its tag" in one.output
    assert "stay here" in one.output
    assert two.exit_code == 0, two.output
    assert "no keys: found, and the request is blocked" in two.output
    assert "CANARY" not in one.output + two.output


TESTS = """
tests:
  - {name: cut, request: {lastUserText: "AKIAIOSFODNN7EXAMPLE"}, expect: {filters: [cut], rule: default, blocked: null}}
  - {name: blocked, request: {model: old-one}, expect: {blocked: forbidden, reject: true}}
  - {name: tagged, request: {systemText: internal}, expect: {filters: [code], rule: stay here}}
  - {name: wrong, request: {model: new}, expect: {filters: [code]}}
  - {name: given, request: {tags: [confidential]}, expect: {rule: stay here}}
"""


def test_filters_are_tested_as_rules_are(tmp_path: Path) -> None:
    """`expect` knows `filters` and `blocked`; a test of a filter that does not apply fails."""
    (tmp_path / "ccr.yaml").write_text(FILTERS + REST + TESTS)
    done = CliRunner().invoke(ccr, ["test-config", "--format", "json", str(tmp_path / "ccr.yaml")])
    report = json.loads(done.stdout)
    failed = [found for found in report["findings"] if found["code"] == "CCR701"]
    assert len(failed) == 1, report["findings"]
    assert "`wrong`" in failed[0]["message"]


DEAD = """
filters:
  - {name: never, condition: {toolCount: "> 5", hasTools: false}, action: redact, patterns: [secrets]}
  - {name: all, condition: {model: {prefix: claude}}, action: block}
  - {name: hidden, condition: {model: claude-3}, action: redact, patterns: [secrets]}
  - {name: seen, condition: {model: gpt}, action: redact, patterns: [secrets]}
"""


def test_filters_that_nothing_gets_to_are_found(tmp_path: Path) -> None:
    """Because of their condition, or of what blocks before them."""
    (tmp_path / "ccr.yaml").write_text(DEAD + REST)
    done = CliRunner().invoke(
        ccr, ["test-config", "--select", "CCR314", "--format", "json", str(tmp_path / "ccr.yaml")]
    )
    assert [found["message"].split("`")[1] for found in json.loads(done.stdout)["findings"]] == ["never", "hidden"]


def test_a_condition_that_fails_applies() -> None:
    """What protects does not fail open."""
    built = checked('filters: [{name: odd, condition: {expr: "number(model) > 1"}, action: block}]\n' + REST).built
    assert built is not None
    got = filtered(built.rules.filters, Envelope(decode_request(json.dumps(ASK).encode())))
    assert got.blocked is not None


built_filters = checked(FILTERS + REST).built
assert built_filters is not None
RULES = built_filters.rules.filters
TEXTS = st.text(max_size=20)
LEAVES = st.one_of(
    TEXTS,
    TEXTS.map(lambda text: f"{text} {SECRET}"),
    TEXTS.map(lambda text: f"{text} {OWN}x"),
    st.integers(),
    st.none(),
)
INPUTS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXTS, inner, max_size=3)),
    max_leaves=8,
)


@settings(max_examples=40, deadline=None)
@given(st.dictionaries(TEXTS, INPUTS, max_size=3), INPUTS, TEXTS)
def test_no_shape_of_a_request_hides_what_is_cut_out(given_input: Any, result: Any, text: str) -> None:
    """Whatever a tool was given or gave, behind the filters neither the bytes nor the values hold it."""
    body = {
        **ASK,
        "messages": [
            {"role": "user", "content": [{"type": "unheard_of", "deep": {"x": [result, text + " " + SECRET]}}]},
            {"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "n", "input": given_input}]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": result}]},
        ],
    }
    envelope = Envelope(decode_request(json.dumps(body).encode()))
    behind = filtered(RULES, envelope)
    request = behind.envelope.request
    values = json.dumps(json.loads(request.raw), ensure_ascii=False)
    assert SECRET not in values
    assert OWN not in values
    assert request.messages == decode_request(request.raw).messages
    assert any(found.filter == "cut" for found in behind.found)


def test_images_are_not_looked_into() -> None:
    """Their data is no text; a change would break them."""
    data = base64.b64encode(b"x" * 60).decode() + "AKIAIOSFODNN7EXAMPLE"
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": data}}
    envelope = Envelope(
        decode_request(json.dumps({**ASK, "messages": [{"role": "user", "content": [image]}]}).encode())
    )
    assert filtered(RULES, envelope).envelope is envelope
