"""A decoder whose faults do not repeat our credentials: some upstreams echo the key they refuse. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from providers.auth import Headers, without_secrets
from providers.dialects.seams import Decoder
from providers.messages.parts import Fault, Part


class ScrubbingDecoder:
    """Every part passes as it is, but a fault loses the credential the request was sent with."""

    __slots__ = ("_credential", "_decoder")

    def __init__(self, decoder: Decoder, credential: Headers) -> None:
        self._decoder = decoder
        self._credential = credential

    @property
    def open_ended(self) -> bool:
        """As the decoder."""
        return self._decoder.open_ended

    def feed(self, data: bytes) -> Sequence[Part]:
        """The decoder's parts."""
        parts = self._decoder.feed(data)
        return self._clean(parts) if parts and type(parts[-1]) is Fault else parts

    def finish(self) -> Sequence[Part]:
        """The decoder's last parts."""
        parts = self._decoder.finish()
        return self._clean(parts) if parts and type(parts[-1]) is Fault else parts

    def _clean(self, parts: Sequence[Part]) -> Sequence[Part]:
        assert isinstance(parts[-1], Fault)
        return [*parts[:-1], Fault(without_secrets(parts[-1].error, self._credential))]
