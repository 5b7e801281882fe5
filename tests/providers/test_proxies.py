"""Which requests go through a proxy."""

from __future__ import annotations

import pytest

from providers.proxies import proxy_of

PROXY = {"HTTP_PROXY": "http://proxy.test:8080", "https_proxy": "proxy.test:8081"}


@pytest.mark.parametrize(
    ("url", "environment", "proxy"),
    [
        ("http://a.test/", PROXY, "http://proxy.test:8080"),
        ("https://a.test/", PROXY, "http://proxy.test:8081"),
        ("https://a.test/", {}, None),
        ("https://a.test/", {"ALL_PROXY": "http://all.test"}, "http://all.test"),
        ("http://a.test/", {"http_proxy": "http://low.test", "HTTP_PROXY": "http://up.test"}, "http://low.test"),
        ("http://localhost:1/", PROXY, None),
        ("http://x.localhost/", PROXY, None),
        ("http://127.8.8.8/", PROXY, None),
        ("http://[::1]:8000/", PROXY, None),
        ("http://0.0.0.0/", PROXY, None),
        ("http://a.test/", {**PROXY, "NO_PROXY": "*"}, None),
        ("http://a.test/", {**PROXY, "NO_PROXY": "b.test, a.test"}, None),
        ("http://sub.a.test/", {**PROXY, "NO_PROXY": "a.test"}, None),
        ("http://sub.a.test/", {**PROXY, "NO_PROXY": ".a.test"}, None),
        ("http://sub.a.test/", {**PROXY, "NO_PROXY": "*.a.test"}, None),
        ("http://nota.test/", {**PROXY, "NO_PROXY": "a.test"}, "http://proxy.test:8080"),
        ("http://a.test:81/", {**PROXY, "NO_PROXY": "a.test:81"}, None),
        ("http://a.test:82/", {**PROXY, "NO_PROXY": "a.test:81"}, "http://proxy.test:8080"),
        ("http://10.1.2.3/", {**PROXY, "NO_PROXY": "10.0.0.0/8"}, None),
        ("http://11.1.2.3/", {**PROXY, "NO_PROXY": "10.0.0.0/8"}, "http://proxy.test:8080"),
        ("http://[2001:db8::1]/", {**PROXY, "no_proxy": "[2001:db8::1]"}, None),
    ],
)
def test_proxy_of_the_environment(url: str, environment: dict[str, str], proxy: str | None) -> None:
    """The usual variables decide, and loopback always goes directly."""
    assert proxy_of(url, environment) == proxy
