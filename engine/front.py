"""The outermost frame of a posted request: limits, the client's going away, and the last resort when we fail."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import msgspec
from litestar.types import HTTPScope, Receive, Send

from engine.asgi import Disconnected, Refused, Responder, headers_of, read_body
from engine.gateway import Gateway
from engine.replies import Refusal, refusal
from engine.router import Router
from providers.errors import error_object
from providers.upstream import HOP_HEADER


@dataclass(slots=True)
class Visit:
    """One posted request on its way. `gateway` is the snapshot it is served by, whatever is reloaded meanwhile."""

    gateway: Gateway
    request_id: str
    responder: Responder
    started_at: float
    client_ip: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    query: str = ""
    body: bytes = b""
    gone: bool = False


Answer = Callable[[Router, Visit], Awaitable[None]]


async def front(router: Router, scope: HTTPScope, receive: Receive, send: Send, answer: Answer) -> None:
    """Reads the request, lets `answer` reply, and replies itself to whatever goes wrong.

    `answer` raises `Refused` to reply with an error, as long as nothing was sent. When the client goes away `answer` is cancelled.
    """
    gateway = router.gateway
    request_id = "req_" + router.new_id()
    visit = Visit(gateway, request_id, Responder(send, request_id, gateway.revision), router.clock())
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
        counters.by_status[visit.responder.status] += 1


async def _frame(
    router: Router, scope: HTTPScope, receive: Receive, visit: Visit, answer: Answer, group: asyncio.TaskGroup
) -> None:
    watcher: asyncio.Task[None] | None = None
    try:
        await _read(router, scope, receive, visit)
        watcher = group.create_task(_watch(receive, visit))
        await answer(router, visit)
    except Refused as refused:
        await visit.responder.refuse(refused.reply, visit.request_id, refused.headers)
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
        if watcher is not None:
            watcher.cancel()


async def _read(router: Router, scope: HTTPScope, receive: Receive, visit: Visit) -> None:
    client = scope["client"]
    visit.client_ip = client[0] if client else None
    visit.headers = headers_of(scope)
    visit.query = scope["query_string"].decode("latin-1")
    if scope["method"] != "POST":
        reply = refusal(405, f"`{scope['method']}` is not allowed on `{scope['path']}`")
        raise Refused(reply, (("allow", "POST"),))
    visit.body = await read_body(receive, visit.headers)
    if router.hop in [hop.strip() for hop in visit.headers.get(HOP_HEADER, "").split(",")]:
        message = f"this request came from this router itself: an endpoint of the configuration points back at {router.address}"
        raise Refused(refusal(508, message))


async def _watch(receive: Receive, visit: Visit) -> None:
    """Ends in `Disconnected` when the client goes away before its answer is complete."""
    while (await receive())["type"] != "http.disconnect":
        pass
    if not visit.responder.finished:
        visit.gone = True
        raise Disconnected


async def _break_off(visit: Visit, reply: Refusal) -> None:
    """Ends an answer that cannot be completed: an error reply, or an error event in a stream that has begun."""
    responder = visit.responder
    if responder.finished:
        return
    if not responder.started:
        await responder.refuse(reply, visit.request_id)
        return
    event = msgspec.json.encode(error_object(reply.error_type, reply.message))
    await responder.write(b"event: error\ndata: " + event + b"\n\n", responder.last_write, more=False)
