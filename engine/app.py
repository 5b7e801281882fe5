"""The Litestar application: which path is served by what, and framework errors in the form of the client's API. An edge.

`/v1/messages` is the hot route: an ASGI handler without dependency injection, which `entry_of` calls ahead of all routing.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Annotated, Any

import msgspec
from litestar import Litestar, Request, Response, asgi, get, head
from litestar.datastructures import State
from litestar.exceptions import HTTPException, NotFoundException
from litestar.handlers import ASGIRouteHandler, HTTPRouteHandler
from litestar.params import FromPath, FromQuery, QueryParameter
from litestar.types import HTTPScope, Receive, Send
from msgspec import Struct

from engine.access.keys import RouterKey
from engine.answers import answer_chat, answer_count, answer_explain, answer_messages
from engine.endpoints import health, metrics, model, models, status
from engine.http.asgi import JSON_TYPE, MAX_BODY_BYTES, HttpApp
from engine.http.front import front, is_known, let_in, loop_of, note_refusal
from engine.live.page import is_of_page, page_routes
from engine.live.watching import watch
from engine.replies import Api, Refused, refusal
from engine.router import Router
from providers.upstream import HOP_HEADER
from schemas.packaged import openapi_text

HOT_PATH = "/v1/messages"

AnyRequest = Request[None, None, State]
Reply = Response[bytes]


def entry_of(router: Router) -> HttpApp:
    """What is served: the application, but for exactly `/v1/messages`, which nearly all requests are for.

    Litestar's layers would cost a tenth of a small request, and are four frames that every event of a stream goes through.
    """
    app = app_of(router)

    def serve(scope: HTTPScope, receive: Receive, send: Send) -> Awaitable[None]:
        if scope["path"] == HOT_PATH:
            return front(router, scope, receive, send, answer_messages)
        return app(scope, receive, send)

    return serve


def app_of(router: Router) -> Litestar:
    """The application around `router`."""
    around = _Around(router)
    return Litestar(
        before_request=around.at_door,
        route_handlers=[*_posted(router), *_asked(router), *page_routes()],
        after_request=around.finish,
        exception_handlers={HTTPException: around.on_http_error, Exception: around.on_our_bug},
        request_max_body_size=MAX_BODY_BYTES,
        openapi_config=None,
        logging_config=None,
        pdb_on_exception=False,
    )


def _posted(router: Router) -> list[ASGIRouteHandler]:
    """The paths that answer as bytes come: they speak ASGI themselves."""

    @asgi(HOT_PATH, copy_scope=False)
    async def serve_messages(scope: HTTPScope, receive: Receive, send: Send) -> None:
        await front(router, scope, receive, send, answer_messages)

    @asgi("/v1/chat/completions", copy_scope=False)
    async def serve_chat(scope: HTTPScope, receive: Receive, send: Send) -> None:
        await front(router, scope, receive, send, answer_chat, "chat")

    @asgi("/v1/messages/count_tokens", copy_scope=False)
    async def serve_count_tokens(scope: HTTPScope, receive: Receive, send: Send) -> None:
        await front(router, scope, receive, send, answer_count)

    @asgi("/v1/ccr/explain", copy_scope=False)
    async def serve_explain(scope: HTTPScope, receive: Receive, send: Send) -> None:
        await front(router, scope, receive, send, answer_explain)

    @asgi("/v1/ccr/events", copy_scope=False)
    async def serve_events(scope: HTTPScope, receive: Receive, send: Send) -> None:
        await watch(router, scope, receive, send)

    return [serve_messages, serve_chat, serve_count_tokens, serve_explain, serve_events]


def _asked(router: Router) -> list[HTTPRouteHandler]:
    """The paths that are asked, and answer in one piece."""
    description = openapi_text().encode()

    @get("/v1/models", sync_to_thread=False)
    def serve_models(
        request: AnyRequest,
        limit: Annotated[int, QueryParameter(ge=1, le=1000)] = 1000,
        after_id: FromQuery[str | None] = None,
        before_id: FromQuery[str | None] = None,
    ) -> Reply:
        return _json(200, models(router, _key_of(request), limit, after_id, before_id))

    @get("/v1/models/{name:path}", sync_to_thread=False)
    def serve_model(request: AnyRequest, name: FromPath[str]) -> Reply:
        found = model(router, _key_of(request), name.removeprefix("/"))
        if found is None:
            raise HTTPException(status_code=404, detail=f"model `{name.removeprefix('/')}` is not offered")
        return _json(200, found)

    @get("/health")
    async def serve_health(request: AnyRequest) -> Reply:
        code, body = health(router)
        known = await is_known(router, request.scope)
        return _json(code, body if known else {"ok": code == 200})

    @get("/health/live", sync_to_thread=False)
    def serve_live() -> Reply:
        return _json(200, {"live": True})

    @head("/health", sync_to_thread=False)
    def probe_health() -> Response[None]:
        return Response(None, status_code=health(router)[0], media_type="text/plain")

    @get("/status")
    async def serve_status() -> Reply:
        return _json(200, await status(router))

    @get("/metrics")
    async def serve_metrics() -> Reply:
        from engine.telemetry.metrics import CONTENT_TYPE

        text = await metrics(router)
        if text is None:
            raise HTTPException(status_code=503, detail="a worker does not answer, so the sums are not known")
        return Response(text, media_type=CONTENT_TYPE)

    @get("/openapi.json", sync_to_thread=False)
    def serve_openapi() -> Reply:
        return Response(description, status_code=200, media_type=JSON_TYPE)

    @head(["/", "/api/hello", "/health/live"], sync_to_thread=False)
    def serve_probe() -> Response[None]:
        return Response(None, status_code=200, media_type="text/plain")

    return [
        serve_models,
        serve_model,
        serve_health,
        serve_live,
        probe_health,
        serve_status,
        serve_metrics,
        serve_openapi,
        serve_probe,
    ]


class _Around(Struct, frozen=True):
    """What Litestar asks of us around every path but those that speak ASGI."""

    router: Router

    def finish(self, response: Response[Any]) -> Response[Any]:
        """What every answer carries."""
        response.headers["request-id"] = "req_" + self.router.new_id()
        response.headers["x-ccr-revision"] = self.router.gateway.revision
        return response

    def on_http_error(self, request: AnyRequest, problem: HTTPException) -> Reply:
        """An error of the framework, as the client's API words it."""
        reply = loop_of(self.router, request.headers.get(HOP_HEADER)) or refusal(
            problem.status_code, _message_of(problem, request.method, request.url.path)
        )
        request_id = "req_" + self.router.new_id()
        headers = {"request-id": request_id, "x-ccr-revision": self.router.gateway.revision}
        if problem.status_code == 405:
            headers["allow"] = ", ".join(_methods_of(request))
        return Response(
            reply.body(request_id, _api_of(request)), status_code=reply.status, media_type=JSON_TYPE, headers=headers
        )

    def on_our_bug(self, request: AnyRequest, problem: Exception) -> Reply:
        """What nobody foresaw: the log has it, the client a number to ask by."""
        request_id = "req_" + self.router.new_id()
        self.router.journal.bug(problem, request_id, path=request.url.path)
        reply = refusal(500, "the router failed; its log has the details under this request id")
        headers = {"request-id": request_id, "x-ccr-revision": self.router.gateway.revision}
        return Response(
            reply.body(request_id, _api_of(request)), status_code=500, media_type=JSON_TYPE, headers=headers
        )

    async def at_door(self, request: AnyRequest) -> Reply | None:
        """Whether the client is let in: None, or why not."""
        peer = request.client.host if request.client else None
        try:
            came_back = loop_of(self.router, request.headers.get(HOP_HEADER))
            if came_back is not None:
                raise Refused(came_back)
            if request.method == "HEAD" or request.url.path in _OPEN:
                return None
            key = await let_in(self.router, request.scope, peer, needs_key=not _is_keyless(request.url.path))
            request.state[_KEY] = key
        except Refused as refused:
            request_id = "req_" + self.router.new_id()
            note_refusal(self.router, request_id, peer, refused.reply)
            body = refused.reply.body(request_id, _api_of(request))
            return Response(body, status_code=refused.reply.status, media_type=JSON_TYPE)
        return None


_OPEN = ("/health/live",)
"""What anyone may ask, from everywhere: it says nothing."""


_KEY = "router_key"
"""Where a request keeps the router key that came with it."""


def _key_of(request: AnyRequest) -> RouterKey | None:
    found = request.state.get(_KEY)
    return found if isinstance(found, RouterKey) else None


def _is_keyless(path: str) -> bool:
    """Whether a path says nothing that needs a key: a bare `/health`, and the page without its data."""
    return path == "/health" or is_of_page(path)


def _methods_of(request: AnyRequest) -> list[str]:
    """The methods that the path takes."""
    path = request.url.path.rstrip("/") or "/"
    return sorted({str(method) for route in request.app.routes if route.path == path for method in route.methods})


def _message_of(problem: HTTPException, method: str, path: str) -> str:
    if problem.status_code == 405:
        return f"`{method}` is not allowed on `{path}`"
    if isinstance(problem, NotFoundException):
        return f"`{method} {path}` is not a path of this router{_instead_of(path)}"
    return problem.detail


_PATHS = ("/v1/messages/count_tokens", "/v1/messages", "/v1/chat/completions", "/v1/models")


def _instead_of(path: str) -> str:
    """The path that is meant where a client's base address has too little or too much in it."""
    meant = next((known for known in _PATHS if path.rstrip("/").endswith(known.removeprefix("/v1"))), None)
    return "" if meant is None else f", `{meant}` is"


def _api_of(request: AnyRequest) -> Api:
    """The API of a client whose request came to no handler of ours: by the path, else by who it says it is."""
    is_openai = request.headers.get("user-agent", "").lower().startswith(("openai/", "asyncopenai/"))
    return "chat" if request.url.path.startswith("/v1/chat") or is_openai else "messages"


def _json(code: int, body: object) -> Reply:
    return Response(msgspec.json.encode(body), status_code=code, media_type=JSON_TYPE)
