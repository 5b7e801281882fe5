"""The event that keeps a silent stream alive."""

from __future__ import annotations

# INVARIANT: allowed anywhere from `message_start` to the last event (`grammar.NEXT`), between two whole events.
PING = b'event: ping\ndata: {"type":"ping"}\n\n'
