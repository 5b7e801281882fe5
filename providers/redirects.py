"""An upstream that answers with a redirect: an error that says where it points, since no redirect is followed."""

from __future__ import annotations

from urllib.parse import urlsplit

from providers.dialects.seams import Head
from providers.endpoint import origin_of
from providers.errors import KINDS, ProviderError

_MOST_CHARS = 200


def redirect_of(provider: str, head: Head) -> ProviderError | None:
    """The error of a 3xx answer, None for any other. Of the location only the origin is said: its path and query may hold secrets."""
    if not 300 <= head.status < 400:
        return None
    origin = _origin_in(head.headers.get("location", ""))
    where = f" points to `{origin}`" if origin else " points to another path" if "location" in head.headers else ""
    said = f"`{provider}` answered {head.status}{' and' if where else ''}{where}; no redirect is followed, check `endpoint`"
    return ProviderError(KINDS["redirect"], said, head.status)


def _origin_in(location: str) -> str:
    try:
        host = (urlsplit(location).hostname or "")[:_MOST_CHARS]
        return origin_of(location)[:_MOST_CHARS] if host else ""
    except ValueError:
        return ""
