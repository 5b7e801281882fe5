"""The events of a running router, read in a thread of their own. An edge."""

from __future__ import annotations

import http.client
import json
import queue
import threading
from collections.abc import Iterator
from contextlib import closing
from typing import Any, TypeAlias

from msgspec import Struct

from engine.cli.ask import connection_to, no_answer, own_headers

PATH = "/v1/ccr/events"
SILENT_S = 12.0
"""A state comes every two seconds."""

RETRY_S = 1.0
MOST_BYTES = 16_777_216


class Event(Struct, frozen=True):
    """One event of the router; `begin` is ours: a connection stands."""

    name: str
    value: dict[str, Any]


class Lost(Struct, frozen=True):
    """There is no connection. `final`: trying again is of no use."""

    why: str
    final: bool = False


Heard: TypeAlias = Event | Lost


def events(host: str, port: int) -> Iterator[Heard]:
    """The events of one connection, then why it ended; the router key in CCR_KEY goes along."""
    try:
        with closing(connection_to(host, port, SILENT_S)) as connection:
            connection.request("GET", PATH, headers=own_headers() | {"accept": "text/event-stream"})
            reply = connection.getresponse()
            if reply.status != 200:
                hint = "; put it into CCR_KEY" if reply.status == 401 else ""
                yield Lost(_words(reply) + hint, final=reply.status not in (429, 503))
                return
            yield Event("begin", {})
            yield from _parsed(reply)
    except (OSError, http.client.HTTPException):
        yield Lost(no_answer(host, port))


class Follower:
    """Reads events until the process ends, connecting again where a connection is lost; they wait in `heard`."""

    def __init__(self, host: str, port: int) -> None:
        self.heard: queue.SimpleQueue[Heard] = queue.SimpleQueue()
        self._pause = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(host, port), daemon=True)

    def start(self) -> None:
        """Reads from now on."""
        self._thread.start()

    def _run(self, host: str, port: int) -> None:
        while True:
            for heard in events(host, port):
                self.heard.put(heard)
                if isinstance(heard, Lost) and heard.final:
                    return
            self._pause.wait(RETRY_S)


def _parsed(reply: http.client.HTTPResponse) -> Iterator[Heard]:
    rest = b""
    while data := reply.read1(65_536):
        *whole, rest = (rest + data).split(b"\n\n")
        for one in whole:
            first, _, second = one.partition(b"\n")
            try:
                value = json.loads(second.removeprefix(b"data: "))
            except ValueError:
                yield Lost("what answers there is no ccr, or one of another version", final=True)
                return
            yield Event(first.removeprefix(b"event: ").decode("ascii", "replace"), value)
        if len(rest) > MOST_BYTES:
            break
    yield Lost("the connection ended")


def _words(reply: http.client.HTTPResponse) -> str:
    try:
        return str(json.loads(reply.read(65_536))["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return f"what answers there says {reply.status}; is it a ccr?"
