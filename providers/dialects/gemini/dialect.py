"""The dialect `gemini`: requests of the native API, and their replies and refusals."""

from __future__ import annotations

from providers.dialects.gemini import errors, requests, settings
from providers.dialects.gemini.replies import ReplyDecoder
from providers.dialects.gemini.settings import Options
from providers.dialects.seams import Ask, Decoder, Encoded, Head, Mended
from providers.errors import ProviderError
from providers.spec import ProviderSpec


class GeminiDialect:
    """The Gemini API and Vertex AI's publisher models, which differ in endpoint and credential only. A `Dialect` and a `Mending`."""

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
        """See `errors.error_of`."""
        return errors.error_of(ask, head, body)


GEMINI = GeminiDialect()
