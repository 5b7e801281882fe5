"""A call between decoder and writer, while its input still comes."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from providers.messages.json_scan import JsonScan
from providers.messages.parts import ToolStart


class Form(StrEnum):
    """How a call's input begins, which decides whether it streams."""

    NOTHING = "nothing yet"
    STREAMED = "an object, or something that cannot be mended"
    STRING = "a JSON string, held until it is complete"
    NULL = "perhaps null, held"


class OpenCall(msgspec.Struct):
    """A call on its way; `begun` once its start was passed on."""

    start: ToolStart
    begun: bool = False
    ended: bool = False
    form: Form = Form.NOTHING
    scan: JsonScan = msgspec.field(default_factory=JsonScan)
    held: list[str] = msgspec.field(default_factory=list)
    held_chars: int = 0
    spoiled: bool = False

    @property
    def is_complete(self) -> bool:
        return self.form is Form.STREAMED and self.scan.is_object and not self.spoiled


FORMS = {'"': Form.STRING, "n": Form.NULL}
"""First character of an input -> its form; all others are streamed."""
