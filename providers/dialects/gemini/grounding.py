"""What Google's search found, as the search and its result that the client knows."""

from __future__ import annotations

from typing import Any

import msgspec

from providers.dialects.web_sources import Source


class Found(msgspec.Struct, frozen=True):
    """The queries and the pages of a reply."""

    queries: tuple[str, ...] = ()
    sources: tuple[Source, ...] = ()


def found_in(metadata: Any) -> Found:
    """The queries and pages in `groundingMetadata`; other kinds of evidence and broken members are passed over."""
    if not isinstance(metadata, dict):
        return Found()
    queries = [query for query in _items(metadata, "webSearchQueries") if isinstance(query, str) and query]
    sources = []
    for item in _items(metadata, "groundingChunks"):
        web = item.get("web") if isinstance(item, dict) else None
        if isinstance(web, dict) and isinstance(web.get("uri"), str) and web["uri"]:
            title = web.get("title")
            sources.append(Source(web["uri"], title if isinstance(title, str) else "", ""))
    return Found(tuple(queries), tuple(sources))


def _items(value: dict[str, Any], name: str) -> list[Any]:
    found = value.get(name)
    return found if isinstance(found, list) else []
