"""Sources that a reply names (`annotations`), as Anthropic's citations or as a web search's result."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from providers.messages.parts import Citation, Whole


class Source(msgspec.Struct, frozen=True):
    """One `url_citation`. `quoted` is the text of the page, where the upstream gives it."""

    url: str
    title: str
    quoted: str


def sources_in(annotations: Iterable[Any]) -> list[Source]:
    """The sources among `annotations`; other kinds and broken ones are passed over."""
    sources = []
    for annotation in annotations:
        if isinstance(annotation, dict) and annotation.get("type") == "url_citation":
            cited = annotation.get("url_citation")
            members = cited if isinstance(cited, dict) else annotation
            if isinstance(members.get("url"), str) and members["url"]:
                sources.append(Source(members["url"], _text(members.get("title")), _text(members.get("content"))))
    return sources


def citation_of(source: Source) -> Citation:
    """The source as a citation of the text that is open. `encrypted_index` is the issuer's, so there is none."""
    return Citation(
        {
            "type": "web_search_result_location",
            "url": source.url,
            "title": source.title,
            "cited_text": source.quoted,
            "encrypted_index": "",
        }
    )


def search_of(sources: Iterable[Source], use_id: str, query: str = "") -> tuple[Whole, Whole]:
    """A web search and its result. Where the query is not known, the call's input is empty; there is no encrypted content."""
    results = [
        {
            "type": "web_search_result",
            "url": source.url,
            "title": source.title,
            "encrypted_content": "",
            "page_age": None,
        }
        for source in {source.url: source for source in sources}.values()
    ]
    use: dict[str, object] = {"type": "server_tool_use", "id": use_id, "name": "web_search"}
    use["input"] = {"query": query} if query else {}
    return Whole(use), Whole({"type": "web_search_tool_result", "tool_use_id": use_id, "content": results})


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
