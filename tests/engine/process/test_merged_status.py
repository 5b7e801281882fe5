"""The statuses of several workers as one."""

from __future__ import annotations

from typing import Any

import pytest

from engine.process.merged_status import added, merged


def instance(**more: Any) -> dict[str, Any]:
    usual = {
        "name": "a",
        "state": "closed",
        "requests": 1,
        "errors": 0,
        "inflight": 0,
        "latencySeconds": None,
        "restEndsInSeconds": None,
        "reason": None,
        "restingModels": [],
        "lastError": None,
        "lastErrorSecondsAgo": None,
    }
    return {**usual, **more}


def row(worker: int, one: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    usual = {
        "worker": worker,
        "pid": 100 + worker,
        "uptime": float(worker),
        "revision": "r1",
        "process": {"tasks": 5},
        "connections": {"open": 2},
        "providers": [{"name": "p", "waiting": 0, "health": "up", "instances": [one or instance()]}],
        "counters": {"exchanges": worker, "open": 0, "byStatus": {str(200 + worker): 1, "200": 1}},
        "reload": {"at": f"2026-01-0{worker}"},
    }
    return {**usual, **more}


def instances(*found: dict[str, Any]) -> dict[str, Any]:
    """The one instance that several workers' views of it make."""
    rows = [row(number, one) for number, one in enumerate(found, 1)]
    whole: dict[str, Any] = merged(rows, len(rows))["providers"][0]["instances"][0]
    return whole


def test_counts_are_added_up() -> None:
    """Numbers by name, also those that only one worker has."""
    whole = merged([row(2), row(1)], 3)

    assert whole["counters"] == {"exchanges": 3, "open": 0, "byStatus": {"202": 1, "200": 2, "201": 1}}
    assert whole["uptime"] == 2.0
    assert whole["process"] == {"tasks": 10}
    assert whole["workers"]["wanted"] == 3
    assert [one["worker"] for one in whole["workers"]["running"]] == [1, 2]
    assert "worker" not in whole


def test_the_worst_state_is_shown() -> None:
    """An instance that rests for one worker is seen to rest, with that worker's reason and the latest error of any."""
    whole = instances(
        instance(requests=4, latencySeconds=1.0, lastError="old", lastErrorSecondsAgo=9.0, restingModels=["m"]),
        instance(requests=12, latencySeconds=2.0, state="open", reason="connect", restEndsInSeconds=3.0),
        instance(state="half-open", lastError="new", lastErrorSecondsAgo=1.0),
    )

    assert (whole["state"], whole["reason"], whole["restEndsInSeconds"]) == ("open", "connect", 3.0)
    assert (whole["requests"], whole["lastError"], whole["restingModels"]) == (17, "new", ["m"])
    assert whole["latencySeconds"] == 1.75


@pytest.mark.parametrize(
    ("healths", "whole"), [(["up", "up"], "up"), (["up", "down"], "degraded"), (["down", "down"], "down")]
)
def test_health_is_that_of_all(healths: list[str], whole: str) -> None:
    """Workers that disagree make a provider degraded."""
    rows = [row(number) for number in range(1, 3)]
    for one, health in zip(rows, healths, strict=True):
        one["providers"][0]["health"] = health

    assert merged(rows, 2)["providers"][0]["health"] == whole


def test_a_reload_is_done_when_all_have_done_it() -> None:
    """The oldest attempt counts, and a refused one before all."""
    first, second = row(1, reload={"ok": True, "at": "2"}), row(2, reload={"ok": True, "at": "1"})
    refused = row(3, reload={"ok": False, "at": "3"})

    assert merged([first, second], 2)["reload"]["at"] == "1"
    assert merged([first, refused, second], 3)["reload"]["ok"] is False


def test_what_is_no_number_is_taken_from_the_first() -> None:
    """Texts and flags are not added."""
    assert added(["a", "b"]) == "a"
    assert added([True, True]) is True
