"""Sends a request through a configuration in this process, to one target or by its rules, without a server. An edge."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Mapping
from typing import Any

from litestar.types import HTTPScope, Message
from msgspec import Struct, field
from msgspec.structs import replace

from engine.access.settings import Access
from engine.answers import answer_chat, answer_messages
from engine.built import Built
from engine.compose import gateway_of
from engine.http.front import front
from engine.http.pinger import Pinger
from engine.log.journal import Journal
from engine.process.outgoing import close_all, source_maker, token_transport, transport_maker
from engine.read_envelope import Api
from engine.router import Router, random_id
from engine.telemetry.counters import Counters
from rules.nodes import Category, Constant, Route, RuleSet, Target
from schemas.diagnostics import Span

ADDRESS = "http://127.0.0.1:0"


class Answered(Struct):
    """What a client would get; header names are lower-case."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


def answer_of(built: Built, api: Api, body: bytes, headers: Mapping[str, str], target: Target | None) -> Answered:
    """The answer to a request. `target`: there and nowhere else, whatever the rules say. Router keys are not asked for."""
    return asyncio.run(_answered(only_to(built, target) if target is not None else built, api, body, headers))


def only_to(built: Built, target: Target) -> Built:
    """The configuration with nothing but that target."""
    span = Span("", 1, 1, 1, 1)
    category = Category("default", Constant(True, span), Route(target), span)
    return replace(built, rules=RuleSet((), (category,), built.rules.offers, explicit_models=False))


async def _answered(built: Built, api: Api, body: bytes, headers: Mapping[str, str]) -> Answered:
    hop, for_tokens = random_id(), token_transport()
    open_settings = replace(built.settings, server=replace(built.settings.server, access=Access()))
    pinger = Pinger(time.monotonic)
    router = Router(
        gateway=gateway_of(
            replace(built, settings=open_settings), transport_maker(hop), make_source=source_maker(for_tokens)
        ),
        journal=Journal(None),
        counters=Counters(time.monotonic()),
        pinger=pinger,
        clock=time.monotonic,
        wall=time.time,
        address=ADDRESS,
        hop=hop,
        rng=random.Random(),
    )
    answered = Answered()
    pieces: list[bytes] = []
    asked: list[Any] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Any:
        if asked:
            return asked.pop()
        return await asyncio.Event().wait()

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            answered.status = message["status"]
            answered.headers = {name.decode().lower(): value.decode("latin-1") for name, value in message["headers"]}
        elif message["type"] == "http.response.body":
            pieces.append(message["body"])

    scope: Any = _scope(f"/v1/{api}", headers, len(body))
    try:
        if api == "chat/completions":
            await front(router, scope, receive, send, answer_chat, "chat")
        else:
            await front(router, scope, receive, send, answer_messages)
    finally:
        await close_all(router.gateway, for_tokens)
    task = asyncio.current_task()
    if task is not None and task.cancelling():  # the front made an answer of an interrupt
        raise asyncio.CancelledError
    answered.body = b"".join(pieces)
    return answered


def _scope(path: str, headers: Mapping[str, str], length: int) -> HTTPScope:
    names = {**headers, "host": "127.0.0.1", "content-type": "application/json", "content-length": str(length)}
    scope: Any = {
        "type": "http",
        "method": "POST",
        "path": path,
        "query_string": b"",
        "headers": [(name.encode("latin-1"), value.encode("latin-1")) for name, value in names.items()],
        "client": ("127.0.0.1", 0),
    }
    found: HTTPScope = scope
    return found
