"""The real client, headless, through the router to the fake CodeWhisperer service (`make e2e`)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fakes import claude_code
from tests.fakes.codewhisperer import TOKEN, CodeWhisperer, Speak
from tests.fakes.router import Router
from tests.fakes.upstream import Call
from tests.fakes.wire import Answer, Received

pytestmark = [
    pytest.mark.e2e_client,
    pytest.mark.skipif(claude_code.npm() is None, reason="npm is not installed: the real client cannot be tried"),
]


@pytest.fixture
def service() -> Iterator[CodeWhisperer]:
    with CodeWhisperer() as service:
        yield service


@pytest.fixture
def router(service: CodeWhisperer, tmp_path: Path) -> Iterator[Router]:
    token = tmp_path / "token.json"
    token.write_text(json.dumps({"accessToken": TOKEN, "expiresAt": "2099-01-01T00:00:00Z"}))
    token.chmod(0o600)
    provider = {
        "type": "codewhisperer",
        "endpoint": service.url,
        "authentication": {"tokenPath": str(token)},
        "settings": {"models": ["claude-sonnet-4.5"]},
    }
    with Router({"providers": {"cw": provider}, "routing": {"defaultProvider": "cw"}}) as router:
        yield router


def results_in(body: Any) -> list[str]:
    """The texts of the results that the current message brings."""
    current = body["conversationState"]["currentMessage"]["userInputMessage"]
    results = current.get("userInputMessageContext", {}).get("toolResults", [])
    return [part["text"] for result in results for part in result["content"]]


def test_it_runs_a_tool_and_finishes(router: Router, service: CodeWhisperer, tmp_path: Path) -> None:
    """The model asks for Bash: a file really appears, its result goes back, no body breaks a rule of the service."""
    calls = (Call("Bash", {"command": "echo routed > made.txt; cat made.txt", "description": "make it"}, "tooluse_1"),)

    def answer(request: Received) -> Answer:
        return (Speak("the file is made") if results_in(request.json) else Speak("I will make it.", calls, fragment=3))(
            request
        )

    service.always(answer)
    session = claude_code.run(claude_code.installed(), router.url, tmp_path, "make the file")
    assert (session.status, session.result["subtype"], session.result["result"]) == (0, "success", "the file is made")
    assert (tmp_path / "work" / "made.txt").read_text() == "routed\n"
    assert "routed" in results_in(service.bodies[-1])[0]
    assert service.broken_rules == []
    assert {body["conversationState"]["conversationId"] for body in service.bodies} == {session.result["session_id"]}
