"""One exchange on its way: what was decided for it and what became of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct, field

from engine.settings import DebugSettings
from providers.auth import Headers
from providers.chat.written import as_written
from providers.client_form import ClientForm
from providers.dialects.seams import Ask, Encoded, Lost
from providers.errors import ProviderError
from providers.messages.form import MESSAGES_FORM
from providers.plan import PlannedTarget, Try
from providers.reply import Summary
from rules.nodes import Decision, Filter, Found
from schemas.request import MessagesRequest, Path


class Moment(Struct, frozen=True):
    """What of an exchange is kept only where it is to be saved: the body as rules saw it, when they did (seconds since the
    epoch) and what they saw of the router, as `{fact: value}`; `reply` grows while the client is answered.
    `chat` is what a client of Chat Completions sent, None of others and where a filter changed the request; `filters` are those
    that must find nothing in it either.
    """

    body: bytes
    now: float
    state: Mapping[str, object]
    revision: str
    reply: bytearray
    chat: bytes | None = None
    filters: Sequence[Filter] = ()


class Exchange(Struct):
    """What one exchange knows, from its decision on, and what became of it.

    `targets` None: those of the decision. `passed_on` are headers of the upstream's answer that the client reads too.
    `form` is the one in which the client reads its reply, `lost_before` what its request had that ours has no place for.
    `debug` says how much of it is logged. `client_key` is the name of the client's router key, `client_ip` its address.
    `moment` is there where the exchange is to be saved.
    `findings` are the filters that applied to it. `silent` is the last attempt whose reply was without content, with that.
    """

    request_id: str
    request: MessagesRequest
    headers: dict[str, str]
    decision: Decision
    session: str | None
    started_at: float
    query: str = ""
    path: Path = "messages"
    targets: Sequence[PlannedTarget] | None = None
    prepared: dict[int, tuple[Ask, Encoded]] = field(default_factory=dict)
    answered_by: Try | None = None
    first_byte_at: float | None = None
    summary: Summary | None = None
    fault: ProviderError | None = None
    passed_on: Headers = ()
    failures: list[tuple[Try, ProviderError]] = field(default_factory=list)
    form: ClientForm = MESSAGES_FORM
    lost_before: tuple[Lost, ...] = ()
    debug: DebugSettings = field(default_factory=DebugSettings)
    client_key: str | None = None
    client_ip: str | None = None
    moment: Moment | None = None
    findings: tuple[Found, ...] = ()
    silent: tuple[Try, Summary] | None = None

    def lost_for(self, attempt: Try) -> tuple[Lost, ...]:
        """What the request lost on its way to the attempt's target: as it was read, and as it was translated."""
        return (*self.lost_before, *as_written(self.request, self.prepared[attempt.target_index][1].lost))
