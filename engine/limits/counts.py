"""Where limits are counted: in this process, and in the Redis or Valkey server that several routers share. An edge.

The windows are those of the library `limits`: fixed ones, each from its first use on.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import TypeVar

from limits.aio.storage import RedisStorage, Storage
from limits.aio.strategies import FixedWindowRateLimiter
from limits.errors import StorageError

from engine.log.journal import Journal
from providers.secret import Secret

MOST_WINDOWS = 50_000
"""How many windows a process counts at once; beyond, the one that began first is forgotten."""

ANSWER_WITHIN_S = 0.5
AGAIN_S = 5.0
KEYS = "ccr:limits"

T = TypeVar("T")


class LocalCounts(Storage):
    """Windows in memory. `now` (seconds since the epoch) is set by whoever counts."""

    STORAGE_SCHEME = ["async+ccr"]  # noqa: RUF012 - the library's way to name a storage

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self._windows: dict[str, tuple[int, float]] = {}

    @property
    def base_exceptions(self) -> type[Exception]:
        """None of ours: memory does not fail."""
        return StorageError

    async def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        """Adds to the window, a new one where none is running; gives its count.

        It never falls below nothing: what is given back may have been charged elsewhere.
        """
        count, until = self._running(key) or (0, self.now + expiry)
        if key not in self._windows and len(self._windows) >= MOST_WINDOWS:
            self._make_room()
        self._windows[key] = max(0, count + amount), until
        return count + amount

    async def get(self, key: str) -> int:
        """The window's count."""
        found = self._running(key)
        return found[0] if found is not None else 0

    async def get_expiry(self, key: str) -> float:
        """When the window ends."""
        found = self._running(key)
        return found[1] if found is not None else self.now

    async def check(self) -> bool:
        """Memory is always there."""
        return True

    async def reset(self) -> int | None:
        """Forgets everything."""
        count = len(self._windows)
        self._windows.clear()
        return count

    async def clear(self, key: str) -> None:
        """Forgets a window."""
        self._windows.pop(key, None)

    def _running(self, key: str) -> tuple[int, float] | None:
        found = self._windows.get(key)
        if found is None or found[1] > self.now:
            return found
        del self._windows[key]
        return None

    def _make_room(self) -> None:
        over = [key for key, (_, until) in self._windows.items() if until <= self.now]
        for key in over or [next(iter(self._windows))]:
            del self._windows[key]


class Counts:
    """What has been counted; it outlives configurations. `open` are the requests that are open, by whom.

    While the shared server is gone this process counts alone, from nothing, and says so.
    """

    def __init__(self, url: Secret | None) -> None:
        self.open: Counter[str] = Counter()
        self._here = LocalCounts()
        self._local = FixedWindowRateLimiter(self._here)
        self._storage = None if url is None else _redis(url)
        self._shared = None if self._storage is None else FixedWindowRateLimiter(self._storage)
        self._again_at = 0.0
        self._problem: str | None = None

    async def through(self, work: Callable[[FixedWindowRateLimiter], Awaitable[T]], now: float, journal: Journal) -> T:
        """What `work` gives where it counts now; done again in this process where the shared server fails it."""
        self._here.now = now
        if self._shared is not None and now >= self._again_at:
            try:
                async with asyncio.timeout(ANSWER_WITHIN_S):
                    result = await work(self._shared)
            except (StorageError, OSError, TimeoutError) as problem:
                self._gone(problem, now, journal)
            else:
                if self._problem is not None:
                    self._problem = None
                    journal.write("info", "limits are counted together again", stage="limits")
                return result
        return await work(self._local)

    def standing(self) -> dict[str, object]:
        """For `/status`: who else counts."""
        if self._shared is None:
            return {"counted": "by this process"}
        return {"counted": "together" if self._problem is None else "by this process", "lastError": self._problem}

    async def aclose(self) -> None:
        """Closes the connections to the shared server."""
        if self._storage is not None:
            await self._storage.bridge.get_connection().aclose()  # type: ignore[attr-defined]

    def _gone(self, problem: Exception, now: float, journal: Journal) -> None:
        self._again_at = now + AGAIN_S
        cause = problem.__cause__ if isinstance(problem, StorageError) else problem
        name = type(cause).__name__  # the text may hold the URL with its password
        if self._problem is None:
            journal.write(
                "warn",
                "the shared state is gone, this router counts limits alone",
                stage="limits",
                problem=name,
            )
        self._problem = name


def _redis(url: Secret) -> RedisStorage:
    """The storage; a connection that a restarted server has closed is opened again once."""
    from redis.asyncio.retry import Retry
    from redis.backoff import NoBackoff
    from redis.exceptions import ConnectionError as Broken

    scheme, _, rest = url.reveal().partition("://")
    known = "redis+unix" if scheme == "unix" else scheme.replace("valkey", "redis", 1)
    return RedisStorage(
        f"async+{known}://{rest}",
        wrap_exceptions=True,
        implementation="redispy",
        key_prefix=KEYS,
        socket_connect_timeout=ANSWER_WITHIN_S,
        socket_timeout=ANSWER_WITHIN_S,
        retry=Retry(NoBackoff(), 1),  # type: ignore[arg-type]  # the client takes more than the library's types say
        retry_on_error=[Broken],  # type: ignore[arg-type]
    )
