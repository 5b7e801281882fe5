"""The yardstick beside nginx: the least program of the same packages that could translate, without rules, pools, repairs or a log.

`python -m tests.bench.minimal PORT` stands before the upstream on PORT and prints its own port. It takes a Messages request of
plain texts, sends it as a chat completion and translates the answer. What the router costs over this is its own doing; what
both cost is the machine's and the packages'. uvicorn (uvloop, httptools), a Litestar `asgi` route, httpx over aiohttp, msgspec.
"""

from __future__ import annotations

import asyncio
import json
import socket
import sys
from collections.abc import AsyncIterator
from typing import Any, cast

import httpx
import msgspec
import uvicorn
from httpx_aiohttp import AiohttpTransport
from litestar import Litestar, asgi
from litestar.types import Receive, Scope, Send
from msgspec import Raw, Struct

from tests.fakes.upstream import UPSTREAM_KEY


class _Message(Struct):
    role: str
    content: Any


class _Tool(Struct):
    name: str
    input_schema: Raw
    description: str = ""


class _Asked(Struct):
    model: str
    max_tokens: int
    messages: list[_Message]
    system: Any = None
    tools: list[_Tool] | None = None
    stream: bool = False


class _Delta(Struct):
    content: str | None = None


class _Choice(Struct):
    delta: _Delta = msgspec.field(default_factory=_Delta)
    message: _Delta = msgspec.field(default_factory=_Delta)


class _Answer(Struct):
    choices: list[_Choice] = []


_ASKED, _ANSWER = msgspec.json.Decoder(_Asked), msgspec.json.Decoder(_Answer)


def _body_of(asked: _Asked) -> bytes:
    messages = [{"role": one.role, "content": one.content} for one in asked.messages]
    if asked.system is not None:
        messages.insert(0, {"role": "system", "content": asked.system})
    body: dict[str, Any] = {
        "model": asked.model,
        "max_tokens": asked.max_tokens,
        "messages": messages,
        "stream": asked.stream,
    }
    if asked.tools:
        body["tools"] = [
            {
                "type": "function",
                "function": {"name": one.name, "description": one.description, "parameters": one.input_schema},
            }
            for one in asked.tools
        ]
    return msgspec.json.encode(body)


def _whole(answer: _Answer) -> bytes:
    text = answer.choices[0].message.content
    usage = {"input_tokens": 1, "output_tokens": 1}
    return msgspec.json.encode({"type": "message", "content": [{"type": "text", "text": text}], "usage": usage})


def _event(name: str, **fields: Any) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (name.encode(), msgspec.json.encode({"type": name, **fields}))


async def _events(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield _event("message_start", message={"content": []})
    rest = b""
    async for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n\n")
        for line in lines:
            if not line.startswith(b"data: {"):
                continue
            answer = _ANSWER.decode(line[6:])
            if answer.choices and (text := answer.choices[0].delta.content):
                yield _event("content_block_delta", index=0, delta={"type": "text_delta", "text": text})
    yield _event("message_stop")


def _app_of(target: int, transport: AiohttpTransport) -> Litestar:
    url = httpx.URL(f"http://127.0.0.1:{target}/v1/chat/completions")
    headers = {"authorization": f"Bearer {UPSTREAM_KEY}", "content-type": "application/json"}

    @asgi("/v1/messages", copy_scope=False)
    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        body, more = b"", True
        while more:
            event = cast("dict[str, Any]", await receive())
            body, more = body + event.get("body", b""), event.get("more_body", False)
        asked = _ASKED.decode(body)
        response = await transport.handle_async_request(
            httpx.Request("POST", url, headers=headers, content=_body_of(asked))
        )
        chunks = cast("AsyncIterator[bytes]", response.stream)
        kind = b"text/event-stream" if asked.stream else b"application/json"
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", kind)]})
        if asked.stream:
            async for event_bytes in _events(chunks):
                await send({"type": "http.response.body", "body": event_bytes, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        else:
            answer = b"".join([chunk async for chunk in chunks])
            await send({"type": "http.response.body", "body": _whole(_ANSWER.decode(answer)), "more_body": False})
        await response.aclose()

    return Litestar(route_handlers=[serve], openapi_config=None, logging_config=None)


async def main(target: int) -> None:
    """Serves until it is killed."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=2048)
    async with AiohttpTransport() as transport:
        config = uvicorn.Config(_app_of(target, transport), log_config=None, access_log=False, lifespan="off")
        print(json.dumps({"port": listener.getsockname()[1]}), flush=True)
        await uvicorn.Server(config).serve(sockets=[listener])


if __name__ == "__main__":
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main(int(sys.argv[1])))
