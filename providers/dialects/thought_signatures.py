"""What Gemini wants of the calls in a history, by its own API and by the one that is like OpenAI's: the signature that it gave them.

Source: the vendor's guide to thought signatures.
"""

from __future__ import annotations

import re

MARKER = "skip_thought_signature_validator"
"""What the guide names for calls in a history that another model began: not a signature, a request to do without one."""

_REFUSED = re.compile(
    r"(?:corrupted|invalid|missing an?) .?thought[_ ]?signature|thought[_ ]?signature.{0,40}(?:not valid|invalid)",
    re.IGNORECASE | re.DOTALL,
)


def refuses_signatures(message: str) -> bool:
    """Whether a 400 with this message is about signatures: one that is not valid, or one that is missed."""
    return bool(_REFUSED.search(message))
