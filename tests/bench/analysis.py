"""The goals of the analysis as rows, ours beside the goal (`make bench ARGS="--only analysis"`).

Times are processor time, of this process or of one it starts; growth and agreement are ratios and counts, which no machine can fail.
What is counted here is a slice of what `make fuzz` counts.
"""

from __future__ import annotations

import json
import math
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, TypeVar

from engine.analysis.stage import offered
from engine.built import Built
from engine.explaining.why_not import QUESTION, ready_for
from rules.analysis.analyse import Analysis, Subject, analyse
from rules.analysis.budget import Budget
from rules.analysis.counterfactual import Reached, counterfactual
from rules.analysis.counterfactual import Subject as About
from rules.analysis.prove import Never
from rules.analysis.ready import prover_of
from rules.facts import Facts, FactSource
from rules.fast import decider_of
from rules.invariants import invariants_in
from rules.nodes import Decision
from rules.requests.bodies import envelope_of
from schemas.document import Mapping as MappingNode
from tests.bench.decisions import best_of_turns
from tests.corpus.generate import PROVIDERS, built_of, structured
from tests.corpus.hostile import KINDS
from tests.properties.test_explain_is_the_server import said_and_done
from tests.rules.analysis.crowds import crowded
from tests.rules.analysis.test_corpus import GOOD, MISTAKES, checked
from tests.rules.analysis.test_scaling import HOSTILE

ROOT = Path(__file__).parents[2]
ResultT = TypeVar("ResultT")
_EVERYDAY = {
    "request": {"model": "gpt-4", "max_tokens": 5, "messages": [{"role": "user", "content": "hi"}]},
    "headers": {},
    "now": "2026-01-05T12:00:00+00:00",
}


@dataclass(frozen=True, slots=True)
class Row:
    """One figure with the most it should be, or, `least`, the least."""

    name: str
    value: float
    unit: str
    goal: float
    least: bool = False


def timed(work: Callable[[], ResultT]) -> tuple[ResultT, float]:
    """What the work gives, and the seconds of processor time it took."""
    start = time.process_time()
    result = work()
    return result, time.process_time() - start


def analysis_of(built: Built) -> Analysis:
    """As a check of the configuration makes it."""
    return analyse(Subject(built.rules, offered(built.providers)))


def reachability(kind: str, config: dict[str, Any]) -> Generator[Row, None, int]:
    """Every rule decided with its minimal blockers, and how many of these a second routine confirms; gives the steps."""
    built = built_of(config)

    def work() -> tuple[int, int, int]:
        prover = prover_of(built.rules, offered(built.providers), Budget())
        shadowed = rechecked = 0
        for number, outcome in enumerate(prover.listing.outcomes):
            answer = prover.is_reached(number) if outcome.kind == "rule" else None
            if isinstance(answer, Never):
                shadowed += 1
                rechecked += prover.blockers(number, answer.boxes) is not None
        return shadowed, rechecked, prover.budget.used

    (shadowed, rechecked, steps), seconds = timed(work)
    count = len(built.rules.rules)
    yield Row(f"{kind}: {count:,} rules, {shadowed} shadowed", seconds, "s", 2 if count <= 1000 else 6)
    if shadowed:
        yield Row(f"proofs rechecked of {shadowed}", rechecked * 100 / shadowed, "%", 100, least=True)
    return steps


def twenty_invariants() -> Row:
    """Over 1,000 rules."""
    config = structured(Random(1000), 1000)
    config["invariants"] = [
        {"name": f"i{number}", "when": {"header.x-team": f"team-{number}"}, "never": {"model": "gpt-3.5-turbo"}}
        for number in range(20)
    ]
    built = built_of(config)
    assert isinstance(built.document.root, MappingNode)
    invariants, _ = invariants_in(built.document.root, built.providers)
    plain = Subject(built.rules, offered(built.providers))
    _, before = timed(lambda: analyse(plain))
    analysis, seconds = timed(lambda: analyse(Subject(built.rules, offered(built.providers), (), invariants)))
    proved = sum(one.status == "proved" for one in analysis.invariants)
    return Row(f"20 invariants over 1,000 rules, {proved} proved", max(0.0, seconds - before), "s", 3)


def counterfactuals(count: int) -> Row:
    """What it takes for a request to be decided by some rule of 1,000: the time of all but the slowest twentieth."""
    built, random = built_of(structured(Random(1000), 1000)), Random(1)
    ready = ready_for(built.rules, offered(built.providers))
    facts = Facts(envelope_of(_EVERYDAY))
    subject = About(lambda: deepcopy(_EVERYDAY), facts, ready.locator.point_of(facts))
    taken, reached = [], 0
    for _ in range(count):
        number = random.randrange(len(ready.prover.listing.outcomes))
        found, seconds = timed(partial(counterfactual, ready, subject, [number], Budget(question=QUESTION)))
        taken.append(seconds)
        reached += isinstance(found, Reached)
    late = sorted(taken)[count * 95 // 100 - 1]
    return Row(f"counterfactual at 1,000 rules, {reached} of {count} shown, p95", late * 1e3, "ms", 10)


def matching(counts: Sequence[int]) -> Iterator[Row]:
    """A decision that falls through all rules, its facts ready: the best of many rounds in turns, and how it grows."""
    goals = {100: 2.0, 1_000: 3.0, 10_000: 8.0}
    rounds = {}
    for count in counts:
        decide = decider_of(built_of(structured(Random(7), count)).rules)
        facts = Facts(envelope_of(_EVERYDAY))
        decide(facts)  # from here on every fact is known
        rounds[count] = partial(_hundred_s, decide, facts)
    taken = best_of_turns(rounds, 300)
    for count in counts:
        yield Row(f"matching among {count:,} rules, facts ready", taken[count] * 1e4, "us", goals[count])
    yield Row(f"time at {counts[-1]:,} rules, times that at {counts[0]}", taken[counts[-1]] / taken[counts[0]], "x", 6)


def _hundred_s(decide: Callable[[FactSource], Decision], facts: Facts) -> float:
    start = time.process_time()
    for _ in range(100):
        decide(facts)
    return time.process_time() - start


def cold(count: int, times: int) -> Row:
    """`ccr test-config` as its own process, the best of some times."""
    path = Path("/tmp") / f"ccr-bench-{count}.json"
    path.write_text(json.dumps(structured(Random(count), count)))
    taken = []
    for _ in range(times):
        start = _children_s()
        subprocess.run(
            [sys.executable, "-P", "-m", "engine.cli", "test-config", str(path)],
            cwd=ROOT,
            capture_output=True,
            check=False,
        )
        taken.append(_children_s() - start)
    path.unlink()
    return Row(f"`test-config`, cold process, {count:,} rules", min(taken), "s", 0.35 if count <= 20 else 3)


def hostile_files(size: int, every: int) -> Iterator[Row]:
    """Files of so many bytes that are made to take long, each checked by a process of its own."""
    taken: dict[str, float] = {}
    used: dict[str, float] = {}
    with tempfile.TemporaryDirectory(prefix="ccr-bench-") as folder:
        for kind in list(KINDS)[::every]:
            path = Path(folder) / f"hostile{Path(kind).suffix}"
            path.write_text(KINDS[kind](size))
            command = [sys.executable, "-P", "-m", "engine.cli", "test-config", str(path)]
            with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
                _, status, usage = os.wait4(process.pid, 0)
                process.returncode = os.waitstatus_to_exitcode(status)
            assert process.returncode in (0, 1, 3), kind
            taken[kind] = usage.ru_utime + usage.ru_stime
            used[kind] = usage.ru_maxrss / 1024
    slowest, largest = max(taken, key=lambda kind: taken[kind]), max(used, key=lambda kind: used[kind])
    about = f"of {len(taken)} hostile files of {size // 1000} kB, cold"
    yield Row(f"the slowest {about}: {slowest}", taken[slowest], "s", 1)
    yield Row(f"those within a second {about}", sum(one <= 1 for one in taken.values()), "", len(taken), least=True)
    yield Row(f"the most memory {about}: {largest}", used[largest], "MB", 200)


def _children_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def patterns(count: int) -> Iterator[Row]:
    """As many rules, each with a pattern of its own on the same fact: the whole analysis."""
    provider, one = next(iter(PROVIDERS.items()))
    target = f"{provider},{one['settings']['models'][0]}"
    for kind in ("prefix", "suffix", "contains", "glob"):
        rules = [
            {
                "name": f"r{number}",
                "condition": {"model": {kind: f"team-{number:04}{'-*-x' if kind == 'glob' else ''}"}},
                "target": target,
            }
            for number in range(count)
        ]
        built = built_of({"providers": PROVIDERS, "routing": {"defaultProvider": "cloud", "customRules": rules}})
        _, seconds = timed(partial(analysis_of, built))
        yield Row(f"{count:,} rules, each with a {kind} of its own", seconds, "s", 3)


def hostile_sets(count: int) -> Iterator[Row]:
    """Rules made to be hard, of every kind: reading and proving, and what that of all takes in memory."""
    (provider, one), *_ = PROVIDERS.items()
    target = f"{provider},{one['settings']['models'][0]}"
    taken: dict[str, float] = {}
    for kind, condition_of in HOSTILE.items():
        rules = [
            {"name": f"r{number}", "condition": condition_of(number), "target": target}
            for number in range(1, count + 1)
        ]
        config = {"providers": PROVIDERS, "routing": {"defaultProvider": "cloud", "customRules": rules}}
        _, taken[kind] = timed(lambda config=config: analysis_of(built_of(config)))  # type: ignore[misc]
    slowest = max(taken, key=lambda kind: taken[kind])
    yield Row(f"the slowest of {len(taken)} hostile sets of {count} rules, {slowest}", taken[slowest], "s", 1)
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    yield Row("memory with all of these", used, "MB", 200)


def corpus(every: int) -> Iterator[Row]:
    """What is counted: false alarms, mistakes found, requests that show what they should, questions given up."""
    mistakes = MISTAKES[::every]
    good = [checked(path) for path in GOOD]
    yield Row(f"false alarms on {len(GOOD)} good configurations", sum(bool(said) for said, _ in good), "", 0)
    wrong = [checked(path) for path in mistakes]
    outcomes = [outcome for _, outcome in (*good, *wrong)]
    found = sum(bool(said) or any(one.status == "failed" for one in outcome.tests) for said, outcome in wrong)
    shown = sum("witness" in one.data for outcome in outcomes for one in outcome.findings)
    unreplayed = sum(outcome.unreplayed for outcome in outcomes)
    yield Row(f"mistakes found of {len(mistakes)}", found * 100 / len(mistakes), "%", 95, least=True)
    yield Row(f"requests that did not replay, beside {shown} that did", unreplayed, "", 0)
    yield Row("questions not proven on the corpus", sum(outcome.unproven for outcome in outcomes), "", 0)


def explained(configurations: int) -> Row:
    """Requests of which what is explained is what the server does."""
    pairs = [pair for seed in range(configurations) for pair in said_and_done(seed, 25)]
    same = sum(said == done for said, done in pairs)
    return Row(f"explain as the server does, of {len(pairs):,} requests", same * 100 / len(pairs), "%", 100, least=True)


def rows(*, quick: bool) -> Iterator[Row]:
    """All of them, each as soon as it is known; `quick` has fewer rules and a slice of the corpus."""
    few, many = (300, 1000) if quick else (1000, 3000)
    for kind, make in (("structured", structured), ("crowded", crowded)):
        steps = {}
        for count in (few, many):
            steps[count] = yield from reachability(kind, make(Random(7), count))
        growth = many / few * math.log(many) / math.log(few)
        yield Row(f"growth of steps from {few:,} to {many:,} rules, {kind}", steps[many] / steps[few], "x", growth)
    yield from patterns(few)
    yield from hostile_sets(100 if quick else 300)
    yield twenty_invariants()
    yield counterfactuals(100)
    yield from matching([100, 1_000] if quick else [100, 1_000, 10_000])
    yield from corpus(7 if quick else 1)
    yield explained(10 if quick else 200)
    for count in (20, 1000):
        yield cold(count, 1 if quick else 3)
    for size in (100_000, 200_000):
        yield from hostile_files(size, 8 if quick else 1)
