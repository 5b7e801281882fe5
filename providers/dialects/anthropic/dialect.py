"""The dialect `anthropic`: a pass-through for upstreams that speak the client's own format."""

from __future__ import annotations

from collections.abc import Callable

from providers.dialects.anthropic import errors, headers, requests
from providers.dialects.anthropic.replies import ReplyDecoder
from providers.dialects.anthropic.settings import Options, options_of
from providers.dialects.anthropic.through import StreamThrough, WholeThrough
from providers.dialects.seams import Ask, Decoder, Encoded, Head, Mended
from providers.errors import ProviderError
from providers.reply import Reply
from providers.spec import ProviderSpec


class AnthropicDialect:
    """The Messages API. A `Dialect`, a `PassThrough` and a `Mending`."""

    def options_of(self, provider: ProviderSpec) -> Options:
        """See `settings.options_of`."""
        return options_of(provider)

    def encode(self, ask: Ask) -> Encoded:
        """See `requests.encode`."""
        return requests.encode(ask)

    def decoder(self, ask: Ask, encoded: Encoded, head: Head) -> Decoder:  # noqa: ARG002 - the seam's form
        """See `replies.ReplyDecoder`."""
        return ReplyDecoder(ask, head)

    def error_of(self, ask: Ask, head: Head, body: bytes) -> ProviderError:
        """See `errors.error_of`."""
        return errors.error_of(ask, head, body)

    def reply(self, ask: Ask, encoded: Encoded, head: Head, scrub: Callable[[bytes], bytes]) -> Reply | None:  # noqa: ARG002
        """The answer as it is, where it has the form that the client asked for."""
        kind = head.headers.get("content-type", "").partition(";")[0].strip().lower()
        streams = ask.request.stream and ask.path == "messages"
        if ask.path == "count_tokens" or (kind == "application/json" and not streams):
            return WholeThrough(ask)
        return StreamThrough(ask, scrub) if kind == "text/event-stream" and streams else None

    def mended(self, ask: Ask, encoded: Encoded, error: ProviderError) -> Mended | None:
        """See `requests.mended`."""
        return requests.mended(ask, encoded, error)

    def passed_on(self, head: Head) -> tuple[tuple[str, str], ...]:
        """See `headers.passed_on`."""
        return headers.passed_on(head.headers)


ANTHROPIC = AnthropicDialect()
