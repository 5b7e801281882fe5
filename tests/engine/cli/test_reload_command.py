"""`ccr reload`, and the files a running router watches."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.asking import body, post
from tests.fakes.router import Router

pytestmark = pytest.mark.functional

CONFIG = """\
include: [rules.yaml]
providers:
  here: {type: static, settings: {models: [one]}}
routing: {defaultProvider: here}
"""
RULES = "conditions: {long: {messageLength: '> 1000'}}\n"


@pytest.fixture(scope="module")
def router() -> Iterator[Router]:
    one = Router(CONFIG)
    (one.config.parent / "rules.yaml").write_text(RULES)
    with one:
        yield one


def reload(router: Router) -> Any:
    return router.run("reload", "--port", str(router.port))


def test_a_clean_file_is_taken_over(router: Router) -> None:
    """The command waits for it and names both revisions; a file that says the same changes nothing."""
    router.config.write_text(CONFIG.replace("models: [one]", "models: [one, two]"))
    first = reload(router)
    again = reload(router)

    assert first.returncode == 0, first.stderr
    assert again.returncode == 0, again.stderr
    assert again.stdout.startswith("nothing changed: revision ")


@pytest.mark.parametrize(("arguments", "logged"), [((), True), (("--log-level", "info"), False)])
def test_the_log_level_is_taken_over(arguments: tuple[str, ...], logged: bool) -> None:
    """No restart is needed for it; what `start` was told on its command line stays."""
    with Router(CONFIG.replace("include: [rules.yaml]", ""), arguments=arguments) as one:
        one.config.write_text(one.config.read_text() + "debug: {logLevel: debug}\n")
        done = reload(one)
        assert "restart" not in done.stderr
        post(one.url, body())
        one.signal(15)
        one.wait()
        assert any(line["level"] == "debug" for line in one.log_lines()) is logged


def test_a_bad_file_is_refused_with_its_places(router: Router) -> None:
    """Exit status 1, the finding with file, line and column, and the old configuration goes on."""
    before = router.get("/status")[2]
    router.config.write_text(CONFIG.replace("defaultProvider: here", "defaultProvider: nobody"))
    done = reload(router)
    router.config.write_text(CONFIG)

    assert done.returncode == 1
    assert "ccr.yaml:4:" in done.stderr
    assert "nobody" in done.stderr
    assert "goes on" in done.stderr
    assert before
    assert reload(router).returncode == 0


def test_an_included_file_is_watched(router: Router) -> None:
    """Nobody has to say that a part has changed."""
    revision = router.get("/health/live")[1]["x-ccr-revision"]
    (router.config.parent / "rules.yaml").write_text(RULES.replace("1000", "2000"))
    end = time.monotonic() + 10
    while router.get("/health/live")[1]["x-ccr-revision"] == revision:
        assert time.monotonic() < end, "the change was not noticed"


def test_nobody_to_tell(router: Router) -> None:
    """Exit status 1 with a line."""
    done = router.run("reload", "--port", "1")

    assert (done.returncode, done.stderr) == (1, "no router of this user runs on port 1\n")


def test_without_a_key_it_says_what_it_cannot_see() -> None:
    """Where the router wants a key to show its state, the command does not wait for nothing."""
    keyed = CONFIG.replace("include: [rules.yaml]\n", "server: {apiKeys: [{name: ops, key: '${ROUTER_KEY}'}]}\n")
    with Router(keyed, environment={"ROUTER_KEY": "dummy-router-key-of-ops"}) as one:
        done = reload(one)

    assert done.returncode == 1
    assert "CCR_KEY" in done.stderr
