"""Who is let in: each bad request with what it gets, what a key admits to, and what is kept from upstreams and the log."""

from __future__ import annotations

from typing import Any

import pytest

from engine.access.addresses import address_of, client_address, network_of
from engine.access.keys import hash_of, key_text, read_expiry, read_hash
from tests.engine.test_exchange import ASK, HELLO
from tests.fakes.gateway import Answer, InProcess, in_process

pytestmark = pytest.mark.integration

KEY = key_text("0123abcd", "A" * 43)
OTHER = key_text("0123abcd", "B" * 43)
LITERAL = "dummy-router-key-1234"
LIMITED = "dummy-limited-key-123"
EXPIRED = "dummy-expired-key-123"
KEYS = f"""
  apiKeys:
    - {{name: team, hash: "{hash_of(KEY, b"0123456789abcdef").written()}"}}
    - {{name: ci, key: {LITERAL}}}
    - {{name: old, key: {EXPIRED}, expires: "2026-12-31"}}
    - name: limited
      key: {LIMITED}
      allow: {{categories: [default], targets: ["b,m2"], models: [m2]}}
"""


def config(server: str = "", routes: str = "") -> str:
    return f"""
server:
  port: 3456{server}
providers:
  a: {{type: openai, endpoint: "http://127.0.0.1:9/v1", settings: {{models: [m1]}}}}
  b: {{type: openai, endpoint: "http://127.0.0.1:9/v1", settings: {{models: [m2, m3]}}}}
routing:
  defaultProvider: a
{routes}
"""


FALLBACK = """
  rules:
    default: {provider: a, model: m1, fallbacks: [{provider: b, model: m2}]}
  customRules:
    - {name: keyed, condition: {clientKey: ci}, target: {provider: b, model: m3}}
"""


def router(server: str = "", routes: str = "") -> InProcess:
    return in_process(config(server, routes), {"a": [Answer(HELLO)], "b": [Answer(HELLO)]})


ATTACKS: list[tuple[str, str, dict[str, str], int, str]] = [
    ("no key", KEYS, {}, 401, "x-ccr-key"),
    ("a wrong key", KEYS, {"x-ccr-key": "wrong"}, 401, "x-ccr-key"),
    ("a wrong key of a known id", KEYS, {"x-ccr-key": OTHER}, 401, "x-ccr-key"),
    ("an empty key", KEYS, {"x-ccr-key": ""}, 401, "x-ccr-key"),
    ("half a key", KEYS, {"x-ccr-key": LITERAL[:-1]}, 401, "x-ccr-key"),
    ("a stored hash as a key", KEYS, {"x-ccr-key": hash_of(KEY, b"0123456789abcdef").written()}, 401, "x-ccr-key"),
    ("a right key behind a wrong one", KEYS, {"x-ccr-key": "wrong", "x-api-key": LITERAL}, 401, "x-ccr-key"),
    ("a right bearer behind a wrong key", KEYS, {"x-api-key": "w", "authorization": f"Bearer {LITERAL}"}, 401, "x-ccr"),
    ("a key by another scheme", KEYS, {"authorization": f"Basic {LITERAL}"}, 401, "x-ccr-key"),
    ("letters outside of ASCII", KEYS, {"x-ccr-key": "\u00e9" * 20}, 401, "x-ccr-key"),
    ("an expired key", KEYS, {"x-ccr-key": EXPIRED}, 401, "has expired"),
    ("a key for other targets", KEYS, {"x-ccr-key": LIMITED}, 403, "`limited` may not use"),
    ("an address that is denied", "\n  access: {deny: [127.0.0.0/8]}", {}, 403, "address"),
    ("an address that is not allowed", "\n  access: {allow: [10.0.0.0/8, '::1']}", {}, 403, "address"),
    ("nobody is allowed", "\n  access: {allow: []}", {}, 403, "address"),
    (
        "an address behind a proxy",
        "\n  trustedProxies: [127.0.0.1]\n  access: {deny: [10.0.0.0/8]}",
        {"x-forwarded-for": "192.0.2.1, 10.1.1.1"},
        403,
        "address",
    ),
    (
        "an address that a client claims",
        "\n  access: {allow: [10.0.0.0/8]}",
        {"x-forwarded-for": "10.1.1.1"},
        403,
        "address",
    ),
    (
        "an address that is none",
        "\n  trustedProxies: [127.0.0.1]\n  access: {deny: [10.0.0.0/8]}",
        {"x-forwarded-for": "unknown"},
        403,
        "address",
    ),
    (
        "what a filter blocks",
        "\nfilters: [{action: block, condition: {model: claude-x}}]",
        {},
        400,
        "filter `filters[0]`",
    ),
    ("more than a limit admits", "\n  limits: [{per: router, inputTokens: 2/minute}]", {}, 429, "over limit"),
    (
        "more than a key's limit admits",
        f"\n  apiKeys: [{{name: small, key: {LITERAL}, limits: {{inputTokens: 2/day}}}}]",
        {"x-ccr-key": LITERAL},
        429,
        "over limit `apiKeys.small`",
    ),
    ("a name made to point here", "", {"host": "evil.example:3456"}, 421, "server.hostNames"),
    ("a name that begins like ours", "", {"host": "localhost.evil.example"}, 421, "server.hostNames"),
    ("two names", "", {"host": "localhost, evil.example"}, 400, "host header"),
    ("two names without a blank", "", {"host": "localhost,evil.example"}, 400, "host header"),
    ("a name and more", "\n  hostNames: [x]", {"host": "x /y"}, 400, "host header"),
    ("a page of another site", "", {"origin": "https://evil.example"}, 403, "other sites"),
    ("a page without a site", "", {"origin": "null"}, 403, "other sites"),
    ("a page of another port", "", {"origin": "http://127.0.0.1:8080"}, 403, "other sites"),
]


@pytest.mark.parametrize(
    ("server", "headers", "status", "words"), [a[1:] for a in ATTACKS], ids=[a[0] for a in ATTACKS]
)
async def test_who_may_not_ask_gets_an_error_and_nothing_is_sent(
    server: str, headers: dict[str, str], status: int, words: str
) -> None:
    """The error is Anthropic's, says what is wrong, and holds no key."""
    one = router(server)
    got = await one.post(ASK, headers=headers)
    kinds = {
        400: "invalid_request_error",
        401: "authentication_error",
        403: "permission_error",
        421: "invalid_request_error",
        429: "rate_limit_error",
    }
    assert got.status == status, got.body
    assert got.json()["error"]["type"] == kinds[status]
    assert words in got.json()["error"]["message"]
    assert "x-api-key" not in got.json()["error"]["message"]  # of which the client says that its user is not logged in
    assert not [key for key in (KEY, OTHER, LITERAL, LIMITED, EXPIRED) if key.encode() in got.body]
    assert not any(name.startswith("access-control") for name in got.headers)
    assert not any(transport.sent for transport in one.transports.values())


@pytest.mark.parametrize(
    ("server", "headers"),
    [
        (KEYS, {"x-ccr-key": KEY, "x-api-key": "the client's own"}),
        (KEYS, {"x-api-key": KEY}),
        (KEYS, {"authorization": f"Bearer {KEY}"}),
        (KEYS, {"authorization": f"bearer {LITERAL}"}),
        ("\n  access: {allow: ['::ffff:127.0.0.0/104']}", {}),
        (
            "\n  trustedProxies: [127.0.0.1]\n  access: {allow: ['2001:db8::/32']}",
            {"x-forwarded-for": "10.0.0.1, [2001:db8::1]:80"},
        ),
        ("", {"host": "localhost:3456", "origin": "http://localhost:3456"}),
        ("", {"host": "[::1]:3456"}),
        ("\n  hostNames: [Router.lan]", {"host": "router.lan.", "origin": "https://router.lan"}),
    ],
)
async def test_who_may_ask_is_answered(server: str, headers: dict[str, str]) -> None:
    """By a right key in any of the three headers, from an allowed address, under one of the router's names."""
    assert (await router(server).post(ASK, headers=headers)).status == 200


@pytest.mark.parametrize(
    ("server", "host", "status"),
    [
        ("", "10.1.2.3:3456", 200),
        ("", "[2001:db8::1]:3456", 200),
        ("", "router:3456", 200),
        ("", "localhost", 200),
        ("", "evil.example:3456", 421),
        ("", "10.1.2.3.evil.example", 421),
        ("\n  hostNames: [router.lan]", "router.lan", 200),
        ("\n  hostNames: [router.lan]", "evil.example", 421),
        (KEYS, "evil.example", 200),
        ("\n  tls: {certificate: c.pem, key: k.pem}", "evil.example", 200),
    ],
)
async def test_a_name_made_to_point_at_a_router_without_keys_is_refused(server: str, host: str, status: int) -> None:
    """Also where other machines reach it: a page could ask in its visitor's name. A key no page can know."""
    one = router(server)
    one.router.on_loopback = False
    got = await one.post(ASK, headers={"host": host, "x-ccr-key": KEY, "origin": f"http://{host}"})
    assert got.status == status


async def test_a_client_of_chat_completions_reads_its_own_errors() -> None:
    """A missing key is told in the form of that API."""
    got = await router(KEYS).post(ASK, "/v1/chat/completions")
    assert got.status == 401
    assert "x-ccr-key" in got.json()["error"]["message"]
    assert "type" not in got.json()


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/status", 401),
        ("GET", "/v1/models", 401),
        ("GET", "/v1/models/a,m1", 401),
        ("GET", "/health", 200),
        ("GET", "/health/live", 200),
        ("HEAD", "/", 200),
        ("POST", "/v1/ccr/explain", 401),
        ("POST", "/v1/messages/count_tokens", 401),
    ],
)
async def test_probes_alone_need_no_key(method: str, path: str, status: int) -> None:
    """With keys set all but the probes ask for one; `/health` tells a stranger no more than whether it can serve."""
    got = await router(KEYS).post(b"", path, method)
    assert got.status == status
    if path == "/health":
        assert got.json() == {"ok": True}


async def test_what_a_key_is_not_allowed_is_skipped() -> None:
    """A fallback that is allowed answers at once; the log and the counters know the key by its name."""
    one = router(KEYS, FALLBACK)
    got = await one.post(ASK, headers={"x-ccr-key": LIMITED})
    assert got.headers["x-ccr-target"] == "b,m2"
    assert not one.transports["a"].sent
    assert one.router.counters.by_key == {"limited": 1}
    refused = await one.post({**ASK, "model": "b,m2"}, headers={"x-ccr-key": LIMITED})
    assert refused.status == 403  # its model decided, no category did


@pytest.mark.parametrize(
    ("allow", "listed"),
    [
        ("", ["a,m1", "b,m2", "b,m3"]),
        ("allow: {targets: [b]}", ["b,m2", "b,m3"]),
        ("allow: {targets: [a, 'b,m3']}", ["a,m1", "b,m3"]),
        ("allow: {models: [m2]}", ["b,m2"]),
        ("allow: {categories: [default]}", []),
    ],
)
async def test_a_key_sees_the_models_it_may_ask_for(allow: str, listed: list[str]) -> None:
    """And no others, in the list and one by one; a key for categories may ask for none by name."""
    one = router(f"\n  apiKeys: [{{name: ci, key: {LITERAL}, {allow}}}]")
    got = await one.post(b"", "/v1/models", "GET", headers={"x-ccr-key": LITERAL})
    assert [row["id"] for row in got.json()["data"]] == listed
    single = await one.post(b"", "/v1/models/a,m1", "GET", headers={"x-ccr-key": LITERAL})
    assert single.status == (200 if "a,m1" in listed else 404)


async def test_rules_know_the_key_by_its_name() -> None:
    """`clientKey` is the name of the key that was presented."""
    got = await router(KEYS, FALLBACK).post(ASK, headers={"x-api-key": LITERAL})
    assert got.headers["x-ccr-rule"] == "keyed"


PASSING = """
server:
  apiKeys: [{name: ci, key: dummy-router-key-1234}]
providers:
  up: {type: anthropic, endpoint: "http://127.0.0.1:9", authentication: {type: forward}}
routing: {defaultProvider: up}
"""


@pytest.mark.parametrize(
    "headers",
    [
        {"x-ccr-key": LITERAL, "x-api-key": "the-clients-own"},
        {"x-ccr-key": LITERAL, "x-api-key": LITERAL, "authorization": "Bearer the-clients-own"},
    ],
)
async def test_the_router_key_is_not_forwarded(headers: dict[str, str]) -> None:
    """Not in the header that held it nor in another; the client's own credential passes."""
    one = in_process(PASSING, {"up": [Answer(status=400)]})
    await one.post(ASK, headers=headers)
    sent: list[Any] = one.transports["up"].sent
    assert sent
    for request in sent:
        assert LITERAL not in repr(request.headers)
        assert "the-clients-own" in repr(request.headers)


def test_hashes_are_read_as_written() -> None:
    """A stored hash fits its key and no other, and one that costs too much is refused."""
    stored = hash_of(KEY, b"0123456789abcdef")
    assert read_hash(stored.written()) == stored
    assert stored.matches(KEY)
    assert not stored.matches(OTHER)
    for bad in ("", "scrypt:14", stored.written().replace("scrypt:14", "scrypt:30"), stored.written() + "A"):
        with pytest.raises(ValueError, match="hash"):
            read_hash(bad)


@pytest.mark.parametrize(("text", "wanted"), [("2026-12-31", 1798761600.0), ("2026-12-31T12:00:00Z", 1798718400.0)])
def test_a_day_lasts_to_its_end(text: str, wanted: float) -> None:
    """A day is meant in UTC, a time says its zone."""
    assert read_expiry(text) == wanted


@pytest.mark.parametrize(
    ("peer", "forwarded", "wanted"),
    [
        ("192.0.2.1", "10.9.9.9", "192.0.2.1"),
        ("10.0.0.1", None, "10.0.0.1"),
        ("10.0.0.1", "192.0.2.7, 10.0.0.2", "192.0.2.7"),
        ("::ffff:10.0.0.1", "1.1.1.1, 192.0.2.7:443", "192.0.2.7"),
        ("10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3"),
        ("10.0.0.1", "192.0.2.7, junk", None),
        (None, "192.0.2.7", None),
    ],
)
def test_the_right_most_address_that_is_not_trusted_counts(
    peer: str | None, forwarded: str | None, wanted: str | None
) -> None:
    """What stands left of it was said by a stranger."""
    found = client_address(peer, forwarded, [network_of("10.0.0.0/8")])
    assert found == (address_of(wanted) if wanted else None)
