"""A provider's `type` -> its dialect. A dialect is loaded when a configuration first names it: most name one or two."""

from __future__ import annotations

from msgspec import Struct

from providers.dialects.seams import Dialect, Mending, PassThrough

TYPES = frozenset(("openai", "anthropic", "bedrock", "codewhisperer", "gemini", "openai-responses", "static"))
"""All there are."""

COUNTING = frozenset(("anthropic",))
"""Those whose upstreams count the tokens of a request as the client asks for it."""


class Spoken(Struct, frozen=True):
    """A dialect as the exchange uses it.

    `mending`: its upstreams refuse what one repair can leave out, such as thinking of another issuer, or that is missed,
    or a beta they do not know. `through`: they speak the client's own format.
    """

    dialect: Dialect
    mending: Mending | None = None
    through: PassThrough | None = None


def spoken_by(kind: str) -> Spoken:
    """The dialect of a provider of that type. Raises KeyError for a type there is not."""
    match kind:
        case "openai":
            from providers.dialects.openai.dialect import OPENAI

            return Spoken(OPENAI, OPENAI)
        case "openai-responses":
            from providers.dialects.openai_responses.dialect import RESPONSES

            return Spoken(RESPONSES, RESPONSES)
        case "codewhisperer":
            from providers.dialects.codewhisperer.dialect import CODEWHISPERER

            return Spoken(CODEWHISPERER, CODEWHISPERER)
        case "gemini":
            from providers.dialects.gemini.dialect import GEMINI

            return Spoken(GEMINI, GEMINI)
        case "anthropic":
            from providers.dialects.anthropic.dialect import ANTHROPIC

            return Spoken(ANTHROPIC, ANTHROPIC, ANTHROPIC)
        case "bedrock":
            from providers.dialects.bedrock.dialect import BEDROCK

            return Spoken(BEDROCK, BEDROCK, BEDROCK)
        case "static":
            from providers.dialects.static import STATIC

            return Spoken(STATIC)
    raise KeyError(kind)


def dialect_of(kind: str) -> Dialect:
    """Only the translation both ways."""
    return spoken_by(kind).dialect
