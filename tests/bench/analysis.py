"""`python -m tests.bench.analysis`: the goals of the analysis as a table, ours beside the goal.

Times are processor time of this process; growth and agreement are ratios and counts, which no machine can fail.
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any, TypeVar

from engine.analysis import offered
from rules.analysis.analyse import Subject, analyse
from rules.analysis.budget import Budget
from rules.analysis.prove import Never
from rules.analysis.ready import prover_of
from rules.invariants import invariants_in
from schemas.document import Mapping as MappingNode
from tests.corpus.generate import PROVIDERS, built_of, structured
from tests.rules.analysis.test_corpus import GOOD, MISTAKES, checked

ROOT = Path(__file__).parents[2]
ResultT = TypeVar("ResultT")


def timed(work: Callable[[], ResultT]) -> tuple[ResultT, float]:
    """What the work gives, and the seconds of processor time it took."""
    start = time.process_time()
    result = work()
    return result, time.process_time() - start


def crowded(random: Random, count: int) -> dict[str, Any]:
    """Random rules over few facts: most are shadowed, many by several together."""
    targets = [f"{provider},{model}" for provider, one in PROVIDERS.items() for model in one["settings"]["models"]]
    rules = []
    for number in range(count):
        condition: dict[str, Any] = {}
        for _ in range(random.randint(2, 5)):
            condition |= random.choice(
                [
                    {"model": {"contains": random.choice(["opus", "sonnet", "haiku", "gpt"])}},
                    {"model": {"prefix": random.choice(["claude-", "gpt-", "o1"])}},
                    {"stream": random.choice([True, False])},
                    {"inputTokens": f"> {random.randint(1, 200)}k"},
                    {"toolCount": f">= {random.randint(0, 60)}"},
                    {"messageCount": f"< {random.randint(1, 100)}"},
                    {"thinking": random.choice(["enabled", "adaptive", "none"])},
                    {"header.x-a": random.choice("abcdef")},
                    {"header.x-b": random.choice("abcdef")},
                ]
            )
        rules.append({"name": f"r{number}", "condition": condition, "target": random.choice(targets)})
    return {"providers": PROVIDERS, "routing": {"defaultProvider": "cloud", "customRules": rules}}


def reachability(config: dict[str, Any]) -> tuple[int, int]:
    """Every rule decided with its minimal blockers: how many are shadowed, and the steps."""
    built = built_of(config)

    def work() -> tuple[int, int]:
        prover = prover_of(built.rules, offered(built.providers), Budget())
        shadowed = 0
        for number, outcome in enumerate(prover.listing.outcomes):
            answer = prover.is_reached(number) if outcome.kind == "rule" else None
            if isinstance(answer, Never):
                assert prover.blockers(number, answer.boxes) is not None
                shadowed += 1
        return shadowed, prover.budget.used

    (shadowed, steps), seconds = timed(work)
    _row(
        f"reachability, {len(built.rules.rules)} rules, {shadowed} of them shadowed",
        f"{seconds:.2f} s",
        f"{2 if len(built.rules.rules) <= 1000 else 6} s",
    )
    return shadowed, steps


def twenty_invariants() -> None:
    """Over 1,000 rules."""
    config = structured(Random(1000), 1000)
    config["invariants"] = [
        {"name": f"i{number}", "when": {"header.x-team": f"team-{number}"}, "never": {"model": "gpt-3.5-turbo"}}
        for number in range(20)
    ]
    built = built_of(config)
    assert isinstance(built.document.root, MappingNode)
    invariants, _ = invariants_in(built.document.root, built.providers, {})
    plain = Subject(built.rules, offered(built.providers))
    _, before = timed(lambda: analyse(plain))
    analysis, seconds = timed(lambda: analyse(Subject(built.rules, offered(built.providers), (), invariants)))
    proved = sum(one.status == "proved" for one in analysis.invariants)
    _row(f"20 invariants over 1,000 rules, {proved} proved", f"{max(0.0, seconds - before):.2f} s", "3 s")


def cold(count: int) -> None:
    """`ccr test-config` as its own process."""
    path = Path("/tmp") / f"ccr-bench-{count}.json"
    path.write_text(json.dumps(structured(Random(count), count)))
    times = []
    for _ in range(3):
        start = time.perf_counter()
        subprocess.run(
            [sys.executable, "-P", "-m", "engine.cli", "test-config", str(path)],
            cwd=ROOT,
            capture_output=True,
            check=False,
        )
        times.append(time.perf_counter() - start)
    path.unlink()
    _row(f"test-config, cold process, {count} rules", f"{min(times):.2f} s", "0.35 s" if count <= 20 else "3 s")


def corpus() -> None:
    """False alarms and mistakes found."""
    alarms = sum(bool(checked(path)[0]) for path in GOOD)
    _row(f"false alarms on {len(GOOD)} good configurations", str(alarms), "0")
    found = sum(bool(checked(path)[0]) for path in MISTAKES)
    _row(f"mistakes found of {len(MISTAKES)}", f"{found * 100 // len(MISTAKES)} %", "95 %")


def main() -> None:
    """Prints the table."""
    print(f"{'what':<62} {'ours':>10}   goal")
    steps = {}
    for name, make in (("structured", structured), ("crowded", crowded)):
        for count in (1000, 3000):
            steps[name, count] = reachability(make(Random(7), count))[1]
        ratio = steps[name, 3000] / steps[name, 1000]
        _row(
            f"growth of steps from 1,000 to 3,000 rules, {name}",
            f"{ratio:.2f} x",
            f"{3 * math.log(3000) / math.log(1000):.2f} x",
        )
    twenty_invariants()
    corpus()
    for count in (20, 1000):
        cold(count)


def _row(what: str, ours: str, goal: str) -> None:
    print(f"{what:<62} {ours:>10}   {goal}", flush=True)


if __name__ == "__main__":
    main()
