"""`examples/two-routers` as it stands: nginx in front, two routers, a Redis server; one router after the other is restarted."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.e2e.asking import body, post
from tests.e2e.faults import SAID, under_load
from tests.fakes.redis_server import RedisServer
from tests.fakes.router import ROOT, Router, free_port
from tests.fakes.upstream import Upstream

pytestmark = pytest.mark.e2e

EXAMPLE = ROOT / "examples" / "two-routers"


@contextlib.contextmanager
def nginx(folder: Path, front: int, routers: list[int]) -> Iterator[str]:
    """The example's nginx on other ports; its URL."""
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if program is None:
        pytest.skip("nginx is not installed (Debian: apt install nginx-light)")
    text = (EXAMPLE / "nginx.conf").read_text()
    for port, other in zip((3456, 3457, 3458), (front, *routers), strict=True):
        assert text.count(f":{port}") == 1
        text = text.replace(f":{port}", f":{other}")
    (folder / "nginx.conf").write_text(text)
    said = folder / "nginx.out"
    with said.open("wb") as output:
        command = [program, "-p", str(folder), "-c", "nginx.conf"]
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
    try:
        end = time.monotonic() + 10
        url = f"http://127.0.0.1:{front}"
        while True:
            with contextlib.suppress(OSError):
                post(url, body())
                break
            assert process.poll() is None, said.read_text()
            assert time.monotonic() < end, "nginx does not answer"
            time.sleep(0.02)
        yield url
    finally:
        process.terminate()
        process.wait(10)


def test_restarting_one_router_after_the_other_loses_nothing(tmp_path: Path) -> None:
    """Every request is answered rightly, streams through nginx come whole, and the routers know of each other."""
    with RedisServer() as redis, Upstream(key=None, models=["qwen3-coder"]) as one, Upstream(key=None) as other:
        for upstream in (one, other):
            upstream.always(SAID)
        environment = {"STATE_URL": redis.url, "NORTH": one.url + "/v1", "SOUTH": other.url + "/v1"}
        text = re.sub(r"^# yaml-language.*\n", "", (EXAMPLE / "ccr.yaml").read_text())
        with Router(text, environment=environment) as first, Router(text, environment=environment) as second:
            tmp_path.chmod(0o755)
            with nginx(tmp_path, free_port(), [first.port, second.port]) as url:

                async def restart() -> None:
                    for router in (first, second):
                        await asyncio.sleep(0.3)
                        router.signal(15)
                        await asyncio.to_thread(router.wait)
                        await asyncio.to_thread(router.start)

                front: Any = SimpleNamespace(url=url)
                tally = asyncio.run(under_load(front, 200, 8, restart(), throughout=True))
            end = time.monotonic() + 10
            while json.loads(first.get("/status")[2])["state"].get("others") != 1:
                assert time.monotonic() < end, "they do not know of each other"
                time.sleep(0.05)

    assert tally.right == tally.sent, tally
