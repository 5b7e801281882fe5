"""Shared state over Redis or Valkey: news goes out over a channel, and what lasts is kept under keys. An edge.

No request ever waits for it: `tell` puts news in a queue, one task sends, another listens. When the server is gone the
router goes on alone with what it knows, says so, and tries again; what it learned meanwhile is told when it is back, and
what rests is told again, since a server that was restarted may have forgotten it. Times are told by the server's clock,
so that those of the machines may differ.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

from engine.log.journal import Journal
from engine.process.state_wire import CHANNEL, KEYS, kept_of, message_of, news_bytes, read_message, read_news
from engine.router import Router, random_id
from engine.timestamp import timestamp_of
from providers.secret import Secret
from providers.shared_state import Loaded, News, Spent

if TYPE_CHECKING:
    from redis.asyncio import Redis
    from redis.asyncio.client import PubSub

HEARTBEAT_S = 1.0
SILENT_S = 4.0
"""A router that was not heard of for so long has nothing in flight any more."""

ANSWER_WITHIN_S = 2.0
AGAIN_S = 0.5
AGAIN_LONGEST_S = 10.0
MOST_QUEUED = 20_000
AT_ONCE = 500
GATHER_S = 0.005

T = TypeVar("T")


class RedisState:
    """This router's part in the shared state at `url`. `tell` is its face to the pools; `run` does the work."""

    def __init__(self, url: Secret, journal: Journal, clock: Callable[[], float], wall: Callable[[], float]) -> None:
        self._url = url
        self._journal = journal
        self._clock = clock
        self._wall = wall
        self._me = random_id()
        self._queue: deque[News] = deque(maxlen=MOST_QUEUED)
        self._waiting = asyncio.Event()
        self._heard_at: dict[str, float] = {}
        self._since: float = wall()
        self._connected = False
        self._problem: str | None = None
        self._unkept: str | None = None
        self._ahead_s = 0.0

    def tell(self, news: News) -> None:
        """Puts it in the queue."""
        self._queue.append(news)
        self._waiting.set()

    @property
    def together(self) -> bool:
        """Whether the others are heard."""
        return self._connected

    def standing(self) -> dict[str, object]:
        """For `/status`: whether it is there, since when, and who else is."""
        return {
            "kind": "redis",
            "server": shown(self._url),
            "connected": self._connected,
            "since": timestamp_of(self._since),
            "others": len(self._heard_at),
            "lastError": self._problem or self._unkept,
        }

    async def run(self, router: Router) -> None:
        """Keeps the connection and passes news both ways, until cancelled."""
        from redis.exceptions import RedisError

        pause_s = AGAIN_S
        while True:
            began = self._clock()
            try:
                async with asyncio.TaskGroup() as group:  # a task of its own each time: `heeding` needs a fresh one
                    group.create_task(self._take_part(router))
            except* (RedisError, OSError, TimeoutError) as problems:
                self._gone(router, problems)
            if router.draining:  # the failure of a connection may hide that this task was cancelled
                return
            pause_s = AGAIN_S if self._clock() - began > AGAIN_LONGEST_S else min(AGAIN_LONGEST_S, pause_s * 2)
            await asyncio.sleep(pause_s * random.uniform(0.5, 1.0))

    async def _take_part(self, router: Router) -> None:
        client = self._client()
        try:
            async with client.pubsub() as channel:
                self._ahead_s = ahead_of(await heeding(client.time()), self._clock())
                await heeding(channel.subscribe(CHANNEL))
                await heeding(self._catch_up(client, router))
                self._queue.extend(router.gateway.registry.rests(self._clock()))
                self._found()
                async with asyncio.TaskGroup() as group:
                    group.create_task(self._listen(channel, router))
                    group.create_task(self._send(client, router))
        finally:
            await client.aclose()

    def _client(self) -> Redis:
        from redis.asyncio import Redis
        from redis.asyncio.retry import Retry
        from redis.backoff import NoBackoff

        url = self._url.reveal().replace("valkey", "redis", 1) if self._url.reveal().startswith("valkey") else None
        return Redis.from_url(
            url or self._url.reveal(),
            socket_connect_timeout=ANSWER_WITHIN_S,
            socket_timeout=ANSWER_WITHIN_S,
            retry=Retry(NoBackoff(), 0),
        )

    async def _catch_up(self, client: Redis, router: Router) -> None:
        """What was told before we came."""
        keys = [key async for key in client.scan_iter(match=f"{KEYS}*", count=AT_ONCE)]
        for start in range(0, len(keys), AT_ONCE):
            for value in await client.mget(keys[start : start + AT_ONCE]):
                news = read_news(value, self._ahead_s) if isinstance(value, bytes) else None
                if news is not None:
                    router.gateway.registry.hear("", news, self._clock())

    async def _listen(self, channel: PubSub, router: Router) -> None:
        while True:
            message = await heeding(channel.get_message(ignore_subscribe_messages=True, timeout=HEARTBEAT_S))
            now = self._clock()
            if message is not None:
                teller, heard = read_message(message["data"], self._ahead_s)
                if teller not in ("", self._me):
                    self._heard_at[teller] = now
                    for news in heard:
                        router.gateway.registry.hear(teller, news, now)
            for teller, at in list(self._heard_at.items()):
                if now - at > SILENT_S:
                    self._forget(teller, router)

    async def _send(self, client: Redis, router: Router) -> None:
        """All that waits, together; without news a sign of life with what is in flight."""
        while True:
            try:
                async with asyncio.timeout(HEARTBEAT_S):
                    await self._waiting.wait()
                await asyncio.sleep(GATHER_S)
            except TimeoutError:
                self._queue.extend(router.gateway.registry.loads())
            spent = router.gateway.registry.retries.news()
            if spent:
                self._queue.append(Spent(spent))
            self._waiting.clear()
            news = list(self._queue)
            unkept = await heeding(self._pass_on(client, without_repeats(news)))
            for _ in news:
                self._queue.popleft()
            if unkept is not None:
                self._note_keeping(unkept, router)

    async def _pass_on(self, client: Redis, news: list[News]) -> list[Exception] | None:
        """Why some of it is told but not kept; None where nothing was to be kept.

        INVARIANT: news leaves the queue only after this; what is not told is told again.
        """
        pipeline = client.pipeline(transaction=False)
        pipeline.time()
        kept = 0
        for one in news:
            match kept_of(one, self._clock()):
                case (key, "set", milliseconds):
                    pipeline.set(key, news_bytes(one, self._ahead_s), px=milliseconds)
                case (key, "delete", _):
                    pipeline.delete(key)
                case None:
                    continue
            kept += 1
        for start in range(0, max(1, len(news)), AT_ONCE):
            pipeline.publish(CHANNEL, message_of(self._me, news[start : start + AT_ONCE], self._ahead_s))
        time, *answers = await pipeline.execute(raise_on_error=False)
        for one in (time, *answers[kept:]):
            if isinstance(one, Exception):
                raise one
        self._ahead_s = ahead_of(time, self._clock())
        return [one for one in answers[:kept] if isinstance(one, Exception)] if kept else None

    def _note_keeping(self, problems: list[Exception], router: Router) -> None:
        """A server that is full or only for reading passes news on, and keeps none for who comes later."""
        problem = type(problems[0]).__name__ if problems else None
        if problem is not None and self._unkept is None:
            self._journal.write(
                "warn",
                "the shared state keeps nothing, routers that come later start without it",
                stage="state",
                server=shown(self._url),
                problem=problem,
            )
        elif problem is None and self._unkept is not None:
            self._queue.extend(router.gateway.registry.rests(self._clock()))
            self._journal.write("info", "the shared state keeps what is told again", stage="state")
        self._unkept = problem

    def _found(self) -> None:
        self._connected, self._since, self._problem = True, self._wall(), None
        self._journal.write("info", "shared state found", stage="state", server=shown(self._url))

    def _gone(self, router: Router, group: BaseExceptionGroup[Exception]) -> None:
        first: BaseException = group
        while isinstance(first, BaseExceptionGroup):
            first = first.exceptions[0]
        problem = type(first).__name__  # the text may hold the URL with its password
        if self._connected or self._problem is None:
            self._since = self._wall()
            self._journal.write(
                "warn",
                "the shared state is gone, this router goes on alone",
                stage="state",
                server=shown(self._url),
                problem=problem,
            )
        self._connected, self._problem = False, problem
        for teller in list(self._heard_at):
            self._forget(teller, router)

    def _forget(self, teller: str, router: Router) -> None:
        del self._heard_at[teller]
        router.gateway.registry.forget(teller)


async def heeding(call: Awaitable[T]) -> T:
    """What the call gives. Raises `CancelledError` also where the call swallowed it.

    The client library calls `asyncio.wait_for`, which before Python 3.12 forgets a cancellation that comes in the very
    moment its call is done; a loop around it would then go on for ever, and the router with it.
    """
    found = await call
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
    return found


def ahead_of(time: tuple[int, int], now: float) -> float:
    """How far the server's clock, as `TIME` gives it in seconds and microseconds, is ahead of `now`."""
    return time[0] + time[1] / 1e6 - now


def without_repeats(news: list[News]) -> list[News]:
    """The news with only the last word on each load."""
    last = {one.instance: number for number, one in enumerate(news) if isinstance(one, Loaded)}
    return [one for number, one in enumerate(news) if not isinstance(one, Loaded) or last[one.instance] == number]


def shown(url: Secret) -> str:
    """The server's address without user and password."""
    parts = urlsplit(url.reveal())
    host = f"[{parts.hostname}]" if parts.hostname and ":" in parts.hostname else parts.hostname or ""
    try:
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        port = ""
    return f"{parts.scheme}://{host}{port}{parts.path}"
