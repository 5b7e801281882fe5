"""Request bodies against the vectors' expectations and rule checker."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from providers.dialects.codewhisperer.dialect import CODEWHISPERER
from providers.dialects.seams import Ask, Encoded, Unencodable
from providers.spec import ProviderSpec
from schemas.decode_request import decode_request
from tests.vectors.codewhisperer import cwvectors

VECTORS = cwvectors.load("requests.json")
MODEL = "CLAUDE_SONNET_4_20250514_V1_0"


def ask_of(request: Mapping[str, Any], settings: Mapping[str, Any] | None = None, model: str = MODEL) -> Ask:
    ids = iter(range(10_000))
    return Ask(
        request=decode_request(json.dumps(request).encode()),
        provider=ProviderSpec("cw", "codewhisperer", (), settings=dict(settings or {})),
        model=model,
        model_spec=None,
        headers={},
        new_id=lambda: f"{next(ids):024}",
    )


def encode(request: Mapping[str, Any], settings: Mapping[str, Any] | None = None, model: str = MODEL) -> Encoded:
    return CODEWHISPERER.encode(ask_of({"max_tokens": 100, "model": "claude-x"} | dict(request), settings, model))


def body_of(request: Mapping[str, Any], settings: Mapping[str, Any] | None = None) -> Any:
    """The body, which no rule of the service refuses."""
    body = json.loads(encode(request, settings).body)
    assert cwvectors.check_request(body) == []
    return body


def contents(body: Any) -> list[str]:
    """Every message's content, the current one last."""
    state = body["conversationState"]
    return [next(iter(entry.values()))["content"] for entry in [*state.get("history", []), state["currentMessage"]]]


def losses(request: Mapping[str, Any], settings: Mapping[str, Any] | None = None) -> set[str]:
    return {lost.field for lost in encode(request, settings).lost}


def user(*content: Any) -> dict[str, Any]:
    return {
        "role": "user",
        "content": content[0] if len(content) == 1 and isinstance(content[0], str) else list(content),
    }


def assistant(*content: Any) -> dict[str, Any]:
    return {
        "role": "assistant",
        "content": content[0] if len(content) == 1 and isinstance(content[0], str) else list(content),
    }


def call(call_id: str, name: str = "Bash", **given: Any) -> dict[str, Any]:
    return {"type": "tool_use", "id": call_id, "name": name, "input": given}


def result(call_id: str, content: Any = "done", **more: Any) -> dict[str, Any]:
    return {"type": "tool_result", "tool_use_id": call_id, "content": content, **more}


BASH = {"name": "Bash", "description": "Runs a command", "input_schema": {"type": "object", "properties": {}}}
PDF = {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0="}}


@pytest.mark.parametrize("case", VECTORS["cases"], ids=lambda case: case["id"])
@pytest.mark.parametrize("mode", ["pair", "prefix"])
def test_every_request_vector_is_met(case: dict[str, Any], mode: str) -> None:
    """The body is one that the vectors accept, and breaks none of the service's rules."""
    if case.get("system_mode", mode) != mode:
        pytest.skip("a case of the other way to carry the system text")
    options = case["options"]
    settings = {"systemMode": mode, "origin": options["origin"], "profileArn": options["profileArn"]}
    accepted = case.get("expect_any") or [case["expect"]]
    if "error" in accepted[0]:
        with pytest.raises(Unencodable) as raised:
            encode(case["request"], settings, options["modelId"])
        assert raised.value.error.kind.error_type == accepted[0]["error"]["type"]
        return
    body = json.loads(encode(case["request"], settings, options["modelId"]).body)
    assert cwvectors.check_request(body) == []
    found = [
        cwvectors.differences(wanted["body"], cwvectors.canonical_request(body))
        for wanted in accepted
        if "body" in wanted
    ]
    assert [] in found, found


@pytest.mark.parametrize("case", VECTORS["rule_cases"], ids=lambda case: case["id"])
def test_the_rule_checker_finds_what_it_should(case: dict[str, Any]) -> None:
    """The checker that judges our bodies names the rules that broken bodies break."""
    assert {found.split(":")[0] for found in cwvectors.check_request(case["body"])} == set(case["breaks"])
