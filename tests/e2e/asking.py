"""How end-to-end tests ask: request bodies, and raw requests whose every byte they see."""

from __future__ import annotations

import asyncio
import http.client
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.fakes.loopback import LoopbackServer
from tests.fakes.stream_reader import check_grammar, content_of, events_in

if TYPE_CHECKING:
    from anthropic.types import MessageParam, ToolParam

WEATHER: ToolParam = {
    "name": "get_weather",
    "description": "The weather of a city.",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
HI: list[MessageParam] = [{"role": "user", "content": "hi"}]


def body(**more: Any) -> dict[str, Any]:
    """A small Messages request."""
    return {"model": "claude-opus-5-5", "max_tokens": 256, "messages": HI, **more}


@dataclass(frozen=True, slots=True)
class Got:
    """A whole reply; header names are lower-case."""

    status: int
    headers: dict[str, str]
    data: bytes

    @property
    def json(self) -> Any:
        """The body as a value."""
        return json.loads(self.data)

    @property
    def events(self) -> list[dict[str, Any]]:
        """The body as stream events."""
        return list(events_in(self.data))


def post(url: str, value: Any, path: str = "/v1/messages", **headers: str) -> Got:
    """Posts a value (bytes go as they are) and reads the whole reply. Raises on a reply that is cut."""
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return send(
        url, "POST", path, data, **{"content-type": "application/json", "x-api-key": "dummy-client-key", **headers}
    )


def send(url: str, method: str, path: str, data: bytes | None = None, /, **headers: str) -> Got:
    """One request on a connection of its own."""
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=20)
    try:
        connection.request(
            method, path, body=data, headers={name.replace("_", "-"): value for name, value in headers.items()}
        )
        answer = connection.getresponse()
        return Got(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())
    finally:
        connection.close()


def assert_tried_again(url: str, fake: LoopbackServer, *, stream: bool) -> None:
    """Asks a fake that fails once and then says `ok`: the client sees nothing of the fault."""
    got = post(url, body(stream=stream))
    assert got.status == 200
    assert len(fake.received) == 2
    if stream:
        check_grammar(got.events)
        assert content_of(got.events) == [{"type": "text", "text": "ok"}]
    else:
        assert got.json["content"][0]["text"] == "ok"


def message_request(value: Any) -> bytes:
    """A Messages request as the wire carries it, for tests that ask by the thousand."""
    data = json.dumps(value).encode()
    return b"POST /v1/messages HTTP/1.1\r\nhost: localhost\r\ncontent-length: %d\r\n\r\n" % len(data) + data


async def read_reply(reader: asyncio.StreamReader) -> Got:
    """The next reply on a connection; header names and values are lower-case. Raises `OSError`, `EOFError` or `ValueError` where it is cut."""
    start, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines if line)
    if "content-length" in headers:
        data = await reader.readexactly(int(headers["content-length"]))
    else:
        data = await _chunks(reader)
    return Got(int(start.split(" ", 2)[1]), headers, data)


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    pieces = []
    while size := int(await reader.readuntil(b"\r\n"), 16):
        pieces.append((await reader.readexactly(size + 2))[:-2])
    await reader.readexactly(2)
    return b"".join(pieces)
