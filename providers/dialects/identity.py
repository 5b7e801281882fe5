"""Who asks: the user id the client packs into `metadata`, and the session for the prompt cache."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import msgspec

from providers.dialects.losses import Losses
from schemas.request import MessagesRequest


def user_of(request: MessagesRequest, mode: str, field: str, losses: Losses) -> dict[str, Any]:
    """The member that names the user, called `field`, by the privacy setting `userId`: none (`drop`), a hash, or the id itself (`forward`)."""
    metadata = request.metadata or {}
    for key in metadata:
        if key != "user_id":
            losses.add(f"metadata.{key}", "this API has no such member")
    user = metadata.get("user_id")
    if not isinstance(user, str) or not user:
        return {}
    match mode:
        case "forward":
            return {field: user}
        case "hash":
            losses.add("metadata.user_id", "hashed, because `userId` is `hash`")
            return {field: hashlib.sha256(user.encode()).hexdigest()}
        case _:
            losses.add("metadata.user_id", "kept private, because `userId` is `drop`")
            return {}


def session_of(request: MessagesRequest, headers: Mapping[str, str]) -> str | None:
    """The client's session: its header, else what `metadata.user_id` holds in its newer (JSON) or older form."""
    if header := headers.get("x-claude-code-session-id"):
        return header
    user = (request.metadata or {}).get("user_id")
    if not isinstance(user, str):
        return None
    if user.startswith("{"):
        try:
            session = msgspec.json.decode(user, type=_PackedUser).session_id
        except (msgspec.DecodeError, RecursionError):
            return None
        return session or None
    _, found, session = user.partition("_session_")
    return session if found and session else None


class _PackedUser(msgspec.Struct):
    session_id: str = ""
