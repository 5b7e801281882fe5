"""Documents to provider specifications, in every form the language allows."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.read_spec import read_providers
from providers.secret import Secret
from providers.spec import Concurrency, ConnectionPool, Credentials, HealthCheck, ModelSpec, ProviderSpec, Timeouts
from schemas.diagnostics import Span
from schemas.document import Entry, Mapping, Node, Scalar, Sequence

HERE = Span("ccr.json", 1, 1, 1, 2)


def tree(value: Any) -> Node:
    if isinstance(value, dict):
        return Mapping(tuple(Entry(Scalar(key, HERE), tree(below)) for key, below in value.items()), HERE)
    if isinstance(value, list):
        return Sequence(tuple(tree(below) for below in value), HERE)
    return Scalar(value, HERE)


def read(value: Any) -> dict[str, ProviderSpec]:
    root = tree(value)
    assert isinstance(root, Mapping)
    specs, found = read_providers(root)
    assert found == []
    return specs


def provider(**members: Any) -> ProviderSpec:
    """The one provider of a document with these members, on top of a type and an endpoint."""
    return read({"providers": {"p": {"type": "openai", "endpoint": "https://api.test/v1", **members}}})["p"]


def test_both_places_are_read_in_order() -> None:
    """`routing.providers` and top-level `providers` are one table; the first of a name twice stays."""
    specs = read(
        {
            "providers": {"b": {"type": "openai"}, "a": {"type": "second"}},
            "routing": {"providers": {"a": {"type": "first"}}},
        }
    )

    assert [(name, spec.type) for name, spec in specs.items()] == [("a", "first"), ("b", "openai")]


def test_one_endpoint_is_a_pool_of_one() -> None:
    """Without `instances` the provider's own endpoint is its only instance, named after the host."""
    (one,) = provider(authentication={"type": "bearer", "credentials": {"apiKey": "k"}}).instances

    assert (one.name, one.endpoint, one.weight) == ("api.test", "https://api.test/v1", 1)
    assert one.credentials == Credentials("bearer", Secret("k"))


def test_instances_say_only_what_differs() -> None:
    """Each instance overrides endpoint, authentication and weight; equal hosts get a number."""
    spec = provider(
        authentication={"type": "api_key", "credentials": {"apiKey": "k"}},
        instances=[
            {"endpoint": "http://127.0.0.1:8001/v1", "weight": 3},
            {"authentication": {"tokenPath": "~/t"}},
            {"endpoint": "https://u:pw@api.test/other", "weight": 0, "priority": 2},
            {"endpoint": "${URL}"},
        ],
    )

    assert [(one.name, one.weight, one.priority) for one in spec.instances] == [
        ("127.0.0.1:8001", 3, 0),
        ("api.test", 1, 0),
        ("api.test#2", 0, 2),
        ("instance-4", 1, 0),
    ]
    assert [one.credentials.type for one in spec.instances] == ["api_key", "bearer", "api_key", "api_key"]
    assert spec.instances[1].endpoint == "https://api.test/v1"


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ({"type": "bearer", "credentials": {"apiKey": "k"}}, Credentials("bearer", Secret("k"))),
        ({"type": "api_key", "credentials": {"api_key": "k"}}, Credentials("api_key", Secret("k"))),
        ({"type": "bearer", "credentials": {"token": "t"}}, Credentials("bearer", token=Secret("t"))),
        ({"type": "bearer", "credentials": {"tokenPath": "~/t"}}, Credentials("bearer", token_path="~/t")),
        ({"tokenPath": "~/t"}, Credentials("bearer", token_path="~/t")),
        ({"apiKey": "${KEY}"}, Credentials("bearer", Secret("${KEY}"))),
        ({"type": "none"}, Credentials("none")),
        ({"type": "forward"}, Credentials("forward")),
        ({}, Credentials("none")),
        ("${AUTH}", Credentials("none")),
    ],
)
def test_authentication_forms(written: Any, meant: Credentials) -> None:
    """The full and the short form, and what is not resolved yet."""
    assert provider(authentication=written).instances[0].credentials == meant


@pytest.mark.parametrize(
    ("provider_type", "kind"), [("openai", "bearer"), ("anthropic", "api_key"), ("gemini", "api_key")]
)
def test_a_lone_key_is_sent_as_the_api_wants_it(provider_type: str, kind: str) -> None:
    """Where an API has a header of its own for keys, an `apiKey` is one; what is written wins, and a token is a bearer's."""
    keyed = provider(
        type=provider_type, authentication={"apiKey": "k"}, instances=[{"authentication": {"apiKey": "k"}}]
    )
    assert keyed.instances[0].credentials == Credentials(kind, Secret("k"))
    said = provider(type=provider_type, authentication={"type": "bearer", "credentials": {"apiKey": "k"}})
    assert said.instances[0].credentials.type == "bearer"
    assert provider(type=provider_type, authentication={"token": "t"}).instances[0].credentials.type == "bearer"


def test_a_type_with_one_home_needs_no_endpoint() -> None:
    """The vendor's own endpoint is used where none is written."""
    (spec,) = read({"providers": {"g": {"type": "gemini"}}}).values()
    assert spec.instances[0].endpoint == "https://generativelanguage.googleapis.com/v1beta"
    (signed,) = read({"providers": {"b": {"type": "bedrock", "settings": {"region": "us-east-1"}}}}).values()
    assert signed.instances[0].endpoint == "https://bedrock-runtime.us-east-1.amazonaws.com"
    assert signed.instances[0].credentials == Credentials("sigv4")
    assert provider(type="gemini", endpoint="http://127.0.0.1:9").instances[0].endpoint == "http://127.0.0.1:9"


@pytest.mark.parametrize(
    ("written", "strategy"),
    [
        ("round-robin", "round-robin"),
        ("round_robin", "round-robin"),
        ("weighted_round_robin", "weighted"),
        ("least_connections", "least-busy"),
        ("least_response_time", "least-latency"),
        ("hash", "sticky"),
        ("sticky", "sticky"),
        ("${STRATEGY}", "round-robin"),
    ],
)
def test_strategy_synonyms(written: str, strategy: str) -> None:
    """The original's names mean ours."""
    assert provider(loadBalancing={"strategy": written}).load_balancing.strategy == strategy


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (True, HealthCheck()),
        (False, None),
        ({}, HealthCheck()),
        ({"enabled": False}, None),
        (
            {"path": "/healthz", "interval": 5000, "timeout": 500, "unhealthyAfter": 2, "healthyAfter": 4},
            HealthCheck(5.0, 0.5, "/healthz", 2, 4),
        ),
    ],
)
def test_health_check_forms(written: Any, meant: HealthCheck | None) -> None:
    """`true` or an object, in milliseconds."""
    assert provider(loadBalancing={"healthCheck": written}).load_balancing.health_check == meant


def test_settings_are_read_and_passed_on() -> None:
    """Models in both forms, mappings and connections are read; the dialect still sees every setting as written."""
    settings = {
        "models": [
            "small",
            {"name": "big", "contextWindow": 1000000, "capabilities": ["tools"], "price": {"input": 3}},
        ],
        "defaultModel": "big",
        "categoryMappings": {"default": True, "search": False},
        "connectionPool": {"maxConnections": 10, "keepAlive": False, "timeout": 1500},
        "ownOption": {"deep": [1, None]},
    }
    spec = provider(settings=settings)

    assert spec.models == (
        ModelSpec("small"),
        ModelSpec("big", 1000000, None, frozenset({"tools"}), {"input": 3.0}),
    )
    assert (spec.default_model, spec.category_mappings) == ("big", {"default": True, "search": False})
    assert spec.connection_pool == ConnectionPool(10, False, 1.5)
    assert spec.settings == settings


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ({}, Concurrency()),
        ({"max": 4}, Concurrency(4, 100, 5.0)),
        ({"max": 1, "queue": 0, "wait": 250}, Concurrency(1, 0, 0.25)),
    ],
)
def test_concurrency_is_read(written: Any, meant: Concurrency) -> None:
    """How many at once, how many more wait, and for how many milliseconds."""
    assert provider(concurrency=written).concurrency == meant


@pytest.mark.parametrize("place", ["provider", "settings"])
def test_timeouts_are_milliseconds(place: str) -> None:
    """`timeouts` counts in ms, beside or inside `settings`; what is not said keeps its usual value."""
    timeouts = {"connect": 500, "total": 60000}
    spec = provider(timeouts=timeouts) if place == "provider" else provider(settings={"timeouts": timeouts})

    assert spec.timeouts == Timeouts(0.5, 300.0, 300.0, 60.0)


@pytest.mark.parametrize("endpoint", ["ftp://x/", "api.test/v1", "http://", "https://[::1", "http://x:0/"])
def test_endpoint_that_is_no_url_is_found(endpoint: str) -> None:
    """An endpoint nothing can be sent to is a finding at its place, and the provider is still read."""
    root = tree({"providers": {"p": {"type": "openai", "instances": [{"endpoint": endpoint}]}}})
    assert isinstance(root, Mapping)

    specs, found = read_providers(root)

    assert [one.code for one in found] == ["CCR106"]
    assert specs["p"].instances[0].endpoint == endpoint


def test_specification_shows_no_secret() -> None:
    """No print of a provider holds a credential, wherever it was written."""
    spec = provider(
        endpoint="https://u:canary@api.test/v1?key=canary",
        authentication={"type": "bearer", "credentials": {"apiKey": "canary", "token": "canary"}},
    )

    assert "canary" not in repr(spec)


KEYS = (
    *("type", "endpoint", "authentication", "credentials", "apiKey", "settings", "models", "name", "connectionPool"),
    *("timeout", "timeouts", "instances", "weight", "loadBalancing", "strategy", "healthCheck", "interval"),
    *("capabilities", "price", "total"),
)
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8), st.just("https://a.test")),
    lambda below: st.one_of(
        st.lists(below, max_size=3),
        st.dictionaries(
            st.sampled_from(KEYS),
            below,
            max_size=4,
        ),
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.text(max_size=3), JSON, max_size=3), st.booleans())
def test_nothing_raises(providers: dict[str, Any], nested: bool) -> None:
    """Whatever stands where a provider should, reading ends with values."""
    root = tree({"routing": {"providers": providers}} if nested else {"providers": providers})
    assert isinstance(root, Mapping)

    specs, _ = read_providers(root)

    for spec in specs.values():
        assert spec.instances
        assert len({one.name for one in spec.instances}) == len(spec.instances)
        json.dumps(spec.settings)


def test_a_provider_without_settings_has_none() -> None:
    """What is left out is empty, for those who make a provider themselves."""
    made = ProviderSpec("a", "static", ())
    assert made.settings == {}
    assert made.category_mappings == {}
