"""The real client, headless, through the router to a scripted OpenAI-compatible upstream (`make e2e`)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.fakes import claude_code
from tests.fakes.router import Router, configuration
from tests.fakes.upstream import Call, Say, Upstream, failing
from tests.fakes.wire import Answer, Received, Reset

pytestmark = [
    pytest.mark.e2e_client,
    pytest.mark.skipif(claude_code.npm() is None, reason="npm is not installed: the real client cannot be tried"),
]

CATEGORIES = ("default", "background", "thinking", "longcontext", "search")

Script = Callable[[Mapping[str, Any]], Say]


@pytest.fixture(scope="module")
def command() -> Path:
    """The client."""
    return claude_code.installed()


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    with Upstream() as upstream:
        yield upstream


@pytest.fixture(scope="module")
def router(upstream: Upstream) -> Iterator[Router]:
    """A router that sends each category to a model of its own, so that the upstream's record shows the category."""
    config = configuration(upstream.url)
    models = [{"name": f"{name}-model", "capabilities": ["tools", "images", "webSearch"]} for name in CATEGORIES]
    config["providers"]["fake"]["settings"]["models"] = models
    config["routing"]["rules"] = {name: {"provider": "fake", "model": f"{name}-model"} for name in CATEGORIES}
    with Router(config) as router:
        yield router


def scripted(script: Script) -> Callable[[Received], Answer]:
    """A responder from what the model would say to a request."""
    return lambda request: script(request.json)(request)


def results_in(body: Mapping[str, Any]) -> list[str]:
    """The tool results in a request."""
    return [json.dumps(message["content"]) for message in body["messages"] if message["role"] == "tool"]


def offers(body: Mapping[str, Any], tool: str) -> bool:
    """Whether the request offers this tool."""
    return any(entry["function"]["name"] == tool for entry in body.get("tools") or [] if "function" in entry)


def models_asked(upstream: Upstream) -> list[str]:
    """The models that were asked, in order."""
    return [request.json["model"] for request in upstream.chats]


@pytest.fixture(autouse=True)
def _forget(upstream: Upstream) -> None:
    upstream.forget()


def test_it_writes_a_file_by_its_own_tool_in_small_fragments(
    command: Path, router: Router, upstream: Upstream, tmp_path: Path
) -> None:
    """Tool input that arrives a few characters at a time, with reasoning before it, is whole in the end."""
    text = "grüße, 世界 🌍\n" * 40
    path = tmp_path / "work" / "written.txt"

    def script(body: Mapping[str, Any]) -> Say:
        if results_in(body):
            return Say("written")
        return Say(
            reasoning="a file is wanted", calls=(Call("Write", {"file_path": str(path), "content": text}),), fragment=3
        )

    upstream.always(scripted(script))
    session = claude_code.run(command, router.url, tmp_path, "write the file")
    assert session.result["result"] == "written"
    assert path.read_text() == text


def test_parallel_tools_all_run(command: Path, router: Router, upstream: Upstream, tmp_path: Path) -> None:
    """Two calls whose fragments are mixed both run, and both results come back under their ids."""
    calls = tuple(
        Call("Bash", {"command": f"echo {name} > {name}.txt", "description": "x"}, f"call_{name}")
        for name in ("one", "two")
    )
    upstream.always(
        scripted(lambda body: Say("both") if len(results_in(body)) == 2 else Say(calls=calls, interleaved=True))
    )
    session = claude_code.run(command, router.url, tmp_path, "make two files")
    assert session.result["result"] == "both"
    assert sorted(path.name for path in (tmp_path / "work").glob("*.txt")) == ["one.txt", "two.txt"]


def test_a_subagent_works(command: Path, router: Router, upstream: Upstream, tmp_path: Path) -> None:
    """The Agent tool's own session runs through the router too, and its words come back as the tool's result."""

    def script(body: Mapping[str, Any]) -> Say:
        text = json.dumps(body["messages"])
        if "subagent, say your word" in text and "ask your subagent" not in text:
            return Say("the word is heron")
        if results_in(body):
            return Say("heard: " + ("heron" if "heron" in text else "nothing"))
        asked = {
            "description": "a word",
            "prompt": "subagent, say your word",
            "subagent_type": "general-purpose",
            "run_in_background": False,
        }
        return Say(calls=(Call("Agent", asked),))

    upstream.always(scripted(script))
    session = claude_code.run(command, router.url, tmp_path, "ask your subagent")
    assert session.result["result"] == "heard: heron"
    assert len(upstream.chats) >= 3


def test_a_web_search_goes_to_its_category(command: Path, router: Router, upstream: Upstream, tmp_path: Path) -> None:
    """WebSearch is a request of its own with a server tool: it is routed to `search`, and its findings come back."""
    citation = {
        "type": "url_citation",
        "url_citation": {"url": "https://example.org/herons", "title": "Herons", "start_index": 0, "end_index": 6},
    }

    def script(body: Mapping[str, Any]) -> Say:
        if body["model"] == "search-model":
            return Say("Herons are birds.", annotations=(citation,))
        results = results_in(body)
        if not offers(body, "WebSearch"):
            return Say(calls=(Call("ToolSearch", {"query": "select:WebSearch"}, "call_find"),))
        if not any("heron" in result.lower() for result in results):
            return Say(calls=(Call("WebSearch", {"query": "what is a heron"}, "call_search"),))
        return Say(
            "found: "
            + ("herons" if "example.org/herons" in results[-1] or "Herons are birds" in results[-1] else "nothing")
        )

    upstream.always(scripted(script))
    session = claude_code.run(command, router.url, tmp_path, "search for it")
    assert session.result["result"] == "found: herons"
    (search,) = (request.json for request in upstream.chats if request.json["model"] == "search-model")
    assert "web_search_options" in search


@pytest.mark.parametrize(
    ("arguments", "category"),
    [
        ((), "default"),
        (("--model", "haiku"), "background"),
        (("--effort", "high"), "thinking"),
        (("--effort", "low"), "default"),
    ],
    ids=["plain", "haiku", "effort high", "effort low"],
)
def test_a_session_is_routed_by_what_was_asked(
    command: Path, router: Router, upstream: Upstream, tmp_path: Path, arguments: tuple[str, ...], category: str
) -> None:
    """Adaptive thinking alone is not `thinking`; a small model or a high effort shows in the category."""
    session = claude_code.run(command, router.url, tmp_path, "hello", *arguments)
    assert session.result["result"] == "ok"
    assert set(models_asked(upstream)) == {f"{category}-model"}


def test_a_long_prompt_is_routed_to_long_context(
    command: Path, router: Router, upstream: Upstream, tmp_path: Path
) -> None:
    """600 kB on standard input is more than 60,000 tokens."""
    session = claude_code.run(
        command, router.url, tmp_path, "sum it up", stdin="the quick brown fox jumps over it\n" * 18_000
    )
    assert session.result["result"] == "ok"
    assert set(models_asked(upstream)) == {"longcontext-model"}
    assert len(upstream.chats[0].body) > 600_000


def test_it_goes_on_after_an_error_in_mid_stream(
    command: Path, router: Router, upstream: Upstream, tmp_path: Path
) -> None:
    """A broken stream does not end the session: the client continues and finishes."""
    upstream.then(lambda request: (*Say("this is cut here")(request)[:4], Reset()))
    session = claude_code.run(command, router.url, tmp_path, "hello")
    assert session.result["subtype"] == "success"
    assert not session.result["is_error"]


def test_a_session_survives_rate_limits_and_faults(
    command: Path, router: Router, upstream: Upstream, tmp_path: Path
) -> None:
    """One failing answer costs a retry, not the session."""
    upstream.then(failing(500))
    session = claude_code.run(command, router.url, tmp_path, "hello", environment={"CLAUDE_CODE_MAX_RETRIES": "3"})
    assert session.result["result"] == "ok"
