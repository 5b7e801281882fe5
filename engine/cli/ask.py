"""Asks a running router over loopback, with the standard library alone so that commands start fast. An edge."""

from __future__ import annotations

import http.client
import json
from dataclasses import dataclass

LOOPBACK = "127.0.0.1"
NAME = "claude-code-router"


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer. `body` is {} where it was not a JSON object."""

    status: int
    body: dict[str, object]


def ask(host: str, port: int, path: str, timeout_s: float = 5.0) -> Answer | None:
    """`GET path`; None when nobody answers with HTTP there. Never through a proxy, never a redirect."""
    connection = http.client.HTTPConnection(host, port, timeout=timeout_s)
    try:
        connection.request("GET", path, headers={"accept": "application/json"})
        reply = connection.getresponse()
        data = reply.read(4_000_000)
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
    try:
        body = json.loads(data)
    except ValueError:
        body = {}
    return Answer(reply.status, body if isinstance(body, dict) else {})


def router_answers(host: str, port: int, timeout_s: float = 2.0) -> bool:
    """Whether what serves the port is a ccr."""
    answer = ask(host, port, "/status", timeout_s)
    server = answer.body.get("server") if answer else None
    return isinstance(server, dict) and server.get("name") == NAME
