"""A provider's `type` -> its dialect."""

from __future__ import annotations

from collections.abc import Mapping

from providers.dialects.anthropic.dialect import ANTHROPIC
from providers.dialects.bedrock.dialect import BEDROCK
from providers.dialects.codewhisperer.dialect import CODEWHISPERER
from providers.dialects.gemini.dialect import GeminiDialect
from providers.dialects.openai.dialect import OpenAIDialect
from providers.dialects.openai_responses.dialect import ResponsesDialect
from providers.dialects.seams import Dialect, Mending, PassThrough
from providers.dialects.static import StaticDialect

_OPENAI = OpenAIDialect()
_GEMINI = GeminiDialect()
_RESPONSES = ResponsesDialect()

DIALECTS: Mapping[str, Dialect] = {
    "openai": _OPENAI,
    "anthropic": ANTHROPIC,
    "bedrock": BEDROCK,
    "codewhisperer": CODEWHISPERER,
    "gemini": _GEMINI,
    "openai-responses": _RESPONSES,
    "static": StaticDialect(),
}

PASS_THROUGH: Mapping[str, PassThrough] = {"anthropic": ANTHROPIC, "bedrock": BEDROCK}
"""The types whose upstreams speak the client's own format."""

MENDING: Mapping[str, Mending] = {
    "openai": _OPENAI,
    "anthropic": ANTHROPIC,
    "bedrock": BEDROCK,
    "codewhisperer": CODEWHISPERER,
    "gemini": _GEMINI,
    "openai-responses": _RESPONSES,
}
"""The types whose upstreams refuse what one repair can leave out: thinking of another issuer, or that is missed, or a beta they do not know."""

COUNTING = frozenset(("anthropic",))
"""Those of them that count the tokens of a request as the client asks for it."""
