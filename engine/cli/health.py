"""`ccr health`."""

from __future__ import annotations

import json

import click

from engine.cli import options
from engine.cli.ask import ask, no_answer
from schemas.wording import all_visible


@click.command("health")
@options.router_port
@options.router_host
@options.as_json
def command(port: int | None, host: str | None, form: str) -> int:
    """Say whether a running router can serve.

    Exit status 0 when it can, 1 when it cannot or when none runs.
    """
    asked, chosen = options.router_place(host, port)
    answer = ask(asked, chosen, "/health")
    if answer is None:
        click.echo(no_answer(asked, chosen), err=True)
        return 1
    if form == "json":
        click.echo(json.dumps(answer.body, indent=2, ensure_ascii=False))
    else:
        click.echo(str(answer.body.get("overall", f"status {answer.status}")))
        providers = all_visible(answer.body.get("providers"))
        for name, up in providers.items() if isinstance(providers, dict) else ():
            click.echo(f"  {name}: {'up' if up else click.style('down', fg='red')}")
    return 0 if answer.status == 200 else 1
