"""The explanation that the server gives: the same object as `ccr explain`, with this router's own state."""

from __future__ import annotations

from engine.asgi import Refused
from engine.front import Visit
from engine.replies import refusal
from engine.router import Router


def explanation_of(router: Router, visit: Visit) -> bytes:
    """JSON."""
    raise Refused(refusal(501, "not yet"))
