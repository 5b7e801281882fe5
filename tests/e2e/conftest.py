"""One router and one scripted upstream for all end-to-end tests, and the official SDK as the client."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import anthropic
import pytest

from tests.fakes.router import Router, configuration
from tests.fakes.upstream import Upstream

CLIENT_KEY = "dummy-client-key"


@pytest.fixture(scope="session")
def shared_upstream() -> Iterator[Upstream]:
    with Upstream() as upstream:
        yield upstream


@pytest.fixture(scope="session")
def router(shared_upstream: Upstream) -> Iterator[Router]:
    """A router whose one instance is `upstream`."""
    with Router(configuration(shared_upstream.url)) as router:
        yield router


@pytest.fixture
def upstream(shared_upstream: Upstream) -> Iterator[Upstream]:
    """The upstream of `router`, with an empty record."""
    shared_upstream.forget()
    yield shared_upstream
    shared_upstream.forget()


@pytest.fixture
def fresh(service: Any) -> Iterator[None]:
    """An empty record of the fake `service` of a module, and no rule of it broken by what a test sent."""
    service.received.clear()
    service.script.forget()
    yield
    assert service.broken_rules == []


@pytest.fixture
def client(router: Router) -> Iterator[anthropic.Anthropic]:
    """The official client, which never retries."""
    with anthropic.Anthropic(base_url=router.url, api_key=CLIENT_KEY, max_retries=0, timeout=20) as client:
        yield client
