"""The measurements: each gives figures by name, in seconds, rates or megabytes."""

from __future__ import annotations

import json
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tests.bench import bodies
from tests.bench.load import Job
from tests.bench.parties import AS_INSTALLED, Cores, Load, Party, headers_for, router_configuration
from tests.fakes.router import Router, ccr_command

BODIES: dict[tuple[str, str], Callable[[], dict[str, Any]]] = {
    ("1 kB", "anthropic"): bodies.small_anthropic,
    ("1 kB", "openai"): bodies.small_openai,
    ("126 kB", "anthropic"): bodies.big_anthropic,
    ("126 kB", "openai"): bodies.big_openai,
}
"""(size, format) -> the body."""


TURN_S = 0.5


class Wrong(RuntimeError):
    """Some reply was not right: its figures would mean nothing."""


class Bodies:
    """The body files of a run."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        for (size, form), make in BODIES.items():
            self.path(size, form).write_text(json.dumps(make()))

    def path(self, size: str, form: str) -> Path:
        """The file of a body."""
        return self._folder / f"{size.replace(' ', '')}-{form}.json"


def job(party: Party, files: Bodies, size: str, *, streamed: bool, model: str = "fake-model", **more: Any) -> Job:
    """A job for a party, in its own format."""
    return Job(
        port=party.port,
        path=party.path,
        body=str(files.path(size, party.format)),
        ending=party.ending(streamed),
        streamed=streamed,
        model=model,
        headers=headers_for(party),
        **more,
    )


def right(outcome: dict[str, Any], who: str) -> dict[str, Any]:
    """The outcome, if every reply was right. Raises `Wrong`."""
    if outcome["wrong"]:
        raise Wrong(f"{outcome['wrong']} wrong replies from {who}, such as: {outcome['example']}")
    return outcome


def percentile(samples: Sequence[float], percent: float) -> float:
    """The sample below which `percent` of all lie."""
    ordered = sorted(samples)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


def latencies(
    load: Load, parties: Sequence[Party], files: Bodies, size: str, *, streamed: bool, rounds: int, requests: int
) -> dict[str, dict[str, float]]:
    """Median and p99 of each party, measured in turns so that they share the machine's moods. One connection, one at a time."""
    samples: dict[str, dict[str, list[float]]] = {party.name: {"first": [], "total": []} for party in parties}
    for party in parties:
        right(load(job(party, files, size, streamed=streamed, requests=50)), party.name)
    for _ in range(rounds):
        for party in parties:
            outcome = right(load(job(party, files, size, streamed=streamed, requests=requests)), party.name)
            samples[party.name]["first"] += outcome["first"][1:]
            samples[party.name]["total"] += outcome["total"][1:]
    return {
        name: {
            "first_median_s": statistics.median(taken["first"]),
            "first_p99_s": percentile(taken["first"], 99),
            "total_median_s": statistics.median(taken["total"]),
            "total_p99_s": percentile(taken["total"], 99),
        }
        for name, taken in samples.items()
    }


def event_holds(load: Load, parties: Sequence[Party], files: Bodies, *, rounds: int) -> dict[str, dict[str, float]]:
    """How long an event is under way, from the upstream's write to the client's read, in paced streams."""
    samples: dict[str, list[float]] = {party.name: [] for party in parties}
    for _ in range(rounds):
        for party in parties:
            outcome = right(load(job(party, files, "1 kB", streamed=True, model="paced", requests=4)), party.name)
            samples[party.name] += outcome["held"]
    return {
        name: {"median_s": statistics.median(held), "p99_s": percentile(held, 99)} for name, held in samples.items()
    }


def rates(
    load: Load, parties: Sequence[Party], files: Bodies, *, streamed: bool, connections: int, seconds: float
) -> dict[str, float]:
    """Replies per second of each party, in a closed loop over so many connections: the median of turns of half a second."""
    found: dict[str, list[float]] = {party.name: [] for party in parties}
    for turn in range(1 + max(1, round(seconds / TURN_S))):
        for party in parties:
            outcome = right(
                load(job(party, files, "1 kB", streamed=streamed, connections=connections, seconds=TURN_S)), party.name
            )
            if turn:  # the first is for warming up
                found[party.name].append(len(outcome["total"]) / outcome["took_s"])
    return {name: statistics.median(rates) for name, rates in found.items()}


def wrong_replies(load: Load, party: Party, files: Bodies, *, connections: int, requests: int) -> int:
    """How many replies were wrong at many connections."""
    outcome = load(job(party, files, "1 kB", streamed=False, connections=connections, requests=requests))
    wrong: int = outcome["wrong"]
    return wrong


def processor_s(pid: int) -> float:
    """Seconds that a process's threads have had a core for (Linux)."""
    folder = Path(f"/proc/{pid}/task")
    return sum(int((thread / "schedstat").read_text().split()[0]) for thread in folder.iterdir()) / 1e9


def work(load: Load, party: Party, pid: int, files: Bodies, size: str, *, streamed: bool, rounds: int) -> float:
    """Processor seconds per request, of the best of many short rounds: little disturbed by what else the machine does."""
    requests, found = 100, []
    for _ in range(rounds):
        before = processor_s(pid)
        right(load(job(party, files, size, streamed=streamed, connections=8, requests=requests)), party.name)
        found.append((processor_s(pid) - before) / requests)
    return min(found)


def memory(load: Load, party: Party, running: Router, files: Bodies, requests: int) -> dict[str, float]:
    """Resident megabytes after so many requests, a quarter at a time, half of them streams."""
    found = {"after 0": running.resident_mb()}
    for quarter in range(1, 5):
        for streamed in (False, True):
            right(
                load(job(party, files, "1 kB", streamed=streamed, connections=16, requests=requests // 8)), party.name
            )
        found[f"after {requests * quarter // 4}"] = running.resident_mb()
    return found


def start_times(pins: Cores, target: Party, times: int) -> list[float]:
    """Seconds from `ccr start` to its first 200."""
    found = []
    for _ in range(times):
        with Router(router_configuration(target), launcher=pins.on_target(), prelude=AS_INSTALLED) as router:
            found.append(router.ready_after_s)
    return found


def check_times(pins: Cores, target: Party, times: int, rules: int = 20) -> list[float]:
    """Seconds that `ccr test-config` takes for a file of so many rules, as a new process each time."""
    config = router_configuration(target)
    config["routing"]["customRules"] = [
        {
            "name": f"rule {number}",
            "condition": {"modelContains": f"model-{number}", "messageLength": f"> {number}000"},
            "target": {"provider": "fake", "model": "fake-model"},
        }
        for number in range(rules)
    ]
    found = []
    with Router(config) as router:
        command = [*pins.on_target(), *ccr_command("test-config", str(router.config))]
        for _ in range(times):
            began = time.monotonic()
            done = subprocess.run(command, env=router.environment, capture_output=True, check=False)
            found.append(time.monotonic() - began)
            if done.returncode:
                raise Wrong(f"test-config ended with {done.returncode}: {done.stdout.decode()}{done.stderr.decode()}")
    return found


def temporary_bodies() -> tuple[tempfile.TemporaryDirectory[str], Bodies]:
    """The body files in a folder that the caller cleans up."""
    folder = tempfile.TemporaryDirectory(prefix="ccr-bench-")
    return folder, Bodies(Path(folder.name))
