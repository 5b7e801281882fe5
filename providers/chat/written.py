"""What is lost of a chat request, by the names that its client wrote."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace

from providers.dialects.seams import Lost
from schemas.request import MessagesRequest

NAMES: Mapping[str, str] = {
    "metadata.user_id": "user",
    "stop_sequences": "stop",
    "output_config.format": "response_format",
    "output_config.effort": "reasoning_effort",
    "thinking": "reasoning_effort",
    "messages.content.tool_use.id": "messages.tool_call_id",
    "tool_choice.disable_parallel_tool_use": "parallel_tool_calls",
    "tools.input_schema": "tools.function.parameters",
    "system": "messages",
}
"""Member of the Messages request that was made -> what stood for it; what lies below a member follows it."""


def as_written(request: MessagesRequest, lost: tuple[Lost, ...]) -> tuple[Lost, ...]:
    """The same losses under the names of the API that the request came by."""
    if request.origin == "messages":
        return lost
    return tuple(replace(one, field=_named(one.field)) for one in lost)


def _named(field: str) -> str:
    for made, wrote in NAMES.items():
        if field == made or field.startswith(made + "."):
            return wrote + field[len(made) :]
    return field
