"""A provider's `type` -> its dialect."""

from __future__ import annotations

from collections.abc import Mapping

from providers.dialects.anthropic.dialect import ANTHROPIC
from providers.dialects.bedrock.dialect import BEDROCK
from providers.dialects.codewhisperer.dialect import CODEWHISPERER
from providers.dialects.gemini.dialect import GeminiDialect
from providers.dialects.openai.dialect import OpenAIDialect
from providers.dialects.openai_responses.dialect import ResponsesDialect
from providers.dialects.seams import Dialect, PassThrough
from providers.dialects.static import StaticDialect

DIALECTS: Mapping[str, Dialect] = {
    "openai": OpenAIDialect(),
    "anthropic": ANTHROPIC,
    "bedrock": BEDROCK,
    "codewhisperer": CODEWHISPERER,
    "gemini": GeminiDialect(),
    "openai-responses": ResponsesDialect(),
    "static": StaticDialect(),
}

PASS_THROUGH: Mapping[str, PassThrough] = {"anthropic": ANTHROPIC, "bedrock": BEDROCK}
"""The types whose upstreams speak the client's own format."""

COUNTING = frozenset(("anthropic",))
"""Those of them that count the tokens of a request as the client asks for it."""
