"""Probes, health, status, explanation, and the headers of every reply."""

from __future__ import annotations

import re
from itertools import islice

import anthropic
import pytest

from tests.e2e.asking import Got, body, post, send
from tests.fakes.loopback import Refusing
from tests.fakes.router import Router, configuration
from tests.fakes.upstream import Upstream, failing

pytestmark = pytest.mark.e2e


@pytest.mark.parametrize(
    ("method", "path"),
    [("HEAD", "/"), ("HEAD", "/api/hello"), ("GET", "/health"), ("GET", "/health/live"), ("GET", "/status")],
)
def test_probes_are_answered(router: Router, upstream: Upstream, method: str, path: str) -> None:
    """What clients and operators probe is a 200, a HEAD without a body, while the upstream answers."""
    assert post(router.url, body()).status == 200
    got = send(router.url, method, path)
    assert got.status == 200
    assert (got.data == b"") == (method == "HEAD")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("HEAD", "/"),
        ("GET", "/health"),
        ("GET", "/status"),
        ("GET", "/v1/models"),
        ("GET", "/nothing"),
        ("POST", "/v1/messages"),
        ("POST", "/v1/messages/count_tokens"),
    ],
)
def test_every_reply_names_its_request_and_revision(router: Router, method: str, path: str) -> None:
    """`request-id` and `x-ccr-revision` are on every reply, errors too."""
    got = send(router.url, method, path, b"{}" if method == "POST" else None, content_type="application/json")
    assert got.headers["request-id"].startswith("req_")
    assert re.fullmatch(r"[0-9a-f]{12}", got.headers["x-ccr-revision"])


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
def test_a_routed_reply_says_how_it_was_routed(router: Router, upstream: Upstream, streamed: bool) -> None:
    """The rule and the target are in headers, also of an error by the upstream."""
    for answered in (post(router.url, body(stream=streamed)), _failed(router, upstream, streamed)):
        assert answered.headers["x-ccr-rule"] == "default"
        assert answered.headers["x-ccr-target"] == "fake,fake-model"


def _failed(router: Router, upstream: Upstream, streamed: bool) -> Got:
    upstream.always(failing(400))
    return post(router.url, body(stream=streamed))


@pytest.mark.parametrize("size", [1, 2, 3, 1000])
def test_models_are_listed_page_by_page(upstream: Upstream, size: int) -> None:
    """The official client, which follows `has_more`, reads each model once and comes to an end, in either direction."""
    wanted = ["fake,fake-model", "more,a", "more,b/c", "more,d"]
    more = {"type": "static", "settings": {"models": ["a", "b/c", "d"]}}
    config = configuration(upstream.url)
    config["providers"]["more"] = more
    with (
        Router(config) as router,
        anthropic.Anthropic(base_url=router.url, api_key="dummy", max_retries=0, timeout=20) as client,
    ):
        assert [model.id for model in islice(client.models.list(limit=size), 20)] == wanted
        before = client.models.list(limit=size, before_id="more,d")
        assert [model.id for model in before.data] == wanted[:3][-size:]
        assert client.models.list(after_id="not,there").data == []
        assert client.models.retrieve("more,b/c").display_name == "b/c (more)"


def test_request_ids_differ(router: Router, upstream: Upstream) -> None:
    """No two replies share an id."""
    ids = [post(router.url, body()).headers["request-id"] for _ in range(20)]
    assert len(set(ids)) == 20


def test_the_explanation_says_what_the_server_does(router: Router, upstream: Upstream) -> None:
    """`POST /v1/ccr/explain` names the rule and target of the real reply and sends nothing."""
    explained = post(router.url, {"request": body()}, "/v1/ccr/explain")
    assert explained.status == 200
    assert not upstream.received
    text = explained.data.decode()
    assert '"fake-model"' in text
    assert '"default"' in text
    explanation = explained.json
    assert explanation["nearest"]["verified"] is True
    asked = post(router.url, {"request": body()}, "/v1/ccr/explain?why=background&all=1").json
    assert {"background", "explicit"} <= set(asked["asked"])
    for query in ("why=nobody", "colour=blue", "all=yes"):
        assert post(router.url, {"request": body()}, f"/v1/ccr/explain?{query}").status == 400
    assert not upstream.received


def test_health_fails_when_no_target_can_serve() -> None:
    """Liveness stays 200; readiness is a 503 once the only instance of `default` rests."""
    with Refusing() as nobody, Router(configuration(nobody.url)) as router:
        for _ in range(3):
            assert post(router.url, body()).status >= 500
        assert send(router.url, "GET", "/health/live").status == 200
        health = send(router.url, "GET", "/health")
        assert (health.status, health.json["overall"], health.json["total"]) == (503, "unhealthy", 1)
