"""What decoders of JSON replies have in common: event streams of it, whole bodies, and everything else that comes with a 200.

feed   ── a stream ──────> _frame, for each event
finish ── a stream ──────> _frame, for what is left ──┐
       ── another form ──> _whole ────────────────────┴──> _ended, if nothing has ended the reply
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from providers.dialects.reply_form import TOO_LARGE, Form, Gathered
from providers.dialects.seams import Ask, Head
from providers.dialects.unusable import Unusable
from providers.errors import ProviderError
from providers.messages.parts import Fault, Part
from providers.wire.sse import Frame, SseDecoder


class JsonReplyDecoder(ABC):
    """A `Decoder` for one answer, but for what its dialect's events and bodies mean.

    INVARIANT: nothing is read once `_done` is set, which whoever gives a `Stop` or a `Fault` does.
    """

    __slots__ = ("_ask", "_done", "_gathered", "_head", "_sse", "_unusable")

    open_ended = False

    def __init__(self, ask: Ask, head: Head) -> None:
        self._ask = ask
        self._head = head
        self._unusable = Unusable(ask, head)
        self._gathered = Gathered(head.headers.get("content-type", ""))
        self._sse = SseDecoder()
        self._done = False

    def feed(self, data: bytes) -> Sequence[Part]:
        """The parts that `data` makes certain."""
        if self._done or not data:
            return ()
        out: list[Part] = []
        if stream := self._gathered.take(data):
            self._stream(stream, out)
        elif self._gathered.is_too_large():
            self._break(self._unusable.error("bad_reply", TOO_LARGE), out)
        return out

    def finish(self) -> Sequence[Part]:
        """The parts that the end of the body makes certain."""
        if self._done:
            return ()
        out: list[Part] = []
        if self._gathered.form is Form.STREAM:
            for frame in self._sse.finish():
                if not self._done:
                    self._frame(frame, out, at_end=True)
        else:
            self._whole(self._gathered.whole(), out)
        if not self._done:
            self._ended(out)
        return out

    def _stream(self, data: bytes, out: list[Part]) -> None:
        for frame in self._sse.feed(data):
            self._frame(frame, out)
            if self._done:
                return
        if self._sse.fault is not None:
            self._break(self._sse.fault, out)

    @abstractmethod
    def _frame(self, frame: Frame, out: list[Part], at_end: bool = False) -> None:
        """An event of a stream; `at_end`: the body ended behind it, perhaps in the middle of it."""

    @abstractmethod
    def _whole(self, body: bytes, out: list[Part]) -> None:
        """All of a body that is no stream."""

    @abstractmethod
    def _ended(self, out: list[Part]) -> None:
        """The body is over, and nothing in it has ended the reply."""

    def _break(self, error: ProviderError, out: list[Part]) -> None:
        out.append(Fault(error))
        self._done = True
