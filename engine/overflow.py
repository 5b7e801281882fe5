"""Our own refusal of a request that cannot fit a model's context window; all that is doubtful the upstream decides."""

from __future__ import annotations

from providers.errors import KINDS, ProviderError
from rules.measure import input_tokens, least_tokens
from schemas.request import MessagesRequest


def overflow_of(request: MessagesRequest, window_tokens: int | None) -> ProviderError | None:
    """The refusal, in the vendor's wording, on which the client compacts; None where the request may fit.

    A text has no more tokens than bytes, so most requests are seen to fit by their size.
    """
    if window_tokens is None or len(request.raw) <= window_tokens or least_tokens(request) <= window_tokens:
        return None
    message = f"prompt is too long: {input_tokens(request)} tokens > {window_tokens} maximum"
    return ProviderError(KINDS["context_length"], message)
