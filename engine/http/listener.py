"""A listening socket: where it listens, and its end, at which nobody who got through to it may be lost. An edge."""

from __future__ import annotations

import contextlib
import errno
import socket
import struct
import sys

from engine.http.server import BACKLOG


class PortTaken(OSError):  # noqa: N818 - says what is so
    """Something else listens there; blame: the user's machine."""


def listen(host: str, port: int) -> socket.socket:
    """A listening socket. Raises `PortTaken`, or OSError for an address this machine does not have."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as problem:
        listener.close()
        if problem.errno == errno.EADDRINUSE:
            raise PortTaken(problem.errno, f"port {port} on {host} is taken") from None
        raise
    listener.listen(BACKLOG)
    listener.setblocking(False)
    return listener


def address_of(listener: socket.socket, scheme: str) -> str:
    """The URL of what it listens on."""
    host, port = listener.getsockname()[:2]
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


def admit_no_more(listener: socket.socket) -> None:
    """The system no longer hears who wants to connect now; who has begun to is still let in. Linux only.

    When a listening socket is closed the system resets whoever has come since the last `accept`, though they may have
    sent a request. Who is not heard asks again after a second, when the port is closed and says so.
    """
    if sys.platform != "linux":
        return
    import ctypes  # only now: it takes a while to load

    code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *line) for line in _UNLESS_SYN))
    program = struct.pack("HL", len(_UNLESS_SYN), ctypes.addressof(code))
    with contextlib.suppress(OSError):  # a system that has no such filters closes the port without
        listener.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, program)


_SO_ATTACH_FILTER = 26
_UNLESS_SYN = (
    (0x30, 0, 0, 13),  # load the byte of the TCP header with the flags
    (0x45, 0, 1, 0x02),  # is SYN among them?
    (0x06, 0, 0, 0),  # then drop the packet
    (0x06, 0, 0, 0xFFFF_FFFF),  # else take the whole of it
)
"""A program for the kernel's packet filter. Source: the Linux kernel's documentation of socket filters, and RFC 9293."""
