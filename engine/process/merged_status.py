"""The statuses of several workers as one, for `/status`. Pure.

Counts are added up; where the workers differ in what they know of an instance, the worst of it is shown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

JSON: TypeAlias = dict[str, Any]
Values: TypeAlias = Sequence[Any]

_STATES = ("closed", "half-open", "open")


def merged(rows: Sequence[JSON], count: int) -> JSON:
    """One status from those of the workers that answered (at least one), the first of which was asked.

    `workers` tells how each stands; `count` is how many there should be.
    """
    first = rows[0]
    status = {name: value for name, value in first.items() if name not in ("worker", "pid", "meters")}
    status["uptime"] = max(row["uptime"] for row in rows)
    status["counters"] = added([row["counters"] for row in rows])
    status["connections"] = added([row["connections"] for row in rows])
    status["process"] = added([row["process"] for row in rows])
    status["reload"] = _reload([row["reload"] for row in rows])
    status["providers"] = [_provider(_named(rows, "providers", one["name"])) for one in first["providers"]]
    status["workers"] = {
        "wanted": count,
        "running": [
            {
                "worker": row["worker"],
                "pid": row["pid"],
                "uptime": row["uptime"],
                "revision": row["revision"],
                "open": row["counters"]["open"],
            }
            for row in sorted(rows, key=lambda row: int(row["worker"]))
        ],
    }
    return status


def added(values: Values) -> Any:
    """The sum of numbers; of mappings, by key; of anything else, the first."""
    first = values[0]
    if isinstance(first, Mapping):
        names = dict.fromkeys(name for value in values for name in value)
        return {name: added([value[name] for value in values if name in value]) for name in names}
    if isinstance(first, int | float) and not isinstance(first, bool):
        return sum(values)
    return first


def _reload(reloads: Sequence[JSON]) -> JSON:
    """The refused one if there is one, else the one that began first: all have done at least that."""
    return min(reloads, key=lambda one: (one.get("ok") is not False, str(one.get("at", ""))))


def _named(rows: Sequence[JSON], key: str, name: str) -> list[JSON]:
    return [one for row in rows for one in row[key] if one["name"] == name]


def _provider(rows: Sequence[JSON]) -> JSON:
    healths = {row["health"] for row in rows}
    instances = [_instance(_named(rows, "instances", one["name"])) for one in rows[0]["instances"]]
    return {
        **rows[0],
        "health": healths.pop() if len(healths) == 1 else "degraded",
        "waiting": sum(row["waiting"] for row in rows),
        "instances": instances,
    }


def _instance(rows: Sequence[JSON]) -> JSON:
    worst = max(rows, key=lambda row: _STATES.index(row["state"]))
    measured = [(row["latencySeconds"], row["requests"]) for row in rows if row["latencySeconds"] is not None]
    failed = [row for row in rows if row["lastErrorSecondsAgo"] is not None]
    latest = min(failed, key=lambda row: float(row["lastErrorSecondsAgo"]), default=rows[0])
    return {
        **worst,
        **{name: sum(row[name] for row in rows) for name in ("requests", "errors", "inflight")},
        "latencySeconds": _mean(measured),
        "restingModels": sorted({model for row in rows for model in row["restingModels"]}),
        "lastError": latest["lastError"],
        "lastErrorSecondsAgo": latest["lastErrorSecondsAgo"],
    }


def _mean(measured: Sequence[tuple[float, int]]) -> float | None:
    total = sum(weight for _, weight in measured)
    return round(sum(value * weight for value, weight in measured) / total, 4) if total else None
