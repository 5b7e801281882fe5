"""`/metrics`: what is counted, that labels are bounded, that workers add up, and that what reads it finds what it names."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import msgspec
import pytest
from prometheus_client.parser import text_string_to_metric_families

from engine.endpoints import row_for_siblings
from engine.process.merged_status import added, merged
from engine.telemetry.meters import MOST_TARGETS, OTHER, Names
from engine.telemetry.metrics import METRICS, metrics_text
from tests.fakes.gateway import Answer, InProcess, in_process, streamed

MONITORING = Path(__file__).resolve().parents[3] / "examples" / "monitoring"
CONFIGURATION = """
providers:
  up:
    type: openai
    endpoint: "http://127.0.0.1:1/v1"
    settings: {models: [m]}
  spare: {type: openai, endpoint: "http://127.0.0.1:2/v1", settings: {models: [n]}}
routing:
  defaultProvider: up
  rules: {default: {provider: up, model: m, fallbacks: ["spare,n"]}}
  customRules: [{name: refused, condition: {model: never}, target: {reject: {status: 403, message: no}}}]
usage: {prices: {up: {input: 1, output: 2}}}
budgets: {day: {money: 1, per: day}}
"""
USED = {"choices": [], "usage": {"prompt_tokens": 60, "completion_tokens": 40, "total_tokens": 100}}
BODY: dict[str, Any] = {
    "model": "claude-x",
    "max_tokens": 9,
    "messages": [{"role": "user", "content": "hi"}],
    "stream": True,
}


def answering() -> Answer:
    first, *rest = streamed({"content": "ok"})
    return Answer([first, b"data: " + json.dumps(USED).encode() + b"\n\n", *rest])


def router(**answers: list[Answer]) -> InProcess:
    from engine.usage.budgets import Ledger

    one = in_process(CONFIGURATION, {"up": [answering()], "spare": [answering()], **answers})
    usage = one.router.gateway.settings.usage
    assert usage is not None
    one.router.budgets = ledger = Ledger()
    ledger.follow(usage.budgets, one.router.wall())
    return one


def samples(text: str) -> dict[str, float]:
    """`name{label="value", ...}` in one order -> value."""
    return {
        f"{sample.name}{{{', '.join(f'{name}={value}' for name, value in sorted(sample.labels.items()))}}}": sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


async def scraped(one: InProcess, **headers: str) -> dict[str, float]:
    answer = await one.post(b"", "/metrics", "GET", headers)
    assert (answer.status, answer.headers["content-type"].count("charset=utf-8")) == (200, 1), answer.body
    return samples(answer.body.decode())


async def test_what_is_counted_of_requests() -> None:
    """Answered, refused by a rule, and failed ones; tokens, money, times and what came after a failure."""
    one = router(up=[answering(), Answer(status=500)], spare=[answering()])
    await one.post(BODY)
    await one.post(BODY)
    await one.post({**BODY, "model": "never"})
    found = await scraped(one)
    expected = {
        "ccr_requests_total{outcome=answered, rule=default, status=2xx, target=up,m}": 1,
        "ccr_requests_total{outcome=answered, rule=default, status=2xx, target=spare,n}": 1,
        "ccr_requests_total{outcome=rejected, rule=refused, status=4xx, target=none}": 1,
        "ccr_tokens_total{kind=output, target=up,m}": 40,
        "ccr_cost_total{currency=USD, target=up,m}": 0.00014,
        "ccr_unpriced_total{target=spare,n}": 1,
        "ccr_key_requests_total{key=none, outcome=answered}": 2,
        "ccr_request_duration_seconds_count{target=up,m}": 1,
        "ccr_first_byte_seconds_bucket{le=0.1, target=up,m}": 1,
        "ccr_first_byte_seconds_bucket{le=+Inf, target=up,m}": 1,
        "ccr_steps_total{provider=up, step=fallback}": 1,
        "ccr_responses_total{status=403}": 1,
        "ccr_provider_health{health=up, provider=spare}": 1,
        "ccr_provider_waiting{provider=up}": 0,
        "ccr_budget_spent_ratio{budget=day}": 0,
        "ccr_workers{which=running}": 1,
        "ccr_open_exchanges{}": 0,
    }
    assert {name: found.get(name) for name in expected} == expected


async def test_every_metric_of_the_table_is_exported_and_nothing_else() -> None:
    """Each with its description; names that end as units do."""
    text = metrics_text(row_for_siblings(router().router), router().router.meters.plain()).decode()
    families = {family.name: family for family in text_string_to_metric_families(text)}
    assert set(families) == set(METRICS)
    assert {name: family.type for name, family in families.items()} == {name: row.kind for name, row in METRICS.items()}
    assert all(family.documentation.endswith(".") for family in families.values())


async def test_workers_add_up() -> None:
    """What two processes say of themselves, sent as JSON, is one exposition."""
    one, other = router(), router()
    for _ in range(2):
        await one.post(BODY)
    await other.post(BODY)
    rows = [
        {**json.loads(msgspec.json.encode(row_for_siblings(each.router))), "worker": number, "pid": number}
        for number, each in enumerate((one, other), 1)
    ]
    text = metrics_text(merged(rows, 2), added([row["meters"] for row in rows])).decode()
    found = samples(text)
    assert found["ccr_requests_total{outcome=answered, rule=default, status=2xx, target=up,m}"] == 3
    assert found["ccr_request_duration_seconds_bucket{le=+Inf, target=up,m}"] == 3
    assert found["ccr_workers{which=running}"] == 2
    assert "meters" not in merged(rows, 2)


def test_labels_are_bounded() -> None:
    """Whoever makes up names makes no new series: after the first so many all are one."""
    names = Names(MOST_TARGETS)
    labels = {names.of(f"up,made-up-{number}") for number in range(10 * MOST_TARGETS)}
    assert len(labels) == MOST_TARGETS + 1
    assert OTHER in labels
    assert names.of("up,made-up-1") == "up,made-up-1"


async def test_metrics_want_a_key_where_keys_are_set() -> None:
    """As `/status` does; a refusal at the door is counted."""
    key = "a-key-that-is-long-enough-1234567"
    text = f"server: {{apiKeys: [{{name: prometheus, key: {key}}}]}}" + CONFIGURATION
    one = in_process(text, {"up": [answering()], "spare": [answering()]})
    assert (await one.post(b"", "/metrics", "GET")).status == 401
    found = await scraped(one, authorization=f"Bearer {key}")
    assert found["ccr_refused_total{status=401}"] == 1


def named_in(text: str) -> set[str]:
    return set(re.findall(r"\bccr_[a-z_]+", text))


@pytest.mark.parametrize("name", ["dashboard.json", "alerts.yaml", "alerts.test.yaml"])
def test_what_is_watched_is_exported(name: str) -> None:
    """Every metric that a dashboard or an alert names is one of the table, by the name under which it is read."""
    endings = {"counter": ("_total",), "gauge": ("",), "histogram": ("_bucket", "_sum", "_count")}
    exported = {f"{metric}{ending}" for metric, row in METRICS.items() for ending in endings[row.kind]}
    text = (MONITORING / name).read_text()
    expressions = (
        "\n".join(target["expr"] for panel in json.loads(text)["panels"] for target in panel["targets"])
        if name.endswith("json")
        else text
    )
    assert named_in(expressions)
    assert named_in(expressions) - exported == set()


@pytest.mark.skipif(
    shutil.which("promtool") is None, reason="promtool is not installed (Debian: apt install prometheus)"
)
@pytest.mark.parametrize(
    "words",
    [("check", "rules", "alerts.yaml"), ("test", "rules", "alerts.test.yaml"), ("check", "config", "prometheus.yaml")],
)
def test_promtool_finds_no_fault(words: tuple[str, ...]) -> None:
    """The alerts are well formed and fire when they should, and the configuration of Prometheus is one."""
    done = subprocess.run(["promtool", *words], cwd=MONITORING, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.skipif(
    shutil.which("promtool") is None, reason="promtool is not installed (Debian: apt install prometheus)"
)
async def test_promtool_reads_the_exposition() -> None:
    """Prometheus's own linter has nothing to say of names, types and descriptions."""
    one = router()
    await one.post(BODY)
    text = (await one.post(b"", "/metrics", "GET")).body
    done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
