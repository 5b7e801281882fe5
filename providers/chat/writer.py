"""Parts to a stream of `chat.completion.chunk` objects, ending in `data: [DONE]`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from providers.chat.deltas import Deltas, completion_id, usage_object
from providers.chat.errors import chat_error
from providers.errors import KINDS, ProviderError
from providers.messages.encode import json_of
from providers.messages.parts import Part, Stop, Text, Usage

DONE = b"data: [DONE]\n\n"

# INVARIANT: a comment may stand anywhere between two whole events.
PING = b": ping\n\n"
"""What keeps a silent stream alive."""


def closing_error(error_type: str, message: str, code: str | None = None) -> bytes:
    """The chunk that ends a broken stream; no `[DONE]` follows."""
    return b"data: %b\n\n" % json_of(chat_error(error_type, message, code=code))


class ChatWriter:
    """Writes one completion. A call whose parts contradict each other ends the stream with an error."""

    __slots__ = (
        "_after",
        "_before",
        "_begun",
        "_created",
        "_deltas",
        "_ended",
        "_head",
        "_include_usage",
        "_said_stop",
    )

    def __init__(self, model: str, message_id: str, created: int, *, include_usage: bool, as_functions: bool) -> None:
        self._deltas = Deltas(as_functions=as_functions)
        self._include_usage = include_usage
        self._begun = False
        self._said_stop = False
        self._ended = False
        self._created = created
        self._head = b'{"id":%b,"object":"chat.completion.chunk","created":%d,"model":%b,"choices":' % (
            json_of(completion_id(message_id)),
            created,
            json_of(model),
        )
        self._before = b"data: " + self._head + b'[{"index":0,"delta":'
        self._after = b'"logprobs":null,"finish_reason":%b}]' + (b',"usage":null' if include_usage else b"") + b"}\n\n"

    @property
    def fault(self) -> ProviderError | None:
        """Why the reply broke, if it did."""
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
    def stopped(self) -> bool:
        """Whether `Stop` was given."""
        return self._deltas.stop is not None

    @property
    def ended(self) -> bool:
        """Whether the last chunk was written."""
        return self._ended

    def feed(self, parts: Iterable[Part]) -> bytes:
        """The chunks that `parts` make certain. The first part that is not `Usage` begins the completion."""
        out: list[bytes] = []
        for part in parts:
            if self._ended:
                break
            if not self._begun and type(part) is not Usage:
                self._begun = True
                out.append(self._chunk({"role": "assistant", "content": "" if type(part) is Text else None}))
            delta = self._deltas.of(part)
            if delta is not None:
                out.append(self._chunk(delta))
            elif self._deltas.fault is not None:
                out.append(self._fail(self._deltas.fault))
            elif self.stopped:
                out += self._stop(part)
        return b"".join(out)

    def finish(self) -> bytes:
        """The end after `Stop`, if it still waited for usage. Without a `Stop` the stream ends in an error."""
        if self._ended:
            return b""
        if self.stopped:
            return self._end()
        self._deltas.fault = ProviderError(KINDS["cut"], "the upstream's reply ended before it was complete")
        return self._fail(self._deltas.fault)

    def _stop(self, part: Part) -> list[bytes]:
        out = []
        if isinstance(part, Stop) and not self._said_stop:
            self._said_stop = True
            out.append(self._chunk({}, json_of(self._deltas.finish_reason)))
        if self.usage.output is not None:
            out.append(self._end())
        return out

    def _end(self) -> bytes:
        self._ended = True
        if not self._include_usage:
            return DONE
        return b'data: %b[],"usage":%b}\n\n' % (self._head, json_of(usage_object(self.usage))) + DONE

    def _fail(self, error: ProviderError) -> bytes:
        self._ended = True
        return closing_error(error.kind.error_type, error.message)

    def _chunk(self, delta: Mapping[str, Any], finish_reason: bytes = b"null") -> bytes:
        return b"".join((self._before, json_of(delta), b",", self._after % finish_reason))
