"""Server-held message threads, which a router cannot hold: how to see one and what to answer.

Source: recorded from the vendor's Python SDK 2.12 (beta message-threads-2026-08-12): its tool runner sends
`"thread": {"type": "create"}`, then only the newest message with `{"type": "continue", "previous_message_id": ...}`. On
the answer below it goes on with the full history by itself; ignoring the key would lose the conversation.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from schemas.request import MessagesRequest

THREAD_REFUSAL_STATUS = 400


def asks_for_thread(request: MessagesRequest) -> bool:
    """Whether the history is, or is to be, held by the server: a `thread` member that is not null."""
    thread = request.fields.get("thread")
    return thread is not None and bytes(thread) != b"null"


def thread_refusal(request_id: str | None = None) -> Mapping[str, object]:
    """The error body that makes the client send its full history instead; `request_id` goes in where there is one."""
    body: dict[str, object] = {
        "type": "error",
        "error": {
            "type": "invalid_request_error",
            "message": "thread: server-held threads are not supported here, send the whole history in `messages`",
            "details": {"error_code": "thread_unsupported_request", "unsupported": ["thread"]},
        },
    }
    if request_id is not None:
        body["request_id"] = request_id
    return body


def thread_refusal_body(request_id: str | None = None) -> bytes:
    """`thread_refusal` as JSON."""
    return msgspec.json.encode(thread_refusal(request_id))
