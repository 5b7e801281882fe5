"""`ccr status`."""

from __future__ import annotations

import json
from collections.abc import Iterator

import click

from engine.cli import options
from engine.cli.ask import Answer, ask, no_answer
from engine.client_environment import authority
from engine.reporting.cells import milliseconds, said_of_state, span
from schemas.wording import all_visible, counted


@click.command("status")
@options.router_port
@options.router_host
@options.as_json
def command(port: int | None, host: str | None, form: str) -> int:
    """Show what a running router is doing.

    Exit status 1 when none runs. `--format json` prints what `GET /status` gives.
    """
    asked, chosen = options.router_place(host, port)
    address = authority(asked, chosen)
    answer = ask(asked, chosen, "/status")
    if answer is None:
        click.echo(no_answer(asked, chosen), err=True)
        return 1
    if answer.status == 401:
        click.echo(
            f"the router on {address} asks for a key; put one of its router keys into CCR_KEY{_why(answer)}", err=True
        )
        return 1
    if answer.status != 200:
        click.echo(f"what answers on {address} says {answer.status}; is it a ccr?", err=True)
        return 1
    if form == "json":
        click.echo(json.dumps(answer.body, indent=2, ensure_ascii=False))
    else:
        for line in _lines(all_visible(answer.body), address):
            click.echo(line)
    return 0


def _why(answer: Answer) -> str:
    """What it says of the key that went along."""
    error = answer.body.get("error")
    return f" ({all_visible(error.get('message'))})" if isinstance(error, dict) else ""


def _lines(body: dict[str, object], address: str) -> Iterator[str]:
    uptime = body.get("uptime")
    since = span(float(uptime)) if isinstance(uptime, int | float) else "?"
    yield f"running on {address} for {since}, revision {body.get('revision')}, version {body.get('version')}"
    yield from _refused(body)
    yield from _company(body)
    for provider in _rows(body.get("providers")):
        health = provider.get("health", "?")
        shown = click.style(str(health), fg="red" if health == "down" else "yellow") if health != "up" else "up"
        waiting = provider.get("waiting")
        line = f", {waiting} waiting in line" if waiting else ""
        yield f"provider {provider.get('name')} ({provider.get('type')}): {shown}{line}"
        for instance in _rows(provider.get("instances")):
            yield f"  {instance.get('name')}: " + ", ".join(_of_instance(instance))
    counters = body.get("counters")
    if isinstance(counters, dict):
        plain = [f"{name} {value}" for name, value in counters.items() if isinstance(value, int | float)]
        yield "counters: " + (", ".join(plain) or "none")
    for finding in _rows(body.get("findings")):
        yield f"{finding.get('severity')} {finding.get('code')} (line {finding.get('line')}): {finding.get('message')}"


def _of_instance(instance: dict[str, object]) -> Iterator[str]:
    """Its health, counts, latency and last failure; what an older or newer router does not say is left out."""
    rest_s, latency_s, ago_s = (
        value if isinstance(value, int | float) else None
        for value in map(instance.get, ("restEndsInSeconds", "latencySeconds", "lastErrorSecondsAgo"))
    )
    state = said_of_state(str(instance.get("state")))
    yield state if rest_s is None else f"{state} {span(rest_s)} more"
    for name, noun in (("requests", "request"), ("errors", "error")):
        if isinstance(count := instance.get(name), int):
            yield counted(count, noun)
    if "inflight" in instance:
        yield f"{instance['inflight']} in flight"
    if latency_s is not None:
        yield f"first byte {milliseconds(latency_s * 1000)}"
    models = instance.get("restingModels")
    if isinstance(models, list) and models:
        yield f"resting models {' '.join(map(str, models))}"
    if ago_s is not None:
        yield f"last error {span(ago_s)} ago: {instance.get('lastError')}"


def _refused(body: dict[str, object]) -> Iterator[str]:
    """The last reload, if it was refused: the configuration that serves is not the one in the file."""
    reload = body.get("reload")
    if isinstance(reload, dict) and reload.get("ok") is False:
        yield click.style(f"configuration refused at {reload.get('at')}, this revision goes on:", fg="red")
        findings = reload.get("findings")
        for finding in findings if isinstance(findings, list) else ():
            yield f"  {finding}"


def _company(body: dict[str, object]) -> Iterator[str]:
    """The workers, where there are several, and the state shared with other routers, where there is one."""
    workers, state = body.get("workers"), body.get("state")
    if isinstance(workers, dict):
        running = _rows(workers.get("running"))
        pids = ", ".join(str(row.get("pid")) for row in running)
        yield f"workers: {len(running)} of {workers.get('wanted')} ({pids})"
    if isinstance(state, dict) and state.get("kind") != "memory":
        how = "connected" if state.get("connected") else f"gone ({state.get('lastError')}), this router goes on alone"
        yield f"shared state {state.get('server')}: {how}, since {state.get('since')}, others {state.get('others')}"


def _rows(value: object) -> list[dict[str, object]]:
    return [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []
