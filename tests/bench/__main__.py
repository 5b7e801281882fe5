"""`make bench`: the router beside nginx, a minimal translator and the bare upstream, in one run on one machine.

The target has one core, load generator and upstream share another. Figures go to `bench-results/`, ratios first, goals beside.
The goals in milliseconds and per second were set on a machine where the minimal translator (`tests/bench/minimal.py`) did what
`REFERENCE` says: their ratios to it hold on any machine, and what has none is told on that machine's scale too.
`--quick` measures less of everything; `--only latency,streams` runs those sections alone.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import json
import os
import platform
import statistics
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from tests.bench import analysis, bodies, decisions, decoders, measure, parties
from tests.fakes.router import ROOT, Router


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the result. `met` is None where there is no goal."""

    name: str
    value: float
    unit: str
    goal: str = ""
    met: bool | None = None

    def line(self) -> str:
        """The line, for a terminal."""
        mark = {True: "met", False: "NOT MET", None: ""}[self.met]
        return f"  {self.name:<52} {self.value:>10,.2f} {self.unit:<8} {self.goal:<26} {mark}"


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is measured: of latencies `requests` by each party in each of `turns`, so that all share the machine's moods."""

    rounds: int
    turns: int
    requests: int
    seconds: float
    memory_requests: int
    starts: int
    quick: bool = False


REFERENCE = {"1 kB": 0.34, "126 kB": 0.60, "requests": 2_950, "streams": 1_900}
"""What the minimal translator added (ms) and served (per second) on the machine that the goals were set on."""

INTERPRETER = getattr(sys, "_base_executable", sys.executable)
"""Whose build the figures depend on: one without profile-guided optimisation takes a fifth longer than Debian's."""

FULL = Effort(rounds=5, turns=25, requests=80, seconds=5.0, memory_requests=10_000, starts=5)
QUICK = Effort(rounds=2, turns=5, requests=60, seconds=1.5, memory_requests=2_000, starts=2, quick=True)


@dataclass(slots=True)
class Bench:
    """What the sections share."""

    effort: Effort
    pins: parties.Cores
    load: parties.Load
    files: measure.Bodies
    upstream: parties.Party
    nginx: parties.Party | None
    minimal: parties.Party
    ccr: parties.Party
    router: Router

    @property
    def all(self) -> list[parties.Party]:
        """Everyone who is there."""
        return [party for party in (self.upstream, self.nginx, self.minimal, self.ccr) if party is not None]


def at_most(name: str, value: float, unit: str, limit: float, goal: str = "") -> Figure:
    """A figure with an upper goal."""
    return Figure(name, value, unit, goal or f"at most {limit:,g}", value <= limit)


def at_least(name: str, value: float, unit: str, limit: float) -> Figure:
    """A figure with a lower goal."""
    return Figure(name, value, unit, f"at least {limit:,g}", value >= limit)


def latency(bench: Bench) -> list[Figure]:
    """Added latency of whole replies, over the bare upstream."""
    figures = []
    for size in ("1 kB", "126 kB"):
        found = measure.latencies(
            bench.load,
            bench.all,
            bench.files,
            size,
            streamed=False,
            rounds=bench.effort.turns,
            requests=bench.effort.requests,
        )
        base = found["upstream"]["total_median_s"]
        added = {name: (taken["total_median_s"] - base) * 1e3 for name, taken in found.items()}
        if bench.nginx and size == "1 kB":
            figures.append(
                at_most(
                    "added, 1 kB, times what nginx adds",
                    added["ccr"] / added["nginx"],
                    "x",
                    4,
                    "at most 4 (7 is the least)",
                )
            )
        if size == "1 kB":
            ratio = found["ccr"]["total_p99_s"] / found["ccr"]["total_median_s"]
            figures.append(at_most("p99 over median, 1 kB", ratio, "x", 3))
            for party in (bench.minimal, bench.nginx, bench.upstream):
                if party is not None:
                    ratio = found[party.name]["total_p99_s"] / found[party.name]["total_median_s"]
                    figures.append(Figure(f"p99 over median, 1 kB, {party.name}", ratio, "x"))
            figures.append(Figure("added by ccr, 1 kB", added["ccr"], "ms"))
        else:
            figures.append(at_most("added by ccr, 126 kB", added["ccr"], "ms", 1))
        goal = {"1 kB": 0.40, "126 kB": 1.0}[size] / REFERENCE[size]
        figures.append(
            at_most(f"added, {size}, times the minimal translator", added["ccr"] / added["minimal"], "x", goal)
        )
        figures.append(Figure(f"added by the minimal translator, {size}", added["minimal"], "ms"))
        if bench.nginx:
            figures.append(Figure(f"added by nginx, {size}", added["nginx"], "ms"))
        figures.append(Figure(f"the upstream itself, {size}", base * 1e3, "ms"))
    return figures


def _scale(bench: Bench) -> float:
    """What a millisecond here is on the machine that the goals were set on, by what the minimal translator adds on both."""
    found = measure.latencies(
        bench.load,
        [bench.upstream, bench.minimal],
        bench.files,
        "1 kB",
        streamed=False,
        rounds=bench.effort.turns,
        requests=bench.effort.requests // 2,
    )
    here = (found["minimal"]["total_median_s"] - found["upstream"]["total_median_s"]) * 1e3
    return REFERENCE["1 kB"] / here


def _scaled(figure: Figure, scale: float, limit: float) -> Figure:
    """The same on the machine that the goals were set on."""
    return at_most(f"{figure.name}, on the scale of the goals", figure.value * scale, figure.unit, limit)


def streams(bench: Bench) -> list[Figure]:
    """First event and each event of streams, over the bare upstream."""
    scale = _scale(bench)
    figures = [Figure("a millisecond here, on the scale of the goals", scale, "ms")]
    for size, limit in (("1 kB", 1.2), ("126 kB", 1.8)):
        found = measure.latencies(
            bench.load,
            bench.all,
            bench.files,
            size,
            streamed=True,
            rounds=bench.effort.turns,
            requests=bench.effort.requests // 2,
        )
        base = found["upstream"]["first_median_s"]
        first = at_most(f"first event later, {size}", (found["ccr"]["first_median_s"] - base) * 1e3, "ms", limit)
        figures += [first, _scaled(first, scale, limit)]
        if bench.nginx:
            figures.append(
                Figure(f"first event later by nginx, {size}", (found["nginx"]["first_median_s"] - base) * 1e3, "ms")
            )
    held = measure.event_holds(bench.load, bench.all, bench.files, rounds=bench.effort.rounds)
    base = held["upstream"]["median_s"]
    hold = at_most("an event held", (held["ccr"]["median_s"] - base) * 1e3, "ms", 0.15)
    figures += [hold, _scaled(hold, scale, 0.15)]
    figures.append(Figure("an event held, p99", (held["ccr"]["p99_s"] - base) * 1e3, "ms"))
    figures.append(Figure("an event held by the minimal translator", (held["minimal"]["median_s"] - base) * 1e3, "ms"))
    if bench.nginx:
        figures.append(Figure("an event held by nginx", (held["nginx"]["median_s"] - base) * 1e3, "ms"))
    return figures


def throughput(bench: Bench) -> list[Figure]:
    """Requests and streams per second on one core."""
    seconds = bench.effort.seconds
    requests = measure.rates(bench.load, bench.all, bench.files, streamed=False, connections=32, seconds=seconds)
    streamed = measure.rates(bench.load, bench.all, bench.files, streamed=True, connections=32, seconds=seconds)
    wrong = measure.wrong_replies(bench.load, bench.ccr, bench.files, connections=256, requests=256 * 8)
    figures = [
        at_least("requests per second, one core", requests["ccr"], "/s", 2_000),
        at_least("streams of 50 events per second, one core", streamed["ccr"], "/s", 1_200),
        at_most("errors at 256 connections", wrong, "", 0),
    ]
    for what, rates, goal in (("requests", requests, 2_000), ("streams", streamed, 1_200)):
        ratio = rates["ccr"] / rates["minimal"]
        figures.append(at_least(f"{what}, times the minimal translator's", ratio, "x", goal / REFERENCE[what]))
    for party in (bench.minimal, bench.nginx, bench.upstream):
        if party:
            figures.append(
                Figure(f"requests per second, {party.name} (load shares a core)", requests[party.name], "/s")
            )
            figures.append(Figure(f"streams per second, {party.name} (load shares a core)", streamed[party.name], "/s"))
    return figures


def work(bench: Bench) -> list[Figure]:
    """Processor time per request of the router (the best of many rounds, so that a busy machine shows less)."""
    return [
        Figure(f"processor, {size}{', streamed' if streamed else ''}", seconds * 1e6, "us")
        for size in ("1 kB", "126 kB")
        for streamed in (False, True)
        for seconds in [
            measure.work(
                bench.load,
                bench.ccr,
                bench.router.pid,
                bench.files,
                size,
                streamed=streamed,
                rounds=5 * bench.effort.rounds,
            )
        ]
    ]


def deciding(bench: Bench) -> list[Figure]:
    """Time of a decision with facts of tier 0 and 1."""
    limits = {10: 10, 100: 20, 1_000: 100}
    taken = decisions.decisions_s(list(limits))
    figures = [at_most(f"a decision among {rules} rules", taken[rules] * 1e6, "us", limits[rules]) for rules in limits]
    big = decisions.decisions_s([100], bodies.big_anthropic)[100]
    return [*figures, Figure("a decision among 100 rules, 126 kB", big * 1e6, "us")]


def analysing(bench: Bench) -> Iterator[Figure]:
    """What `test-config` proves: time, growth, and what is counted on the corpus; `make fuzz` has the oracles."""
    for row in analysis.rows(quick=bench.effort.quick):
        bound = at_least if row.least else at_most
        yield bound(row.name, row.value, row.unit, round(row.goal, 2))


def decoding(bench: Bench) -> list[Figure]:
    """Events per second through each reply decoder, and what each dialect adds before the first byte; in this process."""
    for_s = bench.effort.seconds / 10
    answers = list(decoders.answers())
    speeds = [
        Figure(f"{said.dialect}, {way}", decoders.events_per_s(said, new_reply, for_s), "ev/s")
        for said in answers
        for way, new_reply in decoders.ways(said)
    ]
    return speeds + [
        Figure(f"{said.dialect}, before the first byte, {size}", decoders.first_byte_s(said, body(), for_s) * 1e6, "us")
        for size, body in decoders.SIZES.items()
        for said in answers
    ]


def memory(bench: Bench) -> list[Figure]:
    """Resident memory of a new router, idle and after requests."""
    with parties.router(bench.pins, bench.upstream) as (party, running):
        taken = measure.memory(bench.load, party, running, bench.files, bench.effort.memory_requests)
    values = list(taken.values())
    figures = [at_most("memory, idle", values[0], "MB", 80)]
    figures += [Figure(f"memory {name} requests", value, "MB") for name, value in list(taken.items())[1:]]
    figures.append(at_most("memory, growth over the second half", values[-1] - values[2], "MB", 1))
    return figures


def starting(bench: Bench) -> list[Figure]:
    """Time to the first 200, and of a cold `test-config`."""
    starts = measure.start_times(bench.pins, bench.upstream, bench.effort.starts)
    checks = measure.check_times(bench.pins, bench.upstream, bench.effort.starts)
    return [
        at_most("`ccr start` to the first 200", statistics.median(starts), "s", 0.8),
        at_most("`ccr test-config` on 20 rules, cold", statistics.median(checks), "s", 0.35),
    ]


SECTIONS: dict[str, Callable[[Bench], Iterable[Figure]]] = {
    "latency": latency,
    "streams": streams,
    "throughput": throughput,
    "work": work,
    "deciding": deciding,
    "analysis": analysing,
    "decoders": decoding,
    "memory": memory,
    "starting": starting,
}


def main(arguments: Sequence[str]) -> int:
    """Runs the sections, prints and saves their figures."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--memory-requests", type=int, help="how many requests the memory is watched over")
    parser.add_argument("--only", default=",".join(SECTIONS), help="sections: " + ", ".join(SECTIONS))
    given = parser.parse_args(arguments)
    wanted = given.only.split(",")
    if unknown := [name for name in wanted if name not in SECTIONS]:
        parser.error(f"there is no section {', '.join(unknown)}; there are {', '.join(SECTIONS)}")
    results: dict[str, list[Figure]] = {}
    failed: dict[str, str] = {}
    effort = QUICK if given.quick else FULL
    if given.memory_requests:
        effort = replace(effort, memory_requests=given.memory_requests)
    with _bench(effort) as bench:
        print(
            f"on Python {platform.python_version()} of {INTERPRETER}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"
        )
        if bench.nginx is None:
            print("nginx is not installed: its rows are skipped (Debian package `nginx`)")
        for name in wanted:
            print(f"{name}: {(SECTIONS[name].__doc__ or '').splitlines()[0]}", flush=True)
            results[name] = []
            try:
                for figure in SECTIONS[name](bench):
                    results[name].append(figure)
                    print(figure.line(), flush=True)
            except measure.Wrong as error:
                failed[name] = str(error)
                print(f"  FAILED: {error}")
    print(f"saved in {_save(results, failed, given.quick)}")
    return 1 if failed else 0


@contextlib.contextmanager
def _bench(effort: Effort) -> Any:
    pins = parties.cores()
    with contextlib.ExitStack() as stack:
        folder, files = measure.temporary_bodies()
        stack.callback(folder.cleanup)
        upstream = stack.enter_context(parties.upstream(pins))
        nginx = stack.enter_context(parties.nginx(pins, upstream))
        minimal = stack.enter_context(parties.minimal(pins, upstream))
        ccr, router = stack.enter_context(parties.router(pins, upstream))
        generator = stack.enter_context(parties.load(pins))
        yield Bench(effort, pins, generator, files, upstream, nginx, minimal, ccr, router)


def _save(results: dict[str, list[Figure]], failed: dict[str, str], quick: bool) -> Path:
    folder = ROOT / "bench-results"
    folder.mkdir(exist_ok=True)
    now = datetime.datetime.now(datetime.UTC)
    figures = [figure for section in results.values() for figure in section]
    path = folder / f"{now:%Y%m%dT%H%M%SZ}.json"
    value = {
        "ratios": {figure.name: round(figure.value, 3) for figure in figures if figure.unit == "x"},
        "missed": [figure.name for figure in figures if figure.met is False],
        "figures": {name: [asdict(figure) for figure in section] for name, section in results.items()},
        "failed": failed,
        "quick": quick,
        "machine": {
            "cores": os.cpu_count(),
            "load": os.getloadavg()[0],
            "python": platform.python_version(),
            "interpreter": INTERPRETER,
            "system": platform.platform(),
        },
        "at": now.isoformat(timespec="seconds"),
    }
    path.write_text(json.dumps(value, indent=2) + "\n")
    return path.relative_to(ROOT)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
