"""`ccr doctor`. An edge: it looks at everything that the router and its client depend on."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click
from msgspec.structs import replace

from engine.cli import options
from engine.cli.built_from import checked_at
from engine.cli.configured import Chosen, UnusableConfiguration, choose
from engine.doctor.verdicts import Check, clock_check, configuration_checks, exit_status, lines_of, report

if TYPE_CHECKING:
    from engine.built import Built, Checked


@click.command("doctor")
@options.config
@options.router_port
@click.option("--live", is_flag=True, help="Send each provider one small request, which costs a little.")
@options.as_json
def command(config: str | None, port: int | None, live: bool, form: str) -> int:
    """Say what is wrong with this machine, the configuration, its providers and the client.

    And what to do about it. Nothing is changed and, without --live, nothing is asked that costs money. No secret is
    shown. Exit status 1 when something fails.
    """
    chosen, checked, problem = _configuration(config)
    built = checked.built if checked is not None else None
    asked_port = port or (built.settings.server.port if built is not None else options.DEFAULT_PORT)
    host = options.router_host_of(None, asked_port)
    checks = [*problem, *_of_configuration(chosen, checked), *_of_machine(built, host, asked_port)]
    skew: dict[str, float] = {}
    if built is not None:
        checks += _of_providers(built, live, skew)
    checks.append(_clock(skew))
    checks += _of_client(built, host, asked_port)
    if form == "json":
        click.echo(json.dumps(report(checks), indent=2, ensure_ascii=False))
    else:
        colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
        for line in lines_of(checks, colour):
            click.echo(line)
    return exit_status(checks)


def _configuration(config: str | None) -> tuple[Chosen | None, Checked | None, list[Check]]:
    """The configuration in use, as it is checked, or why there is none."""
    try:
        chosen = choose(config, only_trusted=False)
    except UnusableConfiguration as none:
        return None, None, [Check("configuration", "file", "fail", none.message)]
    try:
        return chosen, checked_at(chosen, os.environ, secrets="resolve"), []
    except UnusableConfiguration as unread:
        advice = "see that the path is right, and that this user may read it"
        return None, None, [Check("configuration", "file", "fail", unread.message, advice)]


def _of_configuration(chosen: Chosen | None, checked: Checked | None) -> Iterator[Check]:
    from engine.analysis.stage import proved
    from engine.cli.doctor_environment import file_checks
    from engine.configuration.files import read_file
    from engine.reporting.report import file_report

    if chosen is None or checked is None:
        return
    yield from file_checks(chosen)
    found = sorted((*checked.diagnostics, *proved(checked, read_file).findings), key=lambda one: one.sort_key)
    report = file_report(replace(checked, diagnostics=tuple(found)), complete=True)
    yield from configuration_checks(
        chosen.name, [(one.severity.value, one.code, one.message) for one in report.findings]
    )


def _of_machine(built: Built | None, host: str, port: int) -> Iterator[Check]:
    from engine.cli.doctor_environment import environment_checks
    from engine.doctor.client import proxies_check

    yield from environment_checks(built, host, port)
    if built is not None:
        endpoints = [one.endpoint for spec in built.providers.values() for one in spec.instances if one.endpoint]
        yield proxies_check(os.environ, endpoints)


def _clock(skew: dict[str, float]) -> Check:
    from engine.cli.doctor_environment import newest_file

    return clock_check(time.time(), newest_file(), skew)


def _of_providers(built: Built, live: bool, skew: dict[str, float]) -> list[Check]:
    return asyncio.run(_examined(built, live, skew))


async def _examined(built: Built, live: bool, skew: dict[str, float]) -> list[Check]:
    from engine.compose import gateway_of
    from engine.doctor.providers import Examination
    from engine.process.outgoing import source_maker, token_transport, transport_maker
    from engine.router import random_id

    tokens = token_transport()
    gateway = gateway_of(built, transport_maker(random_id()), make_source=source_maker(tokens))
    examination = Examination(gateway, time.monotonic, time.time, live, skew)
    try:
        return await examination.checks()
    finally:
        for upstream in gateway.upstreams.values():
            await upstream.transport.aclose()
        await tokens.aclose()


def _of_client(built: Built | None, host: str, port: int) -> list[Check]:
    from engine.doctor.client import client_checks, router_checks
    from engine.doctor.client_files import claude_version, settings_files

    files = list(settings_files(os.environ))
    checks = client_checks(os.environ, files, claude_version(os.environ), host, port)
    if built is None:
        return checks
    server = built.settings.server
    return [*checks, *router_checks(os.environ, server.access.keys is not None, server.tls is not None)]
