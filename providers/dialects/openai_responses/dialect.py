"""The dialect `openai-responses`: requests of the Responses API, and their replies and refusals."""

from __future__ import annotations

from providers.dialects import refusals
from providers.dialects.openai_responses import requests, settings
from providers.dialects.openai_responses.replies import ReplyDecoder
from providers.dialects.openai_responses.settings import Options
from providers.dialects.seams import Ask, Decoder, Encoded, Head, Mended
from providers.errors import ProviderError
from providers.spec import ProviderSpec


class ResponsesDialect:
    """OpenAI's newer API, and upstreams that speak only that. A `Dialect` and a `Mending`."""

    def options_of(self, provider: ProviderSpec) -> Options:
        """See `settings.options_of`."""
        return settings.options_of(provider)

    def encode(self, ask: Ask) -> Encoded:
        """See `requests.encode`."""
        return requests.encode(ask)

    def decoder(self, ask: Ask, encoded: Encoded, head: Head) -> Decoder:
        """See `replies.ReplyDecoder`."""
        return ReplyDecoder(ask, encoded, head)

    def mended(self, ask: Ask, encoded: Encoded, error: ProviderError) -> Mended | None:
        """See `requests.mended`."""
        return requests.mended(ask, encoded, error)

    def error_of(self, ask: Ask, head: Head, body: bytes) -> ProviderError:
        """See `refusals.error_of`."""
        return refusals.error_of(ask, head, body)


RESPONSES = ResponsesDialect()
