"""Parts to one `chat.completion` object: its deltas, laid together."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from providers.chat.deltas import Delta, Deltas, completion_id, usage_object
from providers.errors import KINDS, ProviderError
from providers.messages.encode import json_of
from providers.messages.fold import CUT_REASONS, is_object
from providers.messages.parts import Part, Stop, Usage


class ChatFold:
    """Collects one completion. A call whose arguments are no object is a fault, but for one that ran out of room."""

    __slots__ = ("_annotations", "_calls", "_created", "_deltas", "_function_call", "_message_id", "_model", "_texts")

    def __init__(self, model: str, message_id: str, created: int, *, as_functions: bool) -> None:
        self._deltas = Deltas(as_functions=as_functions)
        self._model = model
        self._message_id = message_id
        self._created = created
        self._texts: dict[str, list[str]] = {}
        self._annotations: list[Any] = []
        self._calls: list[dict[str, Any]] = []
        self._function_call: dict[str, Any] | None = None

    @property
    def fault(self) -> ProviderError | None:
        """Why there is no completion, if there is none."""
        return self._deltas.fault

    @property
    def usage(self) -> Usage:
        """The counts so far."""
        return self._deltas.usage

    @property
    def lost(self) -> list[str]:
        """What has no place here."""
        return self._deltas.lost

    @property
    def stop(self) -> Stop | None:
        """The stop, once given."""
        return self._deltas.stop

    def feed(self, parts: Iterable[Part]) -> None:
        """Adds `parts`."""
        for part in parts:
            if (delta := self._deltas.of(part)) is not None:
                self._add(delta)

    def finish(self) -> bytes:
        """The completion as JSON, or b"" with `fault` set."""
        if self.fault is None and self.stop is None:
            self._deltas.fault = ProviderError(KINDS["cut"], "the upstream's reply ended before it was complete")
        message = self._message() if self.fault is None else {}
        if self.fault is not None:
            return b""
        choice = {
            "index": 0,
            "message": message,
            "logprobs": None,
            "finish_reason": self._deltas.finish_reason,
        }
        completion = {
            "id": completion_id(self._message_id),
            "object": "chat.completion",
            "created": self._created,
            "model": self._model,
            "choices": [choice],
            "usage": usage_object(self.usage),
        }
        return json_of(completion)

    def _add(self, delta: Delta) -> None:
        for member, value in delta.items():
            match member:
                case "tool_calls":
                    for call in value:
                        self._add_call(call)
                case "function_call":
                    self._function_call = self._function_call or {"name": value["name"], "arguments": []}
                    self._function_call["arguments"].append(value["arguments"])
                case "annotations":
                    self._annotations += value
                case _:
                    self._texts.setdefault(member, []).append(value)

    def _add_call(self, call: dict[str, Any]) -> None:
        function = call["function"]
        if "id" in call:
            self._calls.append({"id": call["id"], "name": function["name"], "arguments": []})
        self._calls[call["index"]]["arguments"].append(function["arguments"])

    def _message(self) -> dict[str, Any]:
        texts = {member: "".join(pieces) for member, pieces in self._texts.items()}
        message: dict[str, Any] = {"role": "assistant", "content": texts.pop("content", None), "refusal": None, **texts}
        if self._annotations:
            message["annotations"] = self._annotations
        if self._calls:
            message["tool_calls"] = [
                {"id": call["id"], "type": "function", "function": self._function(call)} for call in self._calls
            ]
        if self._function_call is not None:
            message["function_call"] = self._function(self._function_call)
        return message

    def _function(self, call: dict[str, Any]) -> dict[str, str]:
        arguments = "".join(call["arguments"])
        assert self.stop is not None
        if not is_object(arguments) and self.stop.reason not in CUT_REASONS and self.fault is None:
            self._deltas.fault = ProviderError(
                KINDS["bad_reply"],
                f"the upstream called the tool `{call['name']}` with an input that is no JSON object",
            )
        return {"name": call["name"], "arguments": arguments}
