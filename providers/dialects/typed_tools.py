"""The vendor's typed client tools, which come without a schema, as ordinary functions.

Source: the parameters of the `bash`, `text_editor`, `memory` and `computer` tools in the Anthropic API's reference. The
client runs them, so a function of the same name and parameters does the same with any model.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_TEXT = {"type": "string"}
_NUMBER = {"type": "integer"}
_PAIR = {"type": "array", "items": {"type": "integer"}, "minItems": 2, "maxItems": 2}


def _object(required: list[str], **properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": required}


TYPED_TOOLS: Mapping[str, tuple[str, dict[str, Any]]] = {
    "bash_": (
        "Runs a command in a persistent shell; `restart` starts a new shell.",
        _object([], command=_TEXT, restart={"type": "boolean"}),
    ),
    "text_editor_": (
        "Views, creates and edits files; `str_replace` replaces the only occurrence of `old_str`, `insert` adds after a line.",
        _object(
            ["command", "path"],
            command={"type": "string", "enum": ["view", "create", "str_replace", "insert", "undo_edit"]},
            path=_TEXT,
            file_text=_TEXT,
            old_str=_TEXT,
            new_str=_TEXT,
            insert_line=_NUMBER,
            insert_text=_TEXT,
            view_range=_PAIR,
        ),
    ),
    "memory_": (
        "Keeps notes in files under /memories: view, create, str_replace, insert, delete, rename.",
        _object(
            ["command"],
            command={"type": "string", "enum": ["view", "create", "str_replace", "insert", "delete", "rename"]},
            path=_TEXT,
            old_path=_TEXT,
            new_path=_TEXT,
            file_text=_TEXT,
            old_str=_TEXT,
            new_str=_TEXT,
            insert_line=_NUMBER,
            insert_text=_TEXT,
            view_range=_PAIR,
        ),
    ),
    "computer_": (
        "Looks at the screen and uses mouse and keyboard, for instance screenshot, left_click, type, key, scroll.",
        _object(
            ["action"],
            action=_TEXT,
            coordinate=_PAIR,
            start_coordinate=_PAIR,
            text=_TEXT,
            scroll_direction={"type": "string", "enum": ["up", "down", "left", "right"]},
            scroll_amount=_NUMBER,
            duration={"type": "number"},
        ),
    ),
}
"""How a tool's `type` begins -> its description and schema."""


def typed_tool(kind: str) -> tuple[str, dict[str, Any]] | None:
    """Description and schema of a typed client tool, None for any other type."""
    return next((row for start, row in TYPED_TOOLS.items() if kind.startswith(start)), None)
