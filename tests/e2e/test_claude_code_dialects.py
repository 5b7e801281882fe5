"""The real client, headless, in one session with tools through each dialect to its fake (`make e2e`)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from providers.dialects.table import TYPES
from tests.fakes import claude_code
from tests.fakes.router import Router
from tests.fakes.speakers import SPEAKERS, Speaker
from tests.fakes.upstream import UPSTREAM_KEY, Call
from tests.fakes.wire import Answer, Received

pytestmark = [
    pytest.mark.e2e_client,
    pytest.mark.skipif(claude_code.npm() is None, reason="npm is not installed: the real client cannot be tried"),
]

CHAINED = "anthropic, two routers"
TEXT = "grüße, 世界 🌍\n" * 10


@pytest.fixture(params=[*SPEAKERS, CHAINED])
def row(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def speaker(row: str) -> Speaker:
    return SPEAKERS[row.partition(",")[0]]


@pytest.fixture
def fake(speaker: Speaker) -> Iterator[Any]:
    with speaker.fake() as fake:
        yield fake
        assert getattr(fake, "broken_rules", []) == []


@pytest.fixture
def router(row: str, speaker: Speaker, fake: Any) -> Iterator[Router]:
    """The router that the client talks to; another one stands behind it in the chained row."""
    with ExitStack() as stack:
        config = speaker.configuration(fake.url)
        router = stack.enter_context(Router(config, environment=speaker.environment))
        if row == CHAINED:
            config["providers"]["up"] |= {"endpoint": router.url, "authentication": {"apiKey": UPSTREAM_KEY}}
            router = stack.enter_context(Router(config))
        yield router


def bash(number: int, command: str) -> Call:
    """A call of the client's Bash tool."""
    return Call("Bash", {"command": command, "description": "make it"}, f"toolu_{number}")


def test_no_dialect_is_left_out() -> None:
    """Each dialect that has an upstream has a session."""
    assert set(SPEAKERS) == TYPES - {"static"}


def test_a_session_with_tools_goes_on_to_its_end(
    router: Router, row: str, speaker: Speaker, fake: Any, tmp_path: Path
) -> None:
    """One call, then two at once, with thoughts where there are any: files really appear, every result goes back, the last words come."""
    written = tmp_path / "work" / "written.txt"
    both = (
        Call("Write", {"file_path": str(written), "content": TEXT}, "toolu_2"),
        bash(3, "echo second > two.txt; cat two.txt"),
    )

    def answer(request: Received) -> Answer:
        results = "".join(speaker.results_in(request.json))
        if "second" in results:
            return speaker.say("the files are made", (), "done")(request)
        if "routed" in results:
            return speaker.say("Two more.", both, "two are missing")(request)
        call = bash(1, "echo routed > made.txt; cat made.txt")
        return speaker.say("I will make it.", (call,), "files are wanted")(request)

    fake.always(answer)
    session = claude_code.run(claude_code.installed(), router.url, tmp_path, "make the files")
    found = (session.status, session.result["subtype"], session.result["result"])
    assert found == (0, "success", "the files are made"), router.logs()[-3000:]
    assert {path.name for path in (tmp_path / "work").glob("*.txt")} == {"made.txt", "two.txt", "written.txt"}
    assert written.read_text() == TEXT
    assert len(speaker.results_in(fake.received[-1].json)) >= 2
    if row == "codewhisperer":
        conversations = {request.json["conversationState"]["conversationId"] for request in fake.received}
        assert conversations == {session.result["session_id"]}
