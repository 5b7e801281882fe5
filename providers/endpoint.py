"""Endpoints as written to URLs as sent."""

from __future__ import annotations

from functools import lru_cache
from urllib.parse import urlsplit, urlunsplit


@lru_cache(maxsize=1024)  # the same few at every request
def url_of(endpoint: str, path: str, query: str = "") -> str:
    """The complete URL: of the dialect's `path` only what the endpoint does not end in already is appended.

    So `.../v1` and `.../v1/messages` both lead to `/v1/messages`, and to a path below it; a query of the endpoint is kept.
    """
    parts = urlsplit(endpoint)
    base = parts.path.rstrip("/")
    segments = [one for one in path.split("/") if one]
    shared = next(
        (n for n in range(len(segments), 0, -1) if base.endswith("/" + "/".join(segments[:n]))),
        0,
    )
    base += "".join("/" + one for one in segments[shared:])
    joined = "&".join(one for one in (parts.query, query.lstrip("?")) if one)
    return urlunsplit((parts.scheme, parts.netloc, base or "/", joined, ""))


def origin_of(endpoint: str) -> str:
    """Scheme, host and port, without credentials or path."""
    parts = urlsplit(endpoint)
    return f"{parts.scheme}://{host_of(endpoint)}"


def host_of(endpoint: str) -> str:
    """Host and port as written, without user and password; empty where there is none."""
    return urlsplit(endpoint).netloc.rpartition("@")[2]


def endpoint_shown(endpoint: str) -> str:
    """The endpoint as it may be shown: no user, password or query, which can hold keys."""
    parts = urlsplit(endpoint)
    return urlunsplit((parts.scheme, host_of(endpoint), parts.path, "", "")) if parts.netloc else endpoint
