"""`ccr health`."""

from __future__ import annotations

import json

import click

from engine.cli import options
from engine.cli.ask import ask
from engine.client_environment import authority


@click.command("health")
@options.router_port
@options.router_host
@options.as_json
def command(port: int | None, host: str | None, form: str) -> int:
    """Say whether a running router can serve.

    Exit status 0 when it can, 1 when it cannot or when none runs.
    """
    chosen = options.router_port_of(port)
    asked = options.router_host_of(host, chosen)
    answer = ask(asked, chosen, "/health")
    if answer is None:
        click.echo(f"no router answers on {authority(asked, chosen)}; `ccr start` starts one", err=True)
        return 1
    if form == "json":
        click.echo(json.dumps(answer.body, indent=2, ensure_ascii=False))
    else:
        click.echo(str(answer.body.get("overall", f"status {answer.status}")))
        providers = answer.body.get("providers")
        for name, up in providers.items() if isinstance(providers, dict) else ():
            click.echo(f"  {name}: {'up' if up else click.style('down', fg='red')}")
    return 0 if answer.status == 200 else 1
