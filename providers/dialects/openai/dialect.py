"""The dialect `openai`: Chat Completions requests, and their replies and refusals."""

from __future__ import annotations

from providers.dialects import refusals
from providers.dialects.openai import requests
from providers.dialects.openai.options import Options, options_of
from providers.dialects.openai.replies import decoder_of
from providers.dialects.seams import Ask, Decoder, Encoded, Head, Mended
from providers.errors import ProviderError
from providers.spec import ProviderSpec


class OpenAIDialect:
    """The OpenAI API and everything compatible with it. A `Dialect` and a `Mending`."""

    def options_of(self, provider: ProviderSpec) -> Options:
        """See `options.options_of`."""
        return options_of(provider)

    def encode(self, ask: Ask) -> Encoded:
        """See `requests.encode`."""
        return requests.encode(ask)

    def decoder(self, ask: Ask, encoded: Encoded, head: Head) -> Decoder:
        """See `replies.decoder_of`."""
        return decoder_of(ask, encoded, head)

    def mended(self, ask: Ask, encoded: Encoded, error: ProviderError) -> Mended | None:
        """See `requests.mended`."""
        return requests.mended(ask, encoded, error)

    def error_of(self, ask: Ask, head: Head, body: bytes) -> ProviderError:
        """See `refusals.error_of`."""
        return refusals.error_of(ask, head, body)


OPENAI = OpenAIDialect()
