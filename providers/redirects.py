"""An upstream that answers with a redirect: an error that says where it points, since no redirect is followed."""

from __future__ import annotations

from urllib.parse import urlsplit

from providers.dialects.seams import Head
from providers.errors import KINDS, ProviderError

_MOST_CHARS = 200


def redirect_of(provider: str, head: Head) -> ProviderError | None:
    """The error of a 3xx answer, None for any other. Of the location only the host is said: its path and query may hold secrets."""
    if not 300 <= head.status < 400:
        return None
    host = _host_in(head.headers.get("location", ""))
    where = f" points to `{host}`" if host else " points to another path" if "location" in head.headers else ""
    said = f"`{provider}` answered {head.status}{' and' if where else ''}{where}; no redirect is followed, check `endpoint`"
    return ProviderError(KINDS["redirect"], said, head.status)


def _host_in(location: str) -> str:
    try:
        return (urlsplit(location).hostname or "")[:_MOST_CHARS]
    except ValueError:
        return ""
