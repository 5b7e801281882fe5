"""The beginning of an answer, and the end of one that comes before its request is whole. An edge.

uvicorn writes to a transport, which this stands in for until its part is done.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

    from engine.http.guarded import GuardedProtocol


class Opening:
    """The transport of an answer until its body begins: its head waits for that, so that both are one write and one packet.

    uvicorn writes them one after the other, and uvloop sends each write at once. A head whose body does not follow in the
    same step of the loop goes out without it. Where the request is not whole by then, it stays to see to the end.
    """

    __slots__ = ("_begun", "_cycle", "_head", "_protocol", "_transport")

    def __init__(self, cycle: RequestResponseCycle, protocol: GuardedProtocol) -> None:
        self._cycle = cycle
        self._protocol = protocol
        self._transport = cycle.transport
        self._head: bytes | None = None
        self._begun = False

    def write(self, data: bytes) -> None:
        """The head, or bytes of the body."""
        if self._begun:
            self._transport.write(data)
        elif self._head is None:
            self._head = data
            self._protocol.loop.call_soon(self._release)
        else:
            self._transport.writelines((self._head, data))
            self._begin()

    def close(self) -> None:
        """Ends the connection behind what was written."""
        self._release()
        self._protocol.end()

    def is_closing(self) -> bool:
        """Whether nothing more can be written."""
        return self._transport.is_closing()

    def _release(self) -> None:
        """Writes the head, unless it is written."""
        if self._head is not None and not self._begun:
            self._transport.write(self._head)
            self._begin()

    def _begin(self) -> None:
        self._begun = True
        if self._protocol.whole:
            self._cycle.transport = self._transport
