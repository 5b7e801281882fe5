"""The dialect `bedrock`: Anthropic's format in Amazon's envelope. A `Dialect`, a `PassThrough` and a `Mending`."""

from __future__ import annotations

from collections.abc import Callable

from providers.dialects.anthropic.through import WholeThrough
from providers.dialects.bedrock import errors, requests, settings
from providers.dialects.bedrock.replies import BinaryThrough, decoder_of, is_binary
from providers.dialects.bedrock.settings import Options
from providers.dialects.seams import Ask, Decoder, Encoded, Head, Mended
from providers.errors import ProviderError
from providers.reply import Reply
from providers.spec import ProviderSpec


class BedrockDialect:
    """Claude models at Amazon Bedrock. Requests are signed where they are sent (`providers/aws/signing.py`)."""

    def options_of(self, provider: ProviderSpec) -> Options:
        """See `settings.options_of`."""
        return settings.options_of(provider)

    def encode(self, ask: Ask) -> Encoded:
        """See `requests.encode`."""
        return requests.encode(ask)

    def decoder(self, ask: Ask, encoded: Encoded, head: Head) -> Decoder:  # noqa: ARG002 - the seam's form
        """See `replies.decoder_of`."""
        return decoder_of(ask, head)

    def error_of(self, ask: Ask, head: Head, body: bytes) -> ProviderError:
        """See `errors.error_of`."""
        return errors.error_of(ask, head, body)

    def reply(self, ask: Ask, encoded: Encoded, head: Head, scrub: Callable[[bytes], bytes]) -> Reply | None:  # noqa: ARG002
        """The answer as it is, where it has the form that the client asked for."""
        if ask.request.stream:
            return BinaryThrough(ask, scrub) if is_binary(head) else None
        kind = head.headers.get("content-type", "").partition(";")[0].strip().lower()
        return WholeThrough(ask) if kind == "application/json" else None

    def mended(self, ask: Ask, encoded: Encoded, error: ProviderError) -> Mended | None:
        """See `requests.mended`."""
        return requests.mended(ask, encoded, error)

    def passed_on(self, head: Head) -> tuple[tuple[str, str], ...]:
        """The service's id of the request."""
        request_id = head.headers.get("x-amzn-requestid")
        return (("x-ccr-upstream-request-id", request_id),) if request_id else ()


BEDROCK = BedrockDialect()
