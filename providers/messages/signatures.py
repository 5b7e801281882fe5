"""Signatures that an upstream other than Anthropic gave its thinking, marked with who gave them.

The client keeps a thinking block and sends it back as it came, whoever answers next. A signature is worth something to its
issuer only, so every dialect marks what it gives and takes the mark off what it gave itself; nothing is ever made up.

    reply of `g`     Signature("ccr:gemini/g:Eq0...")  ->  client  ->  request to `g`      "Eq0..."
                                                                   ->  any other target    left out
"""

from __future__ import annotations

from functools import lru_cache
from urllib.parse import quote

_MARK = "ccr:"


@lru_cache(maxsize=256)
def issuer_of(dialect: str, provider: str) -> str:
    """The name under which a provider's signatures are marked."""
    return f"{dialect}/{quote(provider, safe='')}"


def marked(issuer: str, signature: str) -> str:
    """The signature as the client is given it."""
    return f"{_MARK}{issuer}:{signature}"


def unmarked(issuer: str, signature: object) -> str | None:
    """The signature as its issuer gave it; None if that was not this issuer."""
    mark = f"{_MARK}{issuer}:"
    if not isinstance(signature, str) or not signature.startswith(mark):
        return None
    return signature.removeprefix(mark)


def is_marked(signature: object) -> bool:
    """Whether some dialect of ours marked it: then it is none of Anthropic's own."""
    return isinstance(signature, str) and signature.startswith(_MARK)
