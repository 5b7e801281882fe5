"""`GET /v1/ccr/events`: what the page and `ccr top` watch, as server-sent events. An edge.

    gateway     {revision, version, address, worker, currency, tree}   first, and again when the configuration is another
    exchanges   {rows}                                       the kept ones first, then each as it ends
    state       {...status, branches, serverTime}            every two seconds
    note        {message}                                    why the stream ends

With several workers the rows of all are sent; each has its worker's number. A router key that may not use everything is
told of its own exchanges only, and who may no longer watch is told no more.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import msgspec
from litestar.types import HTTPScope, Receive, Send

from engine.access.keys import Allowance, RouterKey
from engine.endpoints import status
from engine.http.asgi import JSON_TYPE, Disconnected, headers_of
from engine.http.front import let_in, note_refusal
from engine.live.route_tree import tree_of
from engine.live.rows import MOST_WATCHERS, Recent, Row, Watcher, added_branches
from engine.replies import Refused, refusal
from engine.router import Router
from engine.version import VERSION

STATE_EVERY_S = 2.0
GATHER_S = 0.15
"""How long rows gather before they are sent together."""

SEND_WITHIN_S = 15.0
"""Who takes nothing for that long is not served any more."""

MOST_ROWS_AT_ONCE = 200


async def watch(router: Router, scope: HTTPScope, receive: Receive, send: Send) -> None:
    """Answers one watcher until it goes, falls behind, or the router ends."""
    request_id = "req_" + router.new_id()
    base = [(b"request-id", request_id.encode()), (b"x-ccr-revision", router.gateway.revision.encode())]
    wake = asyncio.Event()
    try:
        watcher = await _admitted(router, scope, wake)
    except Refused as refused:
        peer = scope["client"][0] if scope["client"] else None
        note_refusal(router, request_id, peer, refused.reply)
        own = [(name.encode(), value.encode()) for name, value in refused.headers]
        head = [*base, *own, (b"content-type", JSON_TYPE.encode()), (b"cache-control", b"no-store")]
        await send({"type": "http.response.start", "status": refused.reply.status, "headers": head})
        await send({"type": "http.response.body", "body": refused.reply.body(request_id), "more_body": False})
        return
    try:
        head = [*base, *_STREAM_HEADERS]
        await send({"type": "http.response.start", "status": 200, "headers": head})
        async with asyncio.TaskGroup() as group:
            gone = group.create_task(_until_gone(receive))
            await _serve(_events(router, watcher, wake, scope), send)
            gone.cancel()
    except* (Disconnected, TimeoutError):
        pass
    finally:
        router.live.leave(watcher)


_STREAM_HEADERS = [
    (b"content-type", b"text/event-stream"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
    (b"x-content-type-options", b"nosniff"),
    (b"cross-origin-resource-policy", b"same-origin"),
]


async def _admitted(router: Router, scope: HTTPScope, wake: asyncio.Event) -> Watcher:
    """A place to watch from. Raises `Refused` where there is none for this one."""
    headers = headers_of(scope)
    if scope["method"] != "GET":
        raise Refused(refusal(405, f"`{scope['method']}` is not allowed on `{scope['path']}`"), (("allow", "GET"),))
    await _key_of(router, scope)
    if headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
        # A page of another site cannot read this, but it could take all the places.
        raise Refused(refusal(403, "requests from pages of other sites are refused"))
    watcher = None if router.draining else router.live.watch(wake.set)
    if watcher is None:
        raise Refused(refusal(503, f"{MOST_WATCHERS} watch already, or the router ends"), (("retry-after", "5"),))
    return watcher


async def _key_of(router: Router, scope: HTTPScope) -> RouterKey | None:
    """The router key of this watcher, as keys are now. Raises `Refused`."""
    return await let_in(router, scope, scope["client"][0] if scope["client"] else None, needs_key=True)


def _may_see(key: RouterKey | None, row: Row) -> bool:
    return key is None or key.allow == Allowance() or row.key == key.name


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    raise Disconnected


async def _serve(events: AsyncIterator[bytes], send: Send) -> None:
    async for event in events:
        async with asyncio.timeout(SEND_WITHIN_S):
            await send({"type": "http.response.body", "body": event, "more_body": True})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _events(router: Router, watcher: Watcher, wake: asyncio.Event, scope: HTTPScope) -> AsyncIterator[bytes]:
    loop = asyncio.get_running_loop()
    siblings = _Others(router)
    revision, next_state, rows = "", 0.0, router.live.after(0)
    key: RouterKey | None = None
    watcher.take()
    while True:
        now = loop.time()
        if now >= next_state or router.gateway.revision != revision:
            try:
                key = await _key_of(router, scope)
            except Refused as refused:
                yield event_of("note", {"message": refused.reply.message})
                return
        if router.gateway.revision != revision:
            revision = router.gateway.revision
            yield event_of("gateway", _gateway(router))
        if now >= next_state:
            next_state = now + STATE_EVERY_S
            rows = sorted([*rows, *await siblings.rows()], key=_at)
            state = {**await status(router), "serverTime": router.wall(), "branches": siblings.branches()}
            yield event_of("state", state)
        rows = [row for row in rows if _may_see(key, row)]
        for start in range(0, len(rows), MOST_ROWS_AT_ONCE):
            yield event_of("exchanges", {"rows": rows[start : start + MOST_ROWS_AT_ONCE]})
        if watcher.late:
            yield event_of("note", {"message": "more exchanges ended than were read here; connect again"})
            return
        if router.live.closed:
            yield event_of("note", {"message": "the router ends"})
            return
        await _woken(wake, max(0.0, next_state - loop.time()))
        await asyncio.sleep(GATHER_S)
        wake.clear()
        rows = watcher.take()


async def _woken(wake: asyncio.Event, timeout_s: float) -> None:
    try:
        async with asyncio.timeout(timeout_s):
            await wake.wait()
    except TimeoutError:
        return


def _at(row: Row) -> float:
    return row.at


def _gateway(router: Router) -> dict[str, object]:
    built = router.gateway.built
    return {
        "revision": built.revision,
        "version": VERSION,
        "address": router.address,
        "worker": router.live.worker,
        "currency": built.prices.currency if built.prices else None,
        "tree": tree_of(built.rules, built.providers),
    }


class _Others:
    """What the other workers tell: their rows, each once, and their counts."""

    def __init__(self, router: Router) -> None:
        self._router = router
        self._known: dict[str, int] = {}
        self._parts: list[Recent] = []

    async def rows(self) -> list[Row]:
        """The rows that are new."""
        router = self._router
        if router.siblings is None:
            return []
        self._parts = await router.siblings.recent(self._known)
        for part in self._parts:
            if part.rows:
                self._known[str(part.worker)] = part.rows[-1].seq
        return [row for part in self._parts for row in part.rows]

    def branches(self) -> list[object]:
        """The counts of all workers."""
        return list(added_branches([self._router.live.branches(), *(part.branches for part in self._parts)]))


def event_of(name: str, value: object) -> bytes:
    """One server-sent event."""
    return b"event: " + name.encode() + b"\ndata: " + msgspec.json.encode(value) + b"\n\n"
