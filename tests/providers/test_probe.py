"""Active probes: what is sent, what counts, and what the pool hears."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator

import pytest
from msgspec.structs import replace

from providers.dialects.seams import Head
from providers.errors import KINDS, ProviderError
from providers.pool import Pool
from providers.probe import watch
from providers.spec import HealthCheck, LoadBalancing, Timeouts
from providers.upstream import Tap, TransportFailed, UpstreamRequest
from tests.providers.specs import spec_of


class Over(Exception):
    """The script is at its end."""


class FakeAnswer:
    waited_s = 0.0
    is_whole = False

    def __init__(self, status: int) -> None:
        self.head = Head(status, {})
        self.closed = False

    def chunks(self) -> AsyncIterator[bytes]:
        raise AssertionError("a probe reads no body")

    def tap(self, tap: Tap) -> None:
        raise AssertionError("nobody is in a hurry")

    async def aclose(self, *, ended: bool = False) -> None:
        self.closed = True


class FakeTransport:
    """Answers with the next status; None is a refused connection."""

    def __init__(self, statuses: list[int | None]) -> None:
        self.statuses = statuses
        self.sent: list[UpstreamRequest] = []
        self.answers: list[FakeAnswer] = []

    async def send(self, request: UpstreamRequest, timeouts: Timeouts) -> FakeAnswer:
        if not self.statuses:
            raise Over
        self.sent.append(request)
        status = self.statuses.pop(0)
        if status is None:
            raise TransportFailed(ProviderError(KINDS["connect"], "refused"))
        self.answers.append(FakeAnswer(status))
        return self.answers[-1]

    async def aclose(self) -> None: ...


async def healths(statuses: list[int | None], check: HealthCheck) -> tuple[list[str], FakeTransport]:
    """The pool's health before each wait, for probes that end so."""
    spec = replace(spec_of("a"), load_balancing=LoadBalancing(health_check=check))
    pool, transport = Pool(spec), FakeTransport(list(statuses))
    now = [0.0]
    seen: list[str] = []

    async def sleep(seconds: float) -> None:
        now[0] += seconds
        seen.append(pool.health(now[0] - seconds))

    with pytest.raises(Over):
        await watch(pool, transport, clock=lambda: now[0], sleep=sleep, rng=random.Random(1))
    return seen[1:], transport


@pytest.mark.parametrize(
    ("statuses", "seen"),
    [
        ([200, 404, 405], ["up", "up", "up"]),
        ([None, None, 200], ["up", "up", "up"]),
        ([None, None, None, 200], ["up", "up", "down", "up"]),
        ([500, 503, 502], ["up", "up", "down"]),
    ],
)
async def test_three_failures_rest_it_and_an_answer_wakes_it(statuses: list[int | None], seen: list[str]) -> None:
    """Any answer below 500 proves life; failures count only in a row."""
    assert (await healths(statuses, HealthCheck(interval_s=1.0)))[0] == seen


async def test_probe_is_never_a_paid_request() -> None:
    """Without a path it is HEAD of the origin, with one GET of that path; neither has a body or credentials."""
    _, plain = await healths([200], HealthCheck())
    _, with_path = await healths([200], HealthCheck(path="/healthz"))

    assert plain.sent == [UpstreamRequest("HEAD", "http://a.test/", (), b"")]
    assert with_path.sent == [UpstreamRequest("GET", "http://a.test/healthz", (), b"")]
    assert all(answer.closed for answer in plain.answers + with_path.answers)


async def test_configured_path_wants_success() -> None:
    """A configured path that answers 404 is a failure; 401 is none, since a probe sends no credentials."""
    seen, _ = await healths([404, 401, 404, 404], HealthCheck(interval_s=1.0, path="/healthz", unhealthy_after=2))

    assert seen == ["up", "up", "up", "down"]


async def test_no_check_no_probe() -> None:
    """Where none is configured the loop is over before it begins."""
    transport = FakeTransport([200])

    async def sleep(_: float) -> None:
        raise AssertionError("it must not wait")

    await watch(Pool(spec_of("a")), transport, clock=lambda: 0.0, sleep=sleep, rng=random.Random(1))
    assert transport.sent == []
