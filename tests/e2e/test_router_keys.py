"""A real router that needs a key: the commands with it and without it, and no trace of it anywhere."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from engine.access.keys import hash_of, key_text
from tests.e2e.asking import body, post, send
from tests.fakes.router import Router, configuration
from tests.fakes.upstream import Upstream, failing

pytestmark = pytest.mark.e2e

HASHED = key_text("0123abcd", "CANARY" + "A" * 37)
PLAIN = "CANARY-plain-router-key"
WRONG = "CANARY-wrong-router-key"


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    with Upstream() as upstream:
        yield upstream


@pytest.fixture(scope="module")
def keyed(upstream: Upstream) -> Iterator[Router]:
    """A router at its most talkative, with a key as hash and one from the environment."""
    config = configuration(
        upstream.url,
        server={
            "apiKeys": [
                {"name": "hashed", "hash": hash_of(HASHED, b"0123456789abcdef").written()},
                {"name": "plain", "key": "${ROUTER_KEY}"},
            ]
        },
        filters=[{"name": "cut", "action": "redact", "patterns": ["secrets", {"regex": "CANARY-[a-z]+-project"}]}],
        debug={"enabled": True, "logLevel": "debug", "traceRequests": True, "saveRequests": True},
    )
    with Router(config, environment={"ROUTER_KEY": PLAIN}) as router:
        yield router


@pytest.mark.parametrize("header", ["x-ccr-key", "x-api-key", "authorization"])
@pytest.mark.parametrize("key", [HASHED, PLAIN])
def test_a_key_lets_in_and_goes_no_further(upstream: Upstream, keyed: Router, header: str, key: str) -> None:
    """In whichever header it came, the upstream sees none of it; neither do the reply and its headers."""
    upstream.forget()
    for streamed in (False, True):
        held = {"x-api-key": "", header: f"Bearer {key}" if header == "authorization" else key}
        got = post(keyed.url, body(stream=streamed), **held)
        assert got.status == 200
        assert "CANARY" not in got.data.decode() + json.dumps(got.headers)
    assert "CANARY" not in "".join(repr(request) for request in upstream.chats)
    assert len(upstream.chats) == 2


def test_nobody_is_let_in_without_one(upstream: Upstream, keyed: Router) -> None:
    """Wrong, cut and absent keys are 401 and reach no upstream; the reply repeats none of them."""
    upstream.forget()
    for key in (None, WRONG, HASHED[:-1], PLAIN + "x", ""):
        for path in ("/v1/messages", "/v1/chat/completions", "/v1/messages/count_tokens", "/v1/ccr/explain"):
            got = post(keyed.url, body(), path, **({"x-ccr-key": key} if key is not None else {}))
            assert got.status == 401
            assert "CANARY" not in got.data.decode() + json.dumps(got.headers)
        for path in ("/status", "/v1/models"):
            assert send(keyed.url, "GET", path, **({"x-api-key": key} if key else {})).status == 401
    assert not upstream.chats


@pytest.mark.parametrize(
    "path", ["/v1/messages", "/v1/chat/completions", "/v1/messages/count_tokens", "/v1/ccr/explain"]
)
def test_what_filters_cut_out_goes_no_further(upstream: Upstream, keyed: Router, path: str) -> None:
    """The upstream, the reply and (see the last test) whatever is written know nothing of it."""
    upstream.forget()
    said = [{"role": "user", "content": "about CANARY-north-project and AKIA" + "CANARY" + "A" * 10}]
    got = post(keyed.url, {**body(), "messages": said}, path, **{"x-ccr-key": PLAIN})
    assert got.status == 200
    assert "CANARY" not in got.data.decode() + json.dumps(got.headers)
    assert "CANARY" not in "".join(repr(request) for request in upstream.chats)


def test_a_failing_upstream_says_nothing_of_it(upstream: Upstream, keyed: Router) -> None:
    """An error on the way tells the client no key."""
    upstream.always(failing(500))
    got = post(keyed.url, body(), **{"x-ccr-key": PLAIN})
    upstream.forget()
    assert got.status >= 500
    assert "CANARY" not in got.data.decode() + json.dumps(got.headers)


def test_commands_take_the_key_from_the_environment(keyed: Router) -> None:
    """With CCR_KEY they work, without they say that one is needed; none shows it."""
    port = str(keyed.port)
    for words in (["status", "--port", port], ["keys", "check", "--config", str(keyed.config)]):
        good = keyed.run(*words, CCR_KEY=HASHED, ROUTER_KEY=PLAIN)
        bad = keyed.run(*words, CCR_KEY=WRONG, ROUTER_KEY=PLAIN)
        assert good.returncode == 0, good.stderr
        assert bad.returncode == 1, bad.stdout
        assert "CANARY" not in good.stdout + good.stderr + bad.stdout + bad.stderr


def test_nothing_written_holds_a_key(keyed: Router) -> None:
    """Neither the terminal nor any file under the home (this test stands last for that reason)."""
    assert "CANARY" not in keyed.output()
    assert "AUTH_TOKEN=" not in keyed.output()
    assert "hashed" in keyed.logs()
    for path in keyed.home.rglob("*"):
        if path.is_file():
            assert "CANARY" not in path.read_text(errors="replace"), path
