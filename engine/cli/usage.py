"""`ccr usage`. An edge: it reads the clock."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from engine.cli import options
from engine.cli.built_from import built_from
from engine.cli.configured import UnusableConfiguration

if TYPE_CHECKING:
    from engine.usage.settings import UsageSettings

BY = ("rule", "target", "model", "key", "day")


@click.command("usage")
@click.option(
    "--by",
    type=click.Choice(BY),
    multiple=True,
    default=("target",),
    show_default=True,
    help="What sums are shown by; may be repeated.",
)
@click.option(
    "--since", metavar="SPAN", default="30d", show_default=True, help="From when on: 7d, 4w, today, or 2026-01-31."
)
@click.option(
    "--format", "form", type=click.Choice(["table", "json", "csv"]), default="table", help="The form of the output."
)
@options.config
@options.env_file
def command(by: tuple[str, ...], since: str, form: str, config: str | None, env_file: str | None) -> int:
    """Show the tokens and the money that were used.

    From the record that the configuration's `usage` names, also while the router runs. Days are of UTC.
    A cost that is not known, for want of a price, is shown as unknown and is in no sum.
    """
    from engine.usage.drivers import StoreFailed
    from engine.usage.report import BadSince, as_csv, as_json, as_table, first_day_of, report_of
    from engine.usage.store import shown_store, store_of

    now = time.time()
    try:
        first, today = first_day_of(since, now), first_day_of("today", now)
        if first > today:
            raise BadSince(f"`{since}` has not begun: today is {today}")
    except BadSince as bad:
        raise click.UsageError(str(bad)) from None
    settings = _settings(config, env_file)
    wanted = tuple(dict.fromkeys(by))
    try:
        store = store_of(settings.store, make=False)
        totals = store.totals(wanted, first, today)
        store.close()
    except StoreFailed as problem:
        raise UnusableConfiguration(f"the record in {shown_store(settings.store)} cannot be read: {problem}") from None
    forms = {"table": as_table, "json": as_json, "csv": as_csv}
    click.echo(forms[form](report_of(wanted, first, today, totals)), nl=False)
    return 0


def _settings(config: str | None, env_file: str | None) -> UsageSettings:
    usage = built_from(config, env_file, so="its record is not known", allow_missing_env=True).settings.usage
    if usage is None:
        raise UnusableConfiguration("nothing is recorded under this configuration: add `usage: {}` to it")
    return usage
