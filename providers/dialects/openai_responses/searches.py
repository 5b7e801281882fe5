"""Searches of the server's own, as the call and result that the client knows."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from providers.dialects.openai_responses.events import Item
from providers.dialects.web_sources import Source, search_of
from providers.messages.parts import Part


class Searches:
    """The searches of one reply. One that names its pages is told at once; else the pages that the text cites stand for them."""

    __slots__ = ("_cited", "_new_id", "_waiting", "count")

    def __init__(self, new_id: Callable[[], str]) -> None:
        self._new_id = new_id
        self._waiting: list[str] = []
        self._cited: list[Source] = []
        self.count = 0

    def done(self, item: Item) -> list[Part]:
        """A `web_search_call` is complete; opening a page or looking into it is no search."""
        action: dict[str, Any] = item.action if isinstance(item.action, dict) else {}
        if action.get("type", "search") != "search":
            return []
        self.count += 1
        queries = action.get("queries")
        words = [one for one in (queries if isinstance(queries, list) else ()) if isinstance(one, str)]
        query = action["query"] if isinstance(action.get("query"), str) else "; ".join(words)
        sources = _sources_of(action.get("sources"))
        if not sources:
            self._waiting.append(query)
            return []
        return self._told(sources, query)

    def cited(self, sources: Iterable[Source]) -> None:
        """Pages that the text cites."""
        self._cited += sources

    def rest(self) -> list[Part]:
        """The searches that named no pages, with those that were cited."""
        if not self._waiting:
            return []
        return self._told(self._cited, "; ".join(query for query in self._waiting if query))

    def _told(self, sources: Iterable[Source], query: str) -> list[Part]:
        return [*search_of(sources, f"srvtoolu_{self._new_id()}", query)]


def _sources_of(listed: Any) -> list[Source]:
    return [
        Source(one["url"], one["title"] if isinstance(one.get("title"), str) else "", "")
        for one in (listed if isinstance(listed, list) else ())
        if isinstance(one, dict) and isinstance(one.get("url"), str) and one["url"]
    ]
