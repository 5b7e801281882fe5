"""Canary secrets: put one everywhere a secret can be, run every command and endpoint, and find none of them anywhere."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.configuration.secret_keys import encrypted, new_key
from tests.e2e.asking import body, post, send
from tests.fakes.router import Router, configuration
from tests.fakes.upstream import Say, Upstream, failing
from tests.fakes.wire import Answer, Received, Reset, json_answer

pytestmark = pytest.mark.e2e

CANARY = "CANARY"
CONFIGURED = f"sk-{CANARY}-in-the-file"
FROM_ENVIRONMENT = f"sk-{CANARY}-in-the-environment"
FROM_FILE = f"sk-{CANARY}-in-a-mounted-file"
OF_CLIENT = f"sk-{CANARY}-of-the-client"
TOKEN = f"{CANARY}-token-file"
ENCRYPTED = f"sk-{CANARY}-encrypted-in-the-file"
NAMES = ("fake", "second", "third", "fourth", "fifth")

ENDPOINTS = ["/health", "/health/live", "/status", "/v1/models", "/nothing", "/metrics", "/", "/ui", "/openapi.json"]


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    with Upstream(key=None) as upstream:
        yield upstream


@pytest.fixture(scope="module")
def secretive(upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Router]:
    """A router at its most talkative, with a canary in each place for a secret."""
    mounted = tmp_path_factory.mktemp("secrets")
    (mounted / "key").write_text(FROM_FILE)
    (mounted / "token.json").write_text(
        json.dumps({"accessToken": TOKEN, "refreshToken": TOKEN + "-refresh", "expiresAt": "2099-01-01T00:00:00Z"})
    )
    key = new_key()
    (mounted / "secret.key").write_text(key + "\n")
    (mounted / "secret.key").chmod(0o600)
    config = configuration(upstream.url)
    provider = config["providers"].pop("fake")
    config["providers"] = {
        name: {**provider, "authentication": {"type": kind, "credentials": credentials}}
        for name, kind, credentials in (
            ("fake", "bearer", {"apiKey": CONFIGURED}),
            ("second", "api_key", {"apiKey": "${CANARY_KEY}"}),
            ("third", "bearer", {"apiKey": f"${{file:{mounted / 'key'}}}"}),
            ("fourth", "bearer", {"tokenPath": str(mounted / "token.json")}),
            ("fifth", "bearer", {"apiKey": f"${{enc:{encrypted(ENCRYPTED, [key])}}}"}),
        )
    }
    target = {"model": "fake-model"}
    config["routing"]["customRules"] = [
        {"name": f"to {name}", "condition": {"header.x-to": name}, "target": {"provider": name, **target}}
        for name in NAMES[1:]
    ]
    config["debug"] = {"enabled": True, "logLevel": "debug", "traceRequests": True, "saveRequests": True}
    config["audit"] = {"content": True}
    places = {"CANARY_KEY": FROM_ENVIRONMENT, "CCR_SECRET_KEY_FILE": str(mounted / "secret.key")}
    with Router(config, environment=places) as router:
        yield router


def places_of_canaries(text: str) -> list[str]:
    """Where in the text a canary shows, with what stands around it."""
    found, start = [], 0
    while (at := text.find(CANARY, start)) >= 0:
        found.append(text[max(0, at - 80) : at + 40])
        start = at + 1
    return found


def repeats_the_key(request: Received) -> Answer:
    """An upstream that puts the key it was given into its error, as some do."""
    key = request.headers.get("authorization") or request.headers.get("x-api-key", "")
    message = f"incorrect API key provided: {key.removeprefix('Bearer ')}"
    return json_answer(401, {"error": {"message": message, "type": "invalid_request_error", "code": "invalid_api_key"}})


SITUATIONS = {
    "answers": Say("fine"),
    "repeats the key": repeats_the_key,
    "fails": failing(500),
    "resets": lambda request: (Reset(),),
}


def test_the_canaries_are_really_used(upstream: Upstream, secretive: Router) -> None:
    """Each secret reaches the upstream: else this page would prove nothing."""
    upstream.forget()
    for name in NAMES:
        assert post(secretive.url, body(), **{"x-to": name}).status == 200
    sent = [" ".join(request.headers.values()) for request in upstream.chats]
    for secret, headers in zip((CONFIGURED, FROM_ENVIRONMENT, FROM_FILE, TOKEN, ENCRYPTED), sent, strict=True):
        assert secret in headers
    assert OF_CLIENT not in " ".join(sent)


@pytest.mark.parametrize("answer", SITUATIONS.values(), ids=SITUATIONS)
def test_no_reply_shows_a_secret(upstream: Upstream, secretive: Router, answer: Any) -> None:
    """Whatever the upstream does, neither body nor headers of the reply hold a key."""
    upstream.always(answer)
    for name in NAMES:
        for streamed in (False, True):
            keys = {"x-api-key": OF_CLIENT, "authorization": f"Bearer {OF_CLIENT}", "x-to": name}
            got = post(secretive.url, body(stream=streamed), **keys)
            assert places_of_canaries(got.data.decode() + json.dumps(got.headers)) == []


def test_no_page_shows_a_secret(secretive: Router) -> None:
    """Health, status, lists, explanations and errors hold no key."""
    for path in ENDPOINTS:
        got = send(secretive.url, "GET", path, **{"x-api-key": OF_CLIENT})
        assert places_of_canaries(got.data.decode() + json.dumps(got.headers)) == [], path
    envelope = {"request": body(), "headers": {"x-api-key": OF_CLIENT, "authorization": f"Bearer {OF_CLIENT}"}}
    got = post(secretive.url, envelope, "/v1/ccr/explain", **{"x-api-key": OF_CLIENT})
    assert places_of_canaries(got.data.decode()) == []


def test_no_command_shows_a_secret(secretive: Router, tmp_path: Path) -> None:
    """Every command's output is clean, of diagnostics about the very lines that hold a key too."""
    request = tmp_path / "request.json"
    request.write_text(json.dumps({"request": body(), "headers": {"x-api-key": OF_CLIENT}}))
    broken = tmp_path / "broken.yaml"
    broken.write_text(
        f"providers:\n  p:\n    type: openai\n    endpoint: http://127.0.0.1:1\n    authentication: {{type: berer, credentials: {{apiKey: {CONFIGURED}, apikey: {CONFIGURED}}}}}\n"
    )
    config, port = str(secretive.config), str(secretive.port)
    commands = [
        ["test-config", config],
        ["test-config", str(broken)],
        ["test-config", "--format", "json", str(broken)],
        ["explain", str(request), "--config", config],
        ["explain", str(request), "--config", config, "--format", "json"],
        ["status", "--port", port],
        ["health", "--port", port],
        ["env", "--port", port],
        ["logs", "-n", "1000"],
        ["logs", "-n", "1000", "--level", "debug"],
        ["audit", "tail", "-n", "1000", "--config", config],
        ["audit", "verify", "--config", config],
        ["keys", "list", "--config", config],
        ["doctor", "--config", config],
        ["reload", "--port", port],
        ["secrets", "rotate", config],
    ]
    for arguments in commands:
        done = secretive.run(*arguments, CANARY_KEY=FROM_ENVIRONMENT)
        assert places_of_canaries(done.stdout + done.stderr) == [], arguments
        assert done.returncode in (0, 1, 3), (arguments, done.stdout, done.stderr)


def test_nothing_written_holds_a_secret(secretive: Router) -> None:
    """After all that: the terminal, the logs and every saved request are clean (this test stands last for that reason)."""
    assert places_of_canaries(secretive.output()) == []
    written = [path for path in secretive.home.rglob("*") if path.is_file()]
    assert any(path.suffix == ".log" for path in written)
    for path in written:
        assert places_of_canaries(path.read_text(errors="replace")) == [], path
