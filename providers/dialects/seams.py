"""What a dialect is: a request encoder, a reply decoder and an error reader, all pure.

The table of dialects is `providers/dialects/table.py`; the exchange (`engine/exchange.py`) is the only caller.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, Protocol

import msgspec

from providers.errors import ProviderError
from providers.messages.parts import Part
from providers.reply import Reply
from providers.spec import ModelSpec, ProviderSpec
from schemas.request import MessagesRequest, Path


class Lost(msgspec.Struct, frozen=True):
    """Something translation to this target drops or changes: the field as the client wrote it, how often, and why."""

    field: str
    count: int
    why: str


class Ask(msgspec.Struct, frozen=True):
    """What is to be sent: the client's request for one target.

    `model` is the upstream's model name, `model_spec` its capabilities where the configuration lists them;
    `options` is what the dialect's `options_of` gave for the provider; None: work it out now.
    `headers` are the client's (lower-case names), `query` its URL's; `path` is what it asked for. `new_id` makes unique
    suffixes for ids that an upstream left out.
    """

    request: MessagesRequest
    provider: ProviderSpec
    model: str
    model_spec: ModelSpec | None
    headers: Mapping[str, str]
    new_id: Callable[[], str]
    options: object = None
    query: str = ""
    path: Path = "messages"


class Encoded(msgspec.Struct, frozen=True):
    """An upstream request without its instance: the path is appended to the instance's endpoint, credentials come later.

    `tool_names` maps names as sent back to the client's names (only those that differ). `lost` is what the user may
    read. `query` is appended to the URL. `dialect_state` is whatever the same dialect's decoder needs again.
    `with_profile` gives the body for a credential that brings a profile of its own; None: such a profile has no place
    in it. `notes` are sentences on what the dialect chose by itself (defaults taken from the endpoint's host), for
    `explain`.
    """

    path: str
    body: bytes
    headers: Mapping[str, str]
    lost: tuple[Lost, ...] = ()
    tool_names: Mapping[str, str] = msgspec.field(default_factory=dict)
    query: str = ""
    dialect_state: object = None
    notes: tuple[str, ...] = ()
    with_profile: Callable[[str], bytes] | None = None


class Head(msgspec.Struct, frozen=True):
    """The head of an upstream answer; header names are lower-case, repeated ones joined by `, `."""

    status: int
    headers: Mapping[str, str]


class Decoder(Protocol):
    """Upstream bytes to parts. Any cut of the same bytes gives the same parts; never raises on any bytes."""

    @property
    def open_ended(self) -> bool:
        """Whether, so far, nothing but the end of the body can say that the reply is over: a connection that breaks now cuts it.

        False where the format has an end of its own, since `finish` then knows a cut by itself.
        """
        ...

    def feed(self, data: bytes) -> Sequence[Part]:
        """The parts that became certain with `data`. After a `Fault` it returns nothing more."""
        ...

    def finish(self) -> Sequence[Part]:
        """The parts that the end of the body makes certain; ends in `Stop` or `Fault` unless one was given before."""
        ...


class Dialect(Protocol):
    """One upstream API."""

    def options_of(self, provider: ProviderSpec) -> object:
        """What the dialect reads of a provider's settings, worked out once a configuration; comes back in `Ask.options`."""
        ...

    def encode(self, ask: Ask) -> Encoded:
        """The upstream request. Raises `Unencodable` where the target cannot be asked this."""
        ...

    def decoder(self, ask: Ask, encoded: Encoded, head: Head) -> Decoder:
        """A decoder for one 2xx answer, streamed or whole: it looks at `content-type` and at the bytes, not at what was asked."""
        ...

    def error_of(self, ask: Ask, head: Head, body: bytes) -> ProviderError:
        """What a non-2xx answer means. `body` may be JSON, HTML, cut or empty."""
        ...


class PassThrough(Protocol):
    """What a dialect can do besides when its upstream speaks the client's own format."""

    def reply(self, ask: Ask, encoded: Encoded, head: Head, scrub: Callable[[bytes], bytes]) -> Reply | None:
        """A reply that passes a 2xx answer on as it is. None: its form is not what the client asked for; use the decoder.

        `scrub` takes our credentials out of the text of an error.
        """
        ...

    def passed_on(self, head: Head) -> tuple[tuple[str, str], ...]:
        """Headers of an answer that the client reads too."""
        ...


class Mending(Protocol):
    """What a dialect can do besides when some refusals of its upstream show what to leave out of the request."""

    def mended(self, ask: Ask, encoded: Encoded, error: ProviderError) -> Mended | None:
        """The request to send once more to the same instance after `error`; None where nothing is to be mended.

        INVARIANT: mending what was mended for the same reason gives None, so that the exchange comes to an end.
        """
        ...


class Mended(NamedTuple):
    """A request to send once more. `fix` names what was done, for the counters; `said` says it in the log."""

    encoded: Encoded
    fix: str
    said: str


def without_thinking(encoded: Encoded) -> Mended:
    """A request that was mended by leaving earlier thinking out."""
    return Mended(encoded, "thinking-removed", "sent again without thinking of another issuer")


class Unencodable(Exception):  # noqa: N818 - carries the ProviderError that the client reads
    """This target cannot be asked this request at all (a PDF for a text model); blame: client."""

    def __init__(self, error: ProviderError) -> None:
        super().__init__(error.message)
        self.error = error
