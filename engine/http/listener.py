"""The end of a listening socket: nobody who got through to it may be lost. An edge."""

from __future__ import annotations

import contextlib
import socket
import struct
import sys


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
