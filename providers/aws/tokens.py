"""Token files on disk, kept fresh: the edge around `token_rules`.

A file, or the database of a command-line program (`providers/aws/token_database.py`), is read again when it changes,
refreshed five minutes before its token expires by one refresh at a time (in this process by a lock, between processes
by an advisory lock file), and rewritten atomically with mode 0600. What a refresh gives that cannot be written is kept
in memory.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from pathlib import Path
from typing import Protocol

from msgspec import Struct
from msgspec.structs import replace

from providers.aws.profiles import default_region, default_token_path
from providers.aws.token_rules import (
    RETRY_REFRESH_S,
    Members,
    RefreshRequest,
    Standing,
    refreshed,
    refused_for_good,
    standing,
)
from providers.aws.token_stores import FileStore, TokenStore, read_file
from providers.errors import KINDS, ProviderError
from providers.secret import Secret
from providers.spec import Timeouts
from providers.upstream import Transport, TransportFailed, UpstreamRequest

if sys.platform != "win32":  # there, workers of one machine refresh without knowing of each other
    import fcntl

MAX_ANSWER_BYTES = 256 * 1024
REFRESH_TIMEOUTS = Timeouts(connect_s=10.0, first_byte_s=20.0, idle_s=20.0, total_s=30.0)
RETRY_DEAD_S = 5.0
"""How long a failed refresh is not tried again when no token is left."""

LOCK_WAIT_S = 35.0
LOCK_POLL_S = 0.1


class AwsToken(Struct, frozen=True):
    """What a request is sent with: the bearer token, headers that go with it, and the profile the file names."""

    token: Secret
    profile_arn: str | None
    headers: tuple[tuple[str, str], ...] = ()


class TokenUnusable(Exception):  # noqa: N818 - carries the ProviderError
    """The file gives no token that could be sent; the message names the file and what to do."""

    def __init__(self, error: ProviderError) -> None:
        super().__init__(error.message)
        self.error = error


class Refresher(Protocol):
    """Sends a refresh request: status and body of the answer. Raises `TransportFailed`."""

    async def __call__(self, request: RefreshRequest) -> tuple[int, bytes]: ...


class TokenFiles:
    """The token files of this process, one object each, so that instances that share a file share its refreshes."""

    def __init__(
        self,
        refresher: Refresher,
        now: Callable[[], float],
        *,
        region: str | None = None,
        default_path: str | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._refresher, self._now, self._region, self._sleep = refresher, now, region, sleep
        self._default_path = default_path
        self._files: dict[str, TokenFile] = {}

    def at(self, path: str | None) -> TokenFile | None:
        """The token file at `path`, `~` being the home directory; without a path that of the environment, if there is any."""
        path = path or self._default_path
        if path is None:
            return None
        full = os.path.realpath(Path(os.path.expanduser(path)))
        if full not in self._files:
            self._files[full] = TokenFile(full, self._refresher, self._now, region=self._region, sleep=self._sleep)
        return self._files[full]


class TokenFile:
    """One token file. Use it in one event loop."""

    def __init__(
        self,
        path: str,
        refresher: Refresher,
        now: Callable[[], float],
        *,
        region: str | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._path = Path(path)
        self._store = _store_at(self._path)
        self._refresher, self._now, self._region, self._sleep = refresher, now, region, sleep
        self._lock, self._disk = asyncio.Lock(), asyncio.Lock()
        self._stamp: tuple[int, ...] | None = None
        self._members: Members | None = None
        self._unwritten, self._reads = False, 0
        self._refused: str | None = None
        self._failed_at_s: float | None = None
        self._refreshed_at_s: float | None = None
        self._begun: set[asyncio.Task[AwsToken]] = set()

    async def token(self) -> AwsToken:
        """A token to send now, refreshed if need be. Raises `TokenUnusable`."""
        found = await self.standing()
        if found.state == "valid":
            return _sendable(found)
        if found.state == "refresh":
            return await self._to_its_end(self._token_of_turn())
        raise self._unusable(found.why)

    async def _token_of_turn(self) -> AwsToken:
        async with self._lock:
            return await self._refreshed_token()

    async def _to_its_end(self, work: Coroutine[None, None, AwsToken]) -> AwsToken:
        """Whoever waits may go away: a refresh that has begun is completed, or the refresh token that it gave would be lost.

        No group can own it, since it outlives the request that began it: the file does.
        """
        task = asyncio.get_running_loop().create_task(work)
        self._begun.add(task)
        task.add_done_callback(self._begun.discard)
        return await asyncio.shield(task)

    async def after_refusal(self, refused: Secret) -> AwsToken:
        """A newer token than the one an upstream has just refused. Raises `TokenUnusable` where there is none to be had.

        One that was refreshed less than a minute ago is given as it is: of many requests that were refused together
        only the first refreshes, and a brand-new token that is refused is not cured by the next.
        """
        return await self._to_its_end(self._newer_than(refused))

    async def _newer_than(self, refused: Secret) -> AwsToken:
        async with self._lock:
            found = await self.standing()
            if found.token is not None and (found.token != refused or self._is_new()):
                return _sendable(found)
            if found.kind in ("static", None):
                raise self._unusable("the upstream refused its token and it has no refresh token; log in again")
            self._expire()
            return await self._refreshed_token()

    async def standing(self) -> Standing:
        """What the file is worth now; refreshes nothing."""
        await self._load()
        return self._judged()

    def _is_new(self) -> bool:
        return self._refreshed_at_s is not None and self._now() - self._refreshed_at_s < RETRY_REFRESH_S

    async def _refreshed_token(self) -> AwsToken:
        """With the lock held: what another task or program got meanwhile, else a refresh, else the old token while it lives."""
        found = await self.standing()
        if found.state != "refresh" or found.request is None:
            return self._as_it_is(found)
        if self._refused == found.request.refresh_token.fingerprint():
            return self._as_it_is(found, "its refresh token was refused; log in again")
        pause_s = RETRY_DEAD_S if found.token is None else RETRY_REFRESH_S
        if self._failed_at_s is not None and self._now() - self._failed_at_s < pause_s:
            return self._later("it was tried a moment ago", counts=False)
        async with _only_process(self._path, self._sleep):
            found = await self.standing()
            if found.state != "refresh" or found.request is None:
                return self._as_it_is(found)
            return await self._refresh(found.request, again=True)

    async def _refresh(self, request: RefreshRequest, *, again: bool) -> AwsToken:
        before = self._members or {}
        try:
            status, answer = await self._refresher(request)
        except TransportFailed as failed:
            return self._later(f"the refresh service cannot be reached: {failed}")
        await self._load()
        if status == 200:
            members = refreshed(self._members or before, answer, self._now())
            if members is None:
                return self._later("the refresh service answered without a token")
            self._failed_at_s, self._refused, self._refreshed_at_s = None, None, self._now()
            await self._keep(members)
            return self._as_it_is(self._judged())
        if not refused_for_good(status, answer):
            return self._later(f"the refresh service answered {status}")
        found = self._judged()
        changed = found.request is None or found.request.refresh_token != request.refresh_token
        if changed and found.state == "valid":
            return _sendable(found)
        if changed and again and found.request is not None:
            return await self._refresh(found.request, again=False)
        self._refused = request.refresh_token.fingerprint()
        return self._as_it_is(found, "its refresh token was refused; log in again")

    def _later(self, why: str, *, counts: bool = True) -> AwsToken:
        """The refresh may work later: the old token serves while it lives."""
        if counts:
            self._failed_at_s = self._now()
        found = self._judged()
        if found.token is not None:
            return _sendable(found)
        raise TokenUnusable(
            ProviderError(KINDS["unavailable"], f"the token file `{self._path}` could not be refreshed: {why}")
        )

    def _as_it_is(self, found: Standing, why: str = "") -> AwsToken:
        if found.token is not None:
            return _sendable(found)
        raise self._unusable(why or found.why)

    def _unusable(self, why: str) -> TokenUnusable:
        return TokenUnusable(ProviderError(KINDS["credential"], f"the token file `{self._path}` is of no use: {why}"))

    def _judged(self) -> Standing:
        """What that is worth which was read last."""
        if self._members is None and self._stamp is None:
            return Standing("unusable", None, why="it is missing or unreadable; log in, or correct `tokenPath`")
        found = standing(self._members, self._now(), self._store.registration, region=self._region)
        if (
            found.request is not None
            and found.token is not None
            and self._refused == found.request.refresh_token.fingerprint()
        ):
            return replace(found, state="valid")
        return found

    async def _load(self) -> None:
        """Reads the file if it is another than last time, beside the loop: a database may be locked for a while."""
        if self._is_other():
            reads = self._reads
            async with self._disk:
                if self._reads == reads and self._is_other():  # else somebody else read it while this one waited
                    self._took(*await asyncio.to_thread(self._store.read))

    def _is_other(self) -> bool:
        """Whether the file is another than the one that was read. What could not be written counts until then."""
        stamp = self._store.stamp()
        return stamp != self._stamp if stamp is not None else not self._unwritten

    def _took(self, members: Members | None, stamp: tuple[int, ...] | None) -> None:
        self._members, self._stamp, self._unwritten = members, stamp, False
        self._reads += 1

    def _expire(self) -> None:
        """An upstream refused the token whatever its expiry says."""
        if self._members is not None:
            self._members = {key: value for key, value in self._members.items() if key != "accessToken"}

    async def _keep(self, members: dict[str, object]) -> None:
        """Puts what a refresh gave into use, and on disk beside the loop. Until it is there, what is in memory counts."""
        async with self._disk:
            self._members, self._unwritten = members, True
            try:
                await asyncio.to_thread(self._store.write, members)
                self._unwritten = False
            except OSError:
                pass
            self._stamp = self._store.stamp()


def token_files_of(environment: Mapping[str, str], transport: Transport, now: Callable[[], float]) -> TokenFiles:
    """The token files of a process: `AWS_REGION` is the fallback for refreshing, `AWS_PROFILE` names the file where none is configured."""
    config = Path(os.path.expanduser(environment.get("AWS_CONFIG_FILE") or "~/.aws/config"))
    raw, _ = read_file(config)
    return TokenFiles(
        refresher_over(transport),
        now,
        region=default_region(environment),
        default_path=default_token_path(
            environment, (raw or b"").decode("utf-8", "replace"), lambda path: Path(os.path.expanduser(path)).exists()
        ),
    )


def refresher_over(transport: Transport) -> Refresher:
    """A `Refresher` that sends over a transport."""

    async def refresh(request: RefreshRequest) -> tuple[int, bytes]:
        body = request.body.reveal().encode()
        headers = (("content-type", request.content_type), ("accept", "application/json"))
        response = await transport.send(UpstreamRequest("POST", request.url, headers, body), REFRESH_TIMEOUTS)
        try:
            answer = bytearray()
            async for chunk in response.chunks():
                answer += chunk[: MAX_ANSWER_BYTES - len(answer)]
        finally:
            await response.aclose()
        return response.head.status, bytes(answer)

    return refresh


def _store_at(path: Path) -> TokenStore:
    """The store that a path means: by its name a database, else a file."""
    if path.suffix not in (".sqlite3", ".sqlite", ".db"):
        return FileStore(path)
    from providers.aws.token_database import DatabaseStore  # few need it, and it takes a while to load

    return DatabaseStore(path)


def _sendable(found: Standing) -> AwsToken:
    assert found.token is not None
    return AwsToken(found.token, found.profile_arn, found.headers)


@contextlib.asynccontextmanager
async def _only_process(path: Path, sleep: Callable[[float], Awaitable[None]]) -> AsyncIterator[None]:
    """Keeps other processes of ours from refreshing the same file; after `LOCK_WAIT_S`, or where no lock can be made, it goes on alone."""
    if sys.platform == "win32":
        yield
        return
    try:
        descriptor = os.open(path.with_name(f".{path.name}.ccr-lock"), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except OSError:
        yield
        return
    try:
        for _ in range(round(LOCK_WAIT_S / LOCK_POLL_S)):
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError:
                await sleep(LOCK_POLL_S)
        yield
    finally:
        os.close(descriptor)
