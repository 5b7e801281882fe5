"""Several workers behind one port: one status, one reload, one end; the dead are replaced."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.e2e.asking import body, post
from tests.e2e.faults import SAID, under_load, upstream_process
from tests.fakes.router import Router, configuration
from tests.fakes.upstream import Upstream
from tests.fakes.wire import Until, after

pytestmark = pytest.mark.e2e

WORKERS = 3


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    with Upstream() as one:
        one.always(SAID)
        yield one


@pytest.fixture(scope="module")
def crew(upstream: Upstream) -> Iterator[Router]:
    """A router of three workers."""
    with Router(configuration(upstream.url), arguments=("--workers", str(WORKERS))) as router:
        all_there(router, WORKERS)
        yield router


def status(router: Router) -> Any:
    return json.loads(router.get("/status")[2])


def running(router: Router) -> dict[int, int]:
    """Worker -> process."""
    return {row["worker"]: row["pid"] for row in status(router)["workers"]["running"]}


def eventually(holds: Callable[[], bool], what: str, within_s: float = 10.0) -> None:
    end = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < end, what
        time.sleep(0.02)


def all_there(router: Router, count: int) -> None:
    """Waits for the last one: the port answers as soon as the first one does."""
    eventually(lambda: len(running(router)) == count, "not all workers started")


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_status_is_that_of_all(crew: Router) -> None:
    """Whoever answers adds up what all of them did, and names each of them."""
    before = status(crew)
    for _ in range(12):
        assert post(crew.url, body()).status == 200
    after = status(crew)

    assert after["counters"]["exchanges"] - before["counters"]["exchanges"] == 12
    (provider,) = after["providers"]
    assert provider["instances"][0]["requests"] - before["providers"][0]["instances"][0]["requests"] == 12
    assert after["workers"]["wanted"] == WORKERS
    assert sorted(running(crew)) == [1, 2, 3]
    assert len(set(running(crew).values()) | {crew.pid}) == WORKERS + 1


def test_a_reload_reaches_all(crew: Router) -> None:
    """`ccr reload` is done when every worker has the new configuration."""
    config = json.loads(crew.config.read_text())
    config["routing"]["longContextThreshold"] = 12_345
    crew.config.write_text(json.dumps(config))
    done = crew.run("reload", "--port", str(crew.port))

    assert done.returncode == 0, done.stderr
    revisions = {row["revision"] for row in status(crew)["workers"]["running"]}
    assert len(revisions) == 1
    assert crew.get("/health/live")[1]["x-ccr-revision"] in revisions


def test_a_killed_worker_is_replaced(crew: Router) -> None:
    """The others go on, another process takes the place, and the log says so."""
    before = running(crew)
    os.kill(before[2], signal.SIGKILL)
    for _ in range(6):
        with contextlib.suppress(ConnectionError):  # of what it had accepted nobody knows
            post(crew.url, body())
    eventually(lambda: running(crew).get(2, before[2]) != before[2], "nobody took the place")

    after = running(crew)
    assert (after[1], after[3]) == (before[1], before[3])
    assert post(crew.url, body()).status == 200
    assert any(line["message"] == "a worker ended, another takes its place" for line in crew.log_lines())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT])
def test_a_signal_under_load_loses_nothing(number: int) -> None:
    """Told to stop, all of them let their requests end; exit status 0, or 130 after an interrupt."""
    with (
        upstream_process() as (_, url),
        Router(configuration(url), arguments=("--workers", "2")) as router,
    ):
        all_there(router, 2)
        pids = running(router).values()

        async def stop() -> None:
            await asyncio.sleep(0.3)
            router.signal(number)

        tally = asyncio.run(under_load(router, 300, 12, stop()))
        assert router.wait() == (130 if number == signal.SIGINT else 0)
        assert tally.sent
        assert (tally.lost, tally.errors, tally.doubled) == (0, 0, 0), tally
        assert not any(alive(pid) for pid in pids)


def replaced(router: Router, worker: int) -> int:
    """Kills that worker; the process that takes its place."""
    before = running(router)[worker]
    os.kill(before, signal.SIGKILL)
    eventually(lambda: running(router).get(worker, before) != before, "nobody took the place")
    return running(router)[worker]


@pytest.mark.parametrize("frozen", [False, True], ids=["", "frozen"])
def test_workers_end_with_their_parent(upstream: Upstream, frozen: bool) -> None:
    """Nobody is left behind when the parent is killed, so that the port is free again: nobody who came later or is stopped."""
    with Router(configuration(upstream.url), arguments=("--workers", "2")) as router:
        all_there(router, 2)
        pids = [running(router)[1], replaced(router, 2)]
        for pid in pids if frozen else ():
            os.kill(pid, signal.SIGSTOP)
        router.signal(signal.SIGKILL)
        router.wait()
        eventually(lambda: not any(alive(pid) for pid in pids), "workers outlived their parent")


def test_a_frozen_worker_ends_with_the_others(upstream: Upstream) -> None:
    """One that a signal had stopped goes on when all shall end, so that its requests end in order."""
    with Router(configuration(upstream.url), arguments=("--workers", "2")) as router:
        all_there(router, 2)
        pids = running(router)
        os.kill(pids[2], signal.SIGSTOP)
        router.signal(signal.SIGTERM)
        assert router.wait() == 0
        assert not any(alive(pid) for pid in pids.values())


@pytest.mark.parametrize("frozen", [False, True], ids=["workers", "parent and workers"])
def test_force_leaves_no_process_behind(upstream: Upstream, frozen: bool) -> None:
    """`ccr stop --force` ends the parent and its workers at once, also those that a signal has stopped; the port is free."""
    with Router(configuration(upstream.url), arguments=("--workers", "2")) as router:
        all_there(router, 2)
        pids = list(running(router).values())
        for pid in (*pids, router.pid) if frozen else pids:
            os.kill(pid, signal.SIGSTOP)
        done = router.run("stop", "--port", str(router.port), "--force")
        assert (done.returncode, done.stdout) == (0, f"stopped the router on port {router.port}\n"), done.stderr
        router.wait()
        assert not any(alive(pid) for pid in pids)
        router.start()
        assert router.answers()


def test_the_pid_file_is_the_parents_alone(upstream: Upstream) -> None:
    """A worker that took another's place does not hold the lock on, when the parent is killed: its id is nobody's then."""
    with Router(configuration(upstream.url), arguments=("--workers", "2")) as router:
        all_there(router, 2)
        later = replaced(router, 2)
        os.kill(later, signal.SIGSTOP)
        router.signal(signal.SIGKILL)
        router.wait()
        os.kill(later, signal.SIGSTOP)  # the end of its parent lets it go on
        try:
            done = router.run("stop", "--port", str(router.port))
            assert (done.returncode, done.stdout) == (0, f"no router runs on port {router.port}\n")
        finally:
            os.kill(later, signal.SIGCONT)
        eventually(lambda: not alive(later), "a worker outlived its parent")


def test_a_reload_gives_open_requests_longer(upstream: Upstream) -> None:
    """The parent waits as long as the configuration of its workers says now, not as long as it said at the start."""
    config = configuration(upstream.url, server={"drainSeconds": 0})
    hasty = "import engine.process.workers; engine.process.workers.BEYOND_DRAIN_S = 0.01"
    with (
        Router(config, arguments=("--workers", "2"), prelude=hasty) as router,
        ThreadPoolExecutor(1) as asking,
    ):
        all_there(router, 2)
        router.config.write_text(json.dumps({**config, "server": {"drainSeconds": 30}}))
        assert router.run("reload", "--port", str(router.port)).returncode == 0
        go_on = threading.Event()
        upstream.then(lambda request: after(Until(go_on), SAID(request)))
        already = len(upstream.chats)
        reply = asking.submit(post, router.url, body())
        eventually(lambda: len(upstream.chats) > already, "the request did not arrive")
        router.signal(signal.SIGTERM)
        eventually(lambda: "stopping" in router.logs(), "nobody stops")
        go_on.set()
        assert reply.result().status == 200
        assert router.wait() == 0
