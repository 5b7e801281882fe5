"""Server-held message threads, which a router cannot hold: how to see one and what to answer.

Source: recorded from the vendor's Python SDK 2.12 (beta message-threads-2026-08-12): its tool runner sends
`"thread": {"type": "create"}`, then only the newest message with `{"type": "continue", "previous_message_id": ...}`. On
a 400 with the message and the details below it goes on with the full history by itself; ignoring the key would lose the
conversation.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from schemas.request import MessagesRequest

THREAD_REFUSAL = "thread: server-held threads are not supported here, send the whole history in `messages`"
"""The message of the 400 (`invalid_request_error`)."""

THREAD_REFUSAL_DETAILS: Mapping[str, object] = MappingProxyType(
    {"error_code": "thread_unsupported_request", "unsupported": ["thread"]}
)
"""The `details` of its error object: what the client recognises."""


def asks_for_thread(request: MessagesRequest) -> bool:
    """Whether the history is, or is to be, held by the server: a `thread` member that is not null."""
    thread = request.fields.get("thread")
    return thread is not None and bytes(thread) != b"null"
