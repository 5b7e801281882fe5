"""Endpoints to URLs."""

from __future__ import annotations

import pytest

from providers.endpoint import endpoint_shown, origin_of, url_of


@pytest.mark.parametrize(
    ("endpoint", "path", "query", "url"),
    [
        ("https://a.test/v1", "/chat/completions", "", "https://a.test/v1/chat/completions"),
        ("https://a.test/v1/", "/chat/completions", "", "https://a.test/v1/chat/completions"),
        ("https://a.test/v1/chat/completions", "/chat/completions", "", "https://a.test/v1/chat/completions"),
        ("https://a.test", "/v1/messages", "beta=true", "https://a.test/v1/messages?beta=true"),
        ("https://a.test/v1", "/v1/messages", "", "https://a.test/v1/messages"),
        ("https://a.test/v1/messages", "/v1/messages", "", "https://a.test/v1/messages"),
        ("https://a.test/v1/messages", "/v1/messages/count_tokens", "", "https://a.test/v1/messages/count_tokens"),
        (
            "https://a.test/api/anthropic",
            "/v1/messages/count_tokens",
            "",
            "https://a.test/api/anthropic/v1/messages/count_tokens",
        ),
        ("https://a.test/api/anthropic/", "/v1/messages", "", "https://a.test/api/anthropic/v1/messages"),
        ("https://a.test/xv1", "/v1/messages", "", "https://a.test/xv1/v1/messages"),
        (
            "https://a.test/x?api-version=1",
            "/chat/completions",
            "b=2",
            "https://a.test/x/chat/completions?api-version=1&b=2",
        ),
        ("https://u:p@a.test:8443/v1", "/x", "", "https://u:p@a.test:8443/v1/x"),
        ("https://a.test", "", "", "https://a.test/"),
        ("https://a.test", "/", "", "https://a.test/"),
        ("http://[::1]:8000", "/v1/messages", "", "http://[::1]:8000/v1/messages"),
    ],
)
def test_path_is_appended_only_where_it_is_missing(endpoint: str, path: str, query: str, url: str) -> None:
    """Base URLs and full paths lead to the same place; no version segment comes twice."""
    assert url_of(endpoint, path, query) == url


def test_shown_endpoint_holds_no_secret() -> None:
    """User, password and query are left out of what is shown and of the origin."""
    assert endpoint_shown("https://u:canary@a.test:1/v1?key=canary") == "https://a.test:1/v1"
    assert origin_of("https://u:canary@a.test:1/v1?key=canary") == "https://a.test:1"
    assert endpoint_shown("${URL}") == "${URL}"
