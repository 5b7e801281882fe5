"""The form of the answer that a client asks for, as a member of Messages requests or of a chat client's."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import msgspec

from providers.dialects.losses import Losses
from providers.dialects.tool_schemas.strict import is_strict
from schemas.request import MessagesRequest

ANY_JSON: Mapping[str, Any] = MappingProxyType({})
"""What stands for the schema where the answer shall be JSON of whatever shape; known by identity."""


def wanted_format(request: MessagesRequest, losses: Losses) -> tuple[str, Mapping[str, Any] | None] | None:
    """The member that asks for a form of the answer, as the client wrote it, and its schema; None where none is asked for.

    The schema is None where the form is not known, and the value `ANY_JSON` where a chat client wants JSON of any shape.
    Other members of `output_config` than this and the effort are listed as lost.
    """
    config = request.output_config or {}
    for key in config:
        if key not in ("effort", "format"):
            losses.add(f"output_config.{key}", "this API has no such member")
    wanted, field = config.get("format"), "output_config.format"
    if wanted is None and "output_format" in request.fields:
        wanted, field = _decoded(request.fields["output_format"]), "output_format"
    if wanted is None:
        return ("response_format", ANY_JSON) if "response_format" in request.chat_only else None
    schema = wanted.get("schema") if isinstance(wanted, dict) and wanted.get("type") == "json_schema" else None
    return field, schema if isinstance(schema, dict) else None


def openai_format(request: MessagesRequest, promised: str, losses: Losses) -> dict[str, Any]:
    """The same as OpenAI's APIs write it, flat (`type`, and of a schema its name), empty where none is asked for.

    `promised` is what the upstream does by the setting `structuredOutput`; what it does not promise is listed as lost.
    """
    wanted = wanted_format(request, losses)
    if wanted is None:
        return {}
    field, schema = wanted
    if promised == "drop" or schema is None:
        losses.add(field, "this upstream cannot promise the form of its answer")
        return {}
    if schema is ANY_JSON:
        return {"type": "json_object"}
    if promised == "json_object":
        losses.add(f"{field}.schema", "this upstream promises JSON, but no schema")
        return {"type": "json_object"}
    strict = is_strict(schema)
    if not strict:
        losses.add(field, "the schema does not fit strict mode, so its keeping is not promised")
    return {"type": "json_schema", "name": name_of(schema), "schema": schema, "strict": strict}


def name_of(schema: Mapping[str, Any]) -> str:
    """What OpenAI's APIs call the schema of an answer: its title, where they take that as a name."""
    title = schema.get("title")
    return title if isinstance(title, str) and _NAME.fullmatch(title) else "answer"


_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")


def _decoded(raw: msgspec.Raw) -> object:
    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, RecursionError):
        return ()
