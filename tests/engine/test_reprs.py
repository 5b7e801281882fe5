"""What a traceback or a debugger prints of a router: never what its configuration says."""

from __future__ import annotations

from schemas.document import Mapping
from tests.fakes.gateway import Answer, checked, in_process

CONFIGURATION = """
providers:
  a:
    type: openai
    endpoint: https://user:CANARY@h.example/v1?key=CANARY
    authentication: {type: bearer, credentials: {apiKey: CANARY}}
    settings: {models: [m], extraHeaders: {x-api-key: CANARY}, extraBody: {token: CANARY}}
routing: {defaultProvider: a, rules: {default: "a,m"}}
server: {apiKeys: [{name: ci, key: CANARY-of-the-router}]}
usage: {store: "postgresql://u:CANARY@h/db"}
state: redis://:CANARY@h:1
telemetry: {endpoint: "https://u:CANARY@h:1"}
"""


def test_no_repr_shows_what_the_configuration_says() -> None:
    """Keys written out, in addresses and in headers: of the router and of each thing that it is made of."""
    found = checked(CONFIGURATION)
    assert found.document is not None
    assert found.built is not None
    assert isinstance(found.document.root, Mapping)
    router = in_process(CONFIGURATION, {"a": [Answer()]}).router
    gateway = router.gateway
    shown: list[object] = [
        found,
        found.document,
        found.document.root,
        found.document.root.get("providers"),
        found.built,
    ]
    shown += [found.built.settings, found.built.providers, found.built.rules, router, gateway, gateway.registry]
    shown += [gateway.upstreams["a"], gateway.door, gateway.registry["a"]]
    for one in shown:
        assert "CANARY" not in f"{one!r}{one}", type(one)


def test_a_repr_says_which_it_is() -> None:
    """Enough to tell two of them apart in a log."""
    found = checked(CONFIGURATION, "mine.yaml")
    assert found.built is not None
    assert repr(found.built) == f"<configuration {found.built.revision}>"
    assert repr(found.document) == "<document of mine.yaml>"
