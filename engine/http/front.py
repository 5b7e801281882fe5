"""The outermost frame of a posted request: limits, the client's going away, and the last resort when we fail."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

from litestar.types import HTTPScope, Receive, Send
from msgspec import Struct, field

from engine.access.keys import KEY_HEADER, RouterKey, presented_key, without_key
from engine.gateway import Gateway
from engine.http.asgi import Disconnected, Responder, headers_of, read_body
from engine.http.channel import channel_of
from engine.replies import Api, Refusal, Refused, refusal
from engine.router import Router
from providers.upstream import HOP_HEADER


class Visit(Struct):
    """One posted request on its way. `gateway` is the snapshot it is served by, whatever is reloaded meanwhile.

    `body_bytes` is how much of its body has come so far.
    """

    gateway: Gateway
    request_id: str
    responder: Responder
    started_at: float
    client_ip: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    query: str = ""
    body: bytes = b""
    body_bytes: int = 0
    gone: bool = False
    key: RouterKey | None = None

    @property
    def client_key(self) -> str | None:
        """The name of the router key that was presented."""
        return self.key.name if self.key is not None else None


Answer = Callable[[Router, Visit], Awaitable[None]]

WATCH_AFTER_S = 0.05
"""Only an answer that takes longer is worth a task that watches for the client's going away."""


FULL_RETRY_S = 2


async def front(
    router: Router, scope: HTTPScope, receive: Receive, send: Send, answer: Answer, api: Api = "messages"
) -> None:
    """Reads the request, lets `answer` reply, and replies itself to whatever goes wrong.

    `answer` raises `Refused` to reply with an error, as long as nothing was sent. When the client goes away `answer` is
    cancelled.
    """
    gateway = router.gateway
    request_id = "req_" + router.new_id()
    visit = Visit(
        gateway, request_id, Responder(send, request_id, gateway.revision, api, channel_of(scope)), router.clock()
    )
    counters = router.counters
    counters.exchanges += 1
    counters.open_exchanges += 1
    router.open_on[id(gateway)] += 1
    try:
        async with asyncio.TaskGroup() as group:
            await _frame(router, scope, receive, visit, answer, group)
    except* Disconnected:
        counters.client_gone += 1
    finally:
        counters.open_exchanges -= 1
        router.open_on[id(gateway)] -= 1
        router.body_bytes -= visit.body_bytes
        counters.by_status[visit.responder.status] += 1


def loop_of(router: Router, hops: str | None) -> Refusal | None:
    """The refusal of a request that names this router among the `hops` it came through; None for all others."""
    if hops is None or router.hop not in [hop.strip() for hop in hops.split(",")]:
        return None
    message = (
        f"this request came from this router itself: an endpoint of the configuration points back at {router.address}"
    )
    return refusal(508, message)


async def _frame(
    router: Router, scope: HTTPScope, receive: Receive, visit: Visit, answer: Answer, group: asyncio.TaskGroup
) -> None:
    watch = _Watch(receive, visit, group)
    try:
        await _read(router, scope, receive, visit)
        watch.begin_soon()
        await answer(router, visit)
    except Refused as refused:
        note_refusal(router, visit.request_id, visit.client_ip, refused.reply)
        await visit.responder.refuse(refused.reply, visit.request_id, refused.headers)
    except RecursionError:  # what one library reads, another may not
        await _break_off(visit, refusal(400, "the request body is nested too deeply"))
    except asyncio.CancelledError:
        if visit.gone:
            raise
        await _break_off(visit, refusal(503, "the router is shutting down"))  # the server ends, and waits for this
    except Exception as problem:  # the exchange's outermost frame: whatever it is, the client gets a proper reply
        if isinstance(problem, Disconnected):
            raise
        router.journal.bug(problem, visit.request_id)
        await _break_off(visit, refusal(500, "the router failed; its log has the details under this request id"))
    finally:
        watch.end()


async def _read(router: Router, scope: HTTPScope, receive: Receive, visit: Visit) -> None:
    client = scope["client"]
    visit.client_ip = client[0] if client else None
    visit.headers = headers_of(scope)
    visit.query = scope["query_string"].decode("latin-1")
    if scope["method"] != "POST":
        reply = refusal(405, f"`{scope['method']}` is not allowed on `{scope['path']}`")
        raise Refused(reply, (("allow", "POST"),))
    came_back = loop_of(router, visit.headers.get(HOP_HEADER))
    if came_back is not None:
        raise Refused(came_back)
    if router.halted is not None:
        raise Refused(refusal(503, router.halted))
    await _let_in(router, visit)
    visit.body = await read_body(receive, visit.headers, take=partial(_take, router, visit))


def _take(router: Router, visit: Visit, size: int) -> None:
    """Counts bytes of a body that have come. Raises `Refused` where all open requests together have too many."""
    visit.body_bytes += size
    router.body_bytes += size
    if router.body_bytes > visit.gateway.settings.server.connections.max_body_bytes:
        raise Refused(refusal(529, _FULL), (("retry-after", str(FULL_RETRY_S)),))


_FULL = "the requests that are open hold as much memory as they may (`server.connections.maxBodyMegabytes`); try again"


async def _let_in(router: Router, visit: Visit) -> None:
    """Raises `Refused` for who may not ask. From here on the request has no router key in it."""
    door = visit.gateway.door
    door.check_site(visit.headers, router.on_loopback, posted=True)
    visit.client_ip = door.check_address(visit.client_ip, visit.headers)
    presented = None
    if door.keys:
        visit.key = await door.key_of(visit.headers, router.wall())
        presented = presented_key(visit.headers)
    if presented is not None or KEY_HEADER in visit.headers:
        visit.headers = without_key(visit.headers, presented)


async def let_in(router: Router, scope: HTTPScope, peer: str | None, *, needs_key: bool) -> RouterKey | None:
    """The same for a request that is not posted; gives the key that was presented, where one is needed."""
    door, headers = router.gateway.door, headers_of(scope)
    door.check_site(headers, router.on_loopback, posted=False)
    door.check_address(peer, headers)
    return await door.key_of(headers, router.wall()) if needs_key and door.keys else None


async def is_known(router: Router, scope: HTTPScope) -> bool:
    """Whether whoever asks has a valid key, or needs none."""
    try:
        if router.gateway.door.keys:
            await router.gateway.door.key_of(headers_of(scope), router.wall())
    except Refused:
        return False
    return True


def note_refusal(router: Router, request_id: str, client_ip: str | None, reply: Refusal) -> None:
    """Logs who was not let in, and why."""
    if reply.at_door:
        router.counters.not_let_in[reply.status] += 1
        router.journal.write(
            "info", "not let in", request_id, "door", status=reply.status, clientIp=client_ip, error=reply.message
        )
        router.audit("not let in", requestId=request_id, address=client_ip, status=reply.status, why=reply.message)


class _Watch:
    """Cancels the exchange when its client goes away. `group` owns the task; `end` is called whatever happens."""

    __slots__ = ("_group", "_receive", "_task", "_timer", "_visit")

    def __init__(self, receive: Receive, visit: Visit, group: asyncio.TaskGroup) -> None:
        self._receive = receive
        self._visit = visit
        self._group = group
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None

    def begin_soon(self) -> None:
        """Watches in a moment, if the answer is not complete by then."""
        self._timer = asyncio.get_running_loop().call_later(WATCH_AFTER_S, self._begin)

    def end(self) -> None:
        """Watches no more."""
        if self._timer is not None:
            self._timer.cancel()
        if self._task is not None:
            self._task.cancel()

    def _begin(self) -> None:
        self._task = self._group.create_task(self._watch())

    async def _watch(self) -> None:
        """Ends in `Disconnected` when the client goes away before its answer is complete."""
        while (await self._receive())["type"] != "http.disconnect":
            pass
        if not self._visit.responder.finished:
            self._visit.gone = True
            raise Disconnected


async def _break_off(visit: Visit, reply: Refusal) -> None:
    """Ends an answer that cannot be completed: an error reply, or an error event in a stream that has begun."""
    responder = visit.responder
    if responder.finished:
        return
    if not responder.started:
        await responder.refuse(reply, visit.request_id)
        return
    await responder.write(reply.closing_event(responder.api), responder.last_write, more=False)
