"""Replies that pass as they are: the same bytes, but for `model`, which is the name the client asked for.

Three forms: a stream, a whole message, a token count. Each sees to it that the client is told of what breaks, and that
nothing is sent before the upstream has begun to answer.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from msgspec import UNSET

from providers.dialects.anthropic.errors import error_in_reply
from providers.dialects.anthropic.frames import Frames, Lines, lines_of
from providers.dialects.anthropic.watch import Event, Watch, event_of, members_of, plain
from providers.dialects.seams import Ask
from providers.errors import KINDS, ProviderError
from providers.messages.writer import error_event
from providers.reply import Summary
from providers.translate import MAX_WHOLE_BYTES
from schemas.members import spliced

MAX_HELD_BYTES = 4 * 1024 * 1024
"""How much may come before the answer begins (`message_start` and pings) and is held back."""

NAMED = "event-name"
"""The one repair here: an event without a name gets its type as one, since Claude Code reads no others."""


class StreamThrough:
    """A stream that passes event by event: a piece for the client ends where an event ends, so a ping of ours fits between."""

    content_type = "text/event-stream; charset=utf-8"

    __slots__ = ("_ask", "_ended", "_fault", "_frames", "_held", "_held_bytes", "_scrub", "_seen", "_started", "_watch")

    def __init__(self, ask: Ask, scrub: Callable[[bytes], bytes]) -> None:
        self._ask = ask
        self._scrub = scrub
        self._frames = Frames()
        self._watch = Watch()
        self._held: list[bytes] = []
        self._held_bytes = 0
        self._seen = False
        self._started = False
        self._ended = False
        self._fault: ProviderError | None = None

    @property
    def started(self) -> bool:
        """Whether a content block or the end has come: the opening and pings alone do not commit."""
        return self._started

    @property
    def fault(self) -> ProviderError | None:
        """Why the reply broke, if it did."""
        return self._fault

    @property
    def stopped(self) -> bool:
        """Whether the last event has passed."""
        return self._ended

    def feed(self, data: bytes) -> bytes:
        """The events that `data` completes."""
        if self._ended:
            return b""
        passed = self._passed(self._frames.feed(data))
        if self._frames.fault is not None:
            passed += self._break(self._frames.fault)
        return passed

    def finish(self) -> bytes:
        """The last event where its blank line was left out; an error event where the reply is cut."""
        if self._ended:
            return b""
        return self._last_event() + self._close(self._cut())

    def fail(self, error: ProviderError) -> bytes:
        """The end of the stream: polite where the upstream had said why it stopped, else an error event."""
        return b"" if self._ended else self._close(error)

    def summary(self) -> Summary:
        """What passed."""
        return self._watch.summary()

    def _passed(self, frames: list[bytes]) -> bytes:
        out: list[bytes] = []
        for frame in frames:
            if self._ended:
                break
            out.append(self._take(frame))
        return b"".join(out)

    def _take(self, frame: bytes) -> bytes:
        """What goes to the client with this event: itself and, when the answer begins, what was held back."""
        if self._started and self._watch.in_block and frame.startswith(_DELTA):
            return frame  # most events are these, and there is nothing to learn from them
        self._seen = self._seen or bool(frame.strip())
        lines = lines_of(frame)
        event = event_of(lines.data) if lines.data is not None else None
        if event is None:
            return self._hold(frame)
        self._watch.see(event)
        if event.type == "error":
            return self._error(frame, event)
        passed = self._as_sent(frame, lines, event)
        self._ended = event.type == "message_stop"
        if not self._started and event.type in _BEGINS:
            self._started = True
            passed = b"".join((*self._held, passed))
            self._held.clear()
        return self._hold(passed)

    def _as_sent(self, frame: bytes, lines: Lines, event: Event) -> bytes:
        """The event under the client's model name, and with a name of its own."""
        assert lines.data is not None
        if event.type == "message_start":
            renamed = _start_renamed(lines.data, event, self._ask.request.model)
            frame = frame if renamed == lines.data else lines.with_data(renamed)
        if lines.named:
            return frame
        self._watch.fixed(NAMED)
        body = frame.lstrip(b"\r\n")
        return b"event: " + event.type.encode() + b"\n" + body

    def _hold(self, passed: bytes) -> bytes:
        """`passed` itself once the answer has begun; before that it waits."""
        if self._started:
            return passed
        self._held.append(passed)
        self._held_bytes += len(passed)
        if self._held_bytes > MAX_HELD_BYTES:
            return self._break(
                ProviderError(KINDS["garbage"], f"the upstream sent {MAX_HELD_BYTES} bytes and no answer")
            )
        return b""

    def _error(self, frame: bytes, event: Event) -> bytes:
        """An error of the upstream's own: passed on in a stream that has begun, else the reason for another try."""
        self._ended = True
        self._fault = error_in_reply(self._ask, {"error": plain(event.error)})
        return self._scrub(frame) if self._started else b""

    def _last_event(self) -> bytes:
        rest = self._frames.rest
        event = event_of(lines_of(rest).data or b"") if rest.strip() else None
        if event is not None:
            return self._take(rest if rest.endswith(b"\r\r") else rest.rstrip(b"\r\n") + b"\n\n")
        if rest.strip() and not self._seen:
            self._seen = True
            self._fault = _error_in(self._ask, rest)
        return b""

    def _cut(self) -> ProviderError:
        if self._fault is not None:
            return self._fault
        if not self._seen:
            return ProviderError(KINDS["empty"], "the upstream answered with nothing")
        if self._watch.summary() == _NOTHING:
            return ProviderError(KINDS["garbage"], "the upstream's stream holds no event of a message")
        return ProviderError(KINDS["cut"], "the upstream's stream ended before the message did")

    def _close(self, error: ProviderError) -> bytes:
        """The end where no `message_stop` came: fine once the stop reason was said, else `error`."""
        if self._ended or (self._started and self._watch.has_stop_reason):
            self._ended = True
            return b""
        return self._break(error)

    def _break(self, error: ProviderError) -> bytes:
        self._ended = True
        self._fault = error
        return error_event(error) if self._started else b""


_DELTA = (b"event: content_block_delta\n", b"event: content_block_delta\r\n")
_BEGINS = frozenset(("content_block_start", "content_block_delta", "message_delta", "message_stop"))
_NOTHING = Watch().summary()


class WholeThrough:
    """A message in one piece. Nothing reaches the client before its end, so a reply that breaks can still fail over."""

    content_type = "application/json"

    __slots__ = ("_ask", "_body", "_fault", "_message", "_size", "_watch")

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._body: list[bytes] = []
        self._size = 0
        self._watch = Watch()
        self._message: bytes | None = None
        self._fault: ProviderError | None = None

    @property
    def started(self) -> bool:
        """Whether the message is complete."""
        return self._message is not None

    @property
    def fault(self) -> ProviderError | None:
        """Why the reply broke, if it did."""
        return self._fault

    @property
    def stopped(self) -> bool:
        """Whether the rest need not be waited for: only where it can no longer be a message."""
        return self._fault is not None

    def feed(self, data: bytes) -> bytes:
        """Nothing."""
        self._size += len(data)
        if self._size > MAX_WHOLE_BYTES:
            self._fault = ProviderError(
                KINDS["bad_reply"], f"the upstream's reply is larger than {MAX_WHOLE_BYTES} bytes"
            )
        else:
            self._body.append(data)
        return b""

    def finish(self) -> bytes:
        """The message, or b"" where it broke."""
        if self._fault is not None or self._message is not None:
            return self._message or b""
        body = b"".join(self._body)
        members = members_of(body)
        if members is None or not self._is_wanted(members):
            self._fault = _error_in(self._ask, body)
            return b""
        self._watch.see_message(members)
        name = msgspec.json.encode(self._ask.request.model)
        self._message = spliced(body, members, {"model": name}) if _names(members, self._ask.request.model) else body
        return self._message

    def fail(self, error: ProviderError) -> bytes:
        """Nothing: what is cut is no message."""
        if self._message is None and self._fault is None:
            self._fault = error
        return b""

    def summary(self) -> Summary:
        """What came."""
        return self._watch.summary()

    def _is_wanted(self, members: dict[str, msgspec.Raw]) -> bool:
        """Whether the body is what was asked for: a message, or a count."""
        wanted = "input_tokens" if self._ask.path == "count_tokens" else "content"
        return wanted in members and "error" not in members


def _start_renamed(data: bytes, event: Event, model: str) -> bytes:
    """The data of `message_start` with the client's model name."""
    if event.message is UNSET:
        return data
    message = members_of(event.message)
    outer = members_of(data)
    if message is None or outer is None or not _names(message, model):
        return data
    inner = spliced(bytes(event.message), message, {"model": msgspec.json.encode(model)})
    return spliced(data, outer, {"message": inner})


def _names(members: dict[str, msgspec.Raw], model: str) -> bool:
    """Whether `model` is there and another than the client's."""
    given = members.get("model")
    return given is not None and bytes(given) != msgspec.json.encode(model)


def _error_in(ask: Ask, body: bytes) -> ProviderError:
    """What a 200 means whose body is no reply: an error in disguise, or nothing usable."""
    members = members_of(body)
    if members is not None and "error" in members:
        return error_in_reply(ask, {"error": plain(members["error"])})
    if not body.strip():
        return ProviderError(KINDS["empty"], "the upstream answered with nothing")
    return ProviderError(KINDS["garbage"], f"`{ask.provider.name}` answered 200 with something that is no message")
