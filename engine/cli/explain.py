"""`ccr explain`. An edge: it reads the request, the configuration and the environment."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Any

import click
from msgspec.structs import replace

from engine.cli import options
from engine.cli.configured import UnreadableConfiguration, UnusableConfiguration, choose, reader_of, say_which

if TYPE_CHECKING:
    from engine.built import Built
    from schemas.request import Envelope

EXPECTED = ("rule", "category", "provider", "model", "instance")
VARIES = 4


@click.command("explain")
@click.argument("request", metavar="REQUEST")
@options.config
@options.as_json
@click.option("--expect", metavar="rule=..,provider=..,model=..", help="Exit 1 unless the decision is this.")
@click.option("--now", metavar="TIME", help="When the request comes, such as 2026-01-05T09:00:00Z.")
@click.option("--full", is_flag=True, help="Do not cut texts to 80 characters.")
@click.option("--env-file", metavar="FILE", help="Read variables for ${NAME} from NAME=value lines.")
@click.option("--allow-missing-env", is_flag=True, help="Go on where a ${NAME} is not set.")
def command(
    request: str,
    config: str | None,
    form: str,
    expect: str | None,
    now: str | None,
    full: bool,
    env_file: str | None,
    allow_missing_env: bool,
) -> int:
    """Show where a request would go, and why.

    REQUEST is a file with a Messages body, or with `{request, headers, path, clientIp, clientKey, now, state}` around
    one; `-` is standard input. Nothing is sent. The exit status is 4 when the decision depends on facts not given.
    """
    if request == "-" == config:
        raise click.UsageError("only one of REQUEST and --config can be standard input")
    wanted = _expectations(expect)
    built = _built(config, env_file, allow_missing_env)
    envelope = _envelope(request, now)

    from engine.explain import Question, explain
    from engine.explain_text import explanation_text
    from engine.surroundings import Surroundings
    from providers.registry import registry_of

    surroundings = Surroundings(built.providers, registry_of(built.providers))
    explanation = explain(Question(built.rules, built.revision, envelope, surroundings, full))
    if form == "json":
        click.echo(json.dumps(explanation, indent=2, ensure_ascii=False))
    else:
        click.echo(explanation_text(explanation), nl=False)
    return status_of(explanation, wanted)


def status_of(explanation: dict[str, Any], wanted: dict[str, str]) -> int:
    """The exit status: 0, 1 for an expectation that is not met, 4 where the decision varies with facts not given."""
    one = explanation["decision"]
    decisions = [one] if one is not None else [group["decision"] for group in explanation["decisions"]]
    met = [all(_said(decision[name]) == value for name, value in wanted.items()) for decision in decisions]
    if "notProven" in explanation:
        return VARIES
    if not wanted:
        return 0 if one is not None else VARIES
    if all(met):
        return 0
    if not any(met):
        click.echo(
            f"ccr: the decision is not {', '.join(f'{name}={value}' for name, value in wanted.items())}", err=True
        )
        return 1
    return VARIES


def _said(value: object) -> str:
    return "none" if value is None else str(value)


def _expectations(written: str | None) -> dict[str, str]:
    wanted = {}
    for part in (written or "").split(","):
        name, equals, value = (piece.strip() for piece in part.partition("="))
        if not part.strip():
            continue
        if not equals or name not in EXPECTED:
            raise click.UsageError(
                f"--expect takes {', '.join(f'{known}=..' for known in EXPECTED)}, not `{part.strip()}`"
            )
        wanted[name] = value
    return wanted


def _built(config: str | None, env_file: str | None, allow_missing_env: bool) -> Built:
    from engine.build import build
    from engine.cli.variables import variables
    from engine.files import read_file

    chosen = choose(config, only_trusted=False)
    say_which(chosen)
    try:
        data = reader_of(chosen)()
    except OSError as problem:
        raise UnreadableConfiguration(f"{chosen.name} cannot be read: {problem.strerror}") from problem
    env = {**os.environ, **variables(env_file)}
    checked = build(
        data, chosen.name, read_file=read_file, env=env, secrets="keep", allow_missing_env=allow_missing_env
    )
    if checked.built is None:
        from engine.render import findings_of_start
        from engine.report import file_report

        click.echo(findings_of_start(file_report(checked), color=False), nl=False, err=True)
        failure = UnusableConfiguration if checked.document is not None else UnreadableConfiguration
        raise failure("the configuration has errors, so there is nothing to explain")
    return checked.built


def _envelope(name: str, now: str | None) -> Envelope:
    from engine.read_envelope import BadEnvelope, moment_of, read_envelope
    from schemas.request import BadRequest

    try:
        data = sys.stdin.buffer.read() if name == "-" else _read(name)
        envelope = read_envelope(data)
        return envelope if now is None else replace(envelope, now=moment_of(now))
    except OSError as problem:
        raise UnreadableConfiguration(f"{name} cannot be read: {problem.strerror}") from problem
    except BadEnvelope as problem:
        raise UnreadableConfiguration(f"{name}: {problem}") from problem
    except BadRequest as problem:
        raise UnusableConfiguration(f"{name}: the router would answer 400: {problem}") from problem


def _read(name: str) -> bytes:
    with open(os.path.expanduser(name), "rb") as file:
        return file.read()
