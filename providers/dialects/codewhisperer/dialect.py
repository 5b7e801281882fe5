"""The `codewhisperer` dialect: encoder, decoder and error reader as one value."""

from __future__ import annotations

from providers.dialects.codewhisperer import errors
from providers.dialects.codewhisperer.options import Options, options_of
from providers.dialects.codewhisperer.replies import ReplyDecoder
from providers.dialects.codewhisperer.requests import Sent, encode, mended
from providers.dialects.seams import Ask, Decoder, Encoded, Head, Mended
from providers.errors import ProviderError
from providers.spec import ProviderSpec


class CodeWhisperer:
    """A `Dialect` and a `Mending`, stateless; see `providers/dialects/codewhisperer/README.md` for the flow."""

    def options_of(self, provider: ProviderSpec) -> Options:
        return options_of(provider.settings)

    def encode(self, ask: Ask) -> Encoded:
        return encode(ask)

    def decoder(self, ask: Ask, encoded: Encoded, head: Head) -> Decoder:  # noqa: ARG002 - the seam's form
        sent = encoded.dialect_state
        assert isinstance(sent, Sent)
        return ReplyDecoder(sent, encoded.tool_names, head)

    def mended(self, ask: Ask, encoded: Encoded, error: ProviderError) -> Mended | None:
        return mended(ask, encoded, error)

    def error_of(self, ask: Ask, head: Head, body: bytes) -> ProviderError:
        return errors.error_of(head, body, sent_bytes=len(ask.request.raw), model=ask.model)


CODEWHISPERER = CodeWhisperer()
