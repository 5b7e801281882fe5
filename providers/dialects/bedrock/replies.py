"""Bedrock's replies: passed through as the client's own format, or as parts."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from providers.dialects.anthropic.replies import ReplyDecoder as EventDecoder
from providers.dialects.anthropic.through import StreamThrough
from providers.dialects.bedrock.errors import exception_of
from providers.dialects.bedrock.frames import EVENT_STREAM, EventsInFrames
from providers.dialects.seams import Ask, Decoder, Head
from providers.errors import ProviderError
from providers.messages.parts import Fault, Part, Stop
from providers.reply import Summary


def is_binary(head: Head) -> bool:
    """Whether the answer is said to be a binary event stream."""
    return head.headers.get("content-type", "").partition(";")[0].strip().lower() == EVENT_STREAM


class BinaryThrough:
    """A binary stream as the event stream that it carries, each event as it came (but for `model`)."""

    content_type = StreamThrough.content_type

    __slots__ = ("_events", "_inner")

    def __init__(self, ask: Ask, scrub: Callable[[bytes], bytes]) -> None:
        self._inner = StreamThrough(ask, scrub)
        self._events = EventsInFrames(lambda name, payload: exception_of(ask, name, payload))

    @property
    def started(self) -> bool:
        """As the stream that is carried."""
        return self._inner.started

    @property
    def fault(self) -> ProviderError | None:
        """Why the reply broke, if it did."""
        return self._inner.fault

    @property
    def stopped(self) -> bool:
        """Whether the last event has passed."""
        return self._inner.stopped

    def feed(self, data: bytes) -> bytes:
        """The events that `data` completes; an exception or damage ends them."""
        if self._inner.stopped:
            return b""
        passed = self._inner.feed(self._events.feed(data))
        return passed + self._broken()

    def finish(self) -> bytes:
        """The end, or an error event where the reply is cut."""
        self._events.finish()
        return self._broken() + self._inner.finish()

    def fail(self, error: ProviderError) -> bytes:
        """As the stream that is carried."""
        return self._inner.fail(error)

    def summary(self) -> Summary:
        """What passed."""
        return self._inner.summary()

    def _broken(self) -> bytes:
        fault = self._events.fault
        return self._inner.fail(fault) if fault is not None and not self._inner.stopped else b""


class BinaryDecoder:
    """The same stream as parts, for clients of another format. A `Decoder`."""

    __slots__ = ("_done", "_events", "_inner")

    open_ended = False

    def __init__(self, ask: Ask) -> None:
        self._events = EventsInFrames(lambda name, payload: exception_of(ask, name, payload))
        self._inner: Decoder = EventDecoder(ask, Head(200, {"content-type": "text/event-stream"}))
        self._done = False

    def feed(self, data: bytes) -> Sequence[Part]:
        """The parts of the events that `data` completes."""
        return () if self._done else self._until_end([*self._inner.feed(self._events.feed(data))])

    def finish(self) -> Sequence[Part]:
        """The parts that the end of the body makes certain."""
        if self._done:
            return ()
        self._events.finish()
        return self._until_end([]) or self._until_end([*self._inner.finish()])

    def _until_end(self, parts: list[Part]) -> list[Part]:
        self._done = any(isinstance(part, Stop | Fault) for part in parts)
        if not self._done and self._events.fault is not None:
            parts.append(Fault(self._events.fault))
            self._done = True
        return parts


def decoder_of(ask: Ask, head: Head) -> Decoder:
    """A decoder for one 2xx answer: a binary stream, or a message in one piece."""
    return BinaryDecoder(ask) if is_binary(head) else EventDecoder(ask, head)
