"""Ids of tool calls as the upstream takes them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection

from providers.dialects.openai.options import Options

_LEAST_CHARS = 8
_MISTRAL = re.compile(r"[a-zA-Z0-9]{9}")


def sent_id(call_id: str, taken: Collection[str], options: Options) -> str:
    """The id to send: as it is, or hashed where its form is not taken or another call of the turn has it (`taken`)."""
    limit = max(options.tool_call_id_chars, _LEAST_CHARS)
    is_mistral = options.tool_call_id_form == "mistral"
    sent, salt = call_id, 0
    while not (_MISTRAL.fullmatch(sent) if is_mistral else 0 < len(sent) <= limit) or sent in taken:
        digest = hashlib.sha256(f"{call_id}\0{salt}".encode()).hexdigest()
        sent = digest[:9] if is_mistral else f"call_{digest}"[:limit]
        salt += 1
    return sent
