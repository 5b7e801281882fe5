"""A provider's `type` -> its dialect."""

from __future__ import annotations

from collections.abc import Mapping

from providers.dialects.codewhisperer.dialect import CODEWHISPERER
from providers.dialects.openai.dialect import OpenAIDialect
from providers.dialects.seams import Dialect
from providers.dialects.static import StaticDialect

DIALECTS: Mapping[str, Dialect] = {
    "openai": OpenAIDialect(),
    "codewhisperer": CODEWHISPERER,
    "static": StaticDialect(),
}
