"""Two real workers: metrics, usage, a budget, saved requests and a replay say what happened, and no secret."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.e2e.asking import body, post
from tests.fakes.router import Router, configuration
from tests.fakes.upstream import Say, Upstream

pytestmark = pytest.mark.e2e

CANARY = "CANARY-of-the-client"
ASKED = 6


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    with Upstream(key=None) as one:
        yield one


@pytest.fixture(scope="module")
def router(upstream: Upstream) -> Iterator[Router]:
    """Two workers that have answered a few requests."""
    with asked(upstream) as one:
        yield one


@contextmanager
def asked(upstream: Upstream) -> Iterator[Router]:
    upstream.always(Say("fine"))
    config = configuration(
        upstream.url,
        usage={"prices": {"fake": {"input": 1, "output": 1}}},
        budgets={"all": {"tokens": 1_000_000_000, "per": "day"}},
        debug={"saveRequests": True},
    )
    with Router(config, arguments=["--workers", "2"]) as one:
        for _ in range(ASKED):
            assert post(one.url, body(stream=True), authorization=f"Bearer {CANARY}").status == 200
        yield one


def saved(router: Router) -> list[Path]:
    return sorted((router.home / ".claude-code-router" / "logs" / "requests").glob("*.json"))


def test_metrics_are_of_all_workers(router: Router) -> None:
    """Whichever worker is asked gives the sum of both."""
    for _ in range(4):
        status, headers, data = router.get("/metrics")
        assert (status, headers["content-type"]) == (200, "text/plain; version=1.0.0; charset=utf-8")
        families = {family.name: family for family in text_string_to_metric_families(data.decode())}
        (requests,) = [sample.value for sample in families["ccr_requests"].samples if sample.name.endswith("_total")]
        assert requests >= ASKED
        assert CANARY not in data.decode()


def test_an_exchange_is_explained_and_sent_again_from_its_file(router: Router, upstream: Upstream) -> None:
    """`ccr explain`, `ccr diff --requests` and `ccr replay` read what the router saved, which holds no secret."""
    files = saved(router)
    assert len(files) >= ASKED
    assert CANARY not in "".join(path.read_text() for path in files)
    explained = router.run("explain", str(files[0]), "--config", str(router.config), "--expect", "provider=fake")
    assert explained.returncode == 0, explained.stderr
    compared = router.run("diff", str(router.config), str(router.config), "--requests", str(files[0].parent))
    assert "0 go elsewhere" in compared.stdout, compared.stdout + compared.stderr
    upstream.always(Say("another answer"))
    replayed = router.run("replay", str(files[0]), "--port", str(router.port), "--format", "json")
    assert replayed.returncode == 0, replayed.stderr
    shown: dict[str, Any] = json.loads(replayed.stdout)
    assert shown["text"] == "another answer"
    assert [line for line in shown["differences"] if line.startswith("text:")]


def test_nothing_is_lost_at_the_end(upstream: Upstream) -> None:
    """Both workers write what they still hold; `ccr usage` says what both did."""
    with asked(upstream) as router:
        status = json.loads(router.get("/status")[2])
        assert status["usage"]["ok"] is True
        assert [budget["name"] for budget in status["budgets"]] == ["all"]
        assert post(router.url, body()).status == 200
        router.signal(15)
        assert router.wait() == 0
        assert len(saved(router)) == ASKED + 1
        used = router.run("usage", "--config", str(router.config), "--by", "day", "--format", "json")
        rows = json.loads(used.stdout)["rows"]
        assert sum(row["requests"] for row in rows) == ASKED + 1
        assert {(row["unpriced"], row["currency"]) for row in rows} == {(0, "USD")}
