"""What routers tell each other of what they have learned, and the seam it goes over. Pure.

Every router decides by what it holds in memory and waits for nobody. What changes there is told to the others, who take
it over; the default, `Alone`, tells nobody. So limits hold exactly within one process, and between several up to what
arrives in the moment that news takes.
"""

from __future__ import annotations

import hashlib
from typing import Protocol, TypeAlias

from msgspec import Struct

from providers.health import Circuit
from providers.spec import Credentials, InstanceSpec


class Seated(Struct, frozen=True):
    """A session (its digest, see `providers.balance.seat_of`) sits on an instance of a pool."""

    pool: str
    session: str
    instance: str


class Circuited(Struct, frozen=True):
    """A circuit opened, closed, or rests for another time. `instance` is a `shared_key`; times are of the teller's clock."""

    instance: str
    model: str | None
    circuit: Circuit


class Loaded(Struct, frozen=True):
    """So many requests of the teller are in flight on an instance that has a limit."""

    instance: str
    inflight: int


class Spent(Struct, frozen=True):
    """So many retries went from the teller's budget since it last said so, less what requests earned."""

    retries: float


News: TypeAlias = Seated | Circuited | Loaded | Spent


class SharedState(Protocol):
    """Tells other routers. What they tell comes in through `Registry.hear`."""

    @property
    def together(self) -> bool:
        """Whether they are heard now, so that what they have in flight is known."""
        ...

    def tell(self, news: News) -> None:
        """Passes news on at some time soon. Never waits and never fails; what cannot be passed on is lost."""
        ...


class Alone:
    """No other routers: the default."""

    __slots__ = ()
    together = False

    def tell(self, news: News) -> None:
        """Tells nobody."""


def shared_key(provider: str, instance: InstanceSpec) -> str:
    """The same instance with the same credentials on every router, without giving either away."""
    secret = _credentials_shown(instance.credentials)
    text = f"{provider}\0{instance.endpoint}\0{secret}".encode("utf-8", "surrogatepass")
    return hashlib.blake2b(text, digest_size=12).hexdigest()


def _credentials_shown(credentials: Credentials) -> str:
    held = credentials.api_key or credentials.token
    return f"{credentials.type}\0{credentials.token_path}\0{held.fingerprint() if held else ''}"
