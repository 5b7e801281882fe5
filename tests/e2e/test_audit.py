"""The audit log of a real router: with several workers, one of them killed, and to the last line of an orderly stop."""

from __future__ import annotations

import json
import os
import signal
import time

import pytest

from tests.e2e.asking import body, post
from tests.fakes.router import Router, configuration
from tests.fakes.upstream import Say, Upstream

pytestmark = pytest.mark.e2e


def kinds_in(router: Router) -> list[str]:
    """The kinds of all whole lines that are on the disk."""
    folder = router.home / ".claude-code-router" / "audit"
    lines = [line for path in folder.glob("*.jsonl") for line in path.read_bytes().splitlines(keepends=True)]
    return [json.loads(line)["kind"] for line in lines if line.endswith(b"\n")]


def test_every_exchange_is_written_and_every_chain_holds() -> None:
    """Each worker has a chain; one that is killed loses no line of the others, and its heir goes on with its own."""
    with Upstream() as upstream:
        upstream.always(Say("noted"))
        with Router(configuration(upstream.url, audit=True), arguments=["--workers", "2"]) as router:
            for _ in range(10):
                assert post(router.url, body()).status == 200
            end = time.monotonic() + 10
            while kinds_in(router).count("exchange") < 10:
                assert time.monotonic() < end, "the lines are not written"
                time.sleep(0.02)
            status = json.loads(router.get("/status")[2])
            os.kill(status["workers"]["running"][0]["pid"], signal.SIGKILL)
            while len(json.loads(router.get("/status")[2])["workers"]["running"]) < 2:
                time.sleep(0.05)
            for _ in range(10):
                assert post(router.url, body()).status == 200
            changed = json.loads(router.config.read_text())
            changed["routing"]["longContextThreshold"] = 50_000
            router.config.write_text(json.dumps(changed))
            assert router.run("reload", "--port", str(router.port)).returncode == 0
            router.signal(signal.SIGTERM)
            router.wait()
            said = router.run("audit", "verify", "--config", str(router.config))
            kinds = kinds_in(router)

            assert said.returncode == 0, said.stdout + said.stderr
            assert len(said.stdout.splitlines()) == 2
            assert kinds.count("exchange") == 20
            assert kinds.count("stop") == 2
            assert kinds.count("start") == 3
            assert kinds.count("reload") >= 2
