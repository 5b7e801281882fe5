"""`ccr explain`. An edge: it reads requests, the configuration and the environment."""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import TYPE_CHECKING, Any

import click
from msgspec import Struct
from msgspec.structs import replace

from engine.cli import options
from engine.cli.built_from import built_from
from engine.cli.configured import UnreadableConfiguration, UnusableConfiguration
from engine.cli.request_files import Found, is_folder, requests_at

if TYPE_CHECKING:
    from engine.built import Built
    from engine.explaining.text import Paint
    from engine.explaining.why_not import Wish
    from engine.read_envelope import Asked

EXPECTED = ("rule", "category", "provider", "model", "instance")
VARIES = 4
_WORST_FIRST = (UnreadableConfiguration.exit_code, UnusableConfiguration.exit_code, VARIES)


@click.command("explain")
@click.argument("request", metavar="REQUEST")
@options.config
@options.as_json
@click.option(
    "--why", metavar="RULE|TARGET", multiple=True, help="What it takes to get there, or why nothing gets there."
)
@click.option("--expect", metavar="rule=..,provider=..,model=..", help="Exit 1 unless the decision is this.")
@click.option("--now", metavar="TIME", help="When the request comes, such as 2026-01-05T09:00:00Z.")
@click.option(
    "--state", metavar="FACT=VALUE", multiple=True, help="Such as provider.NAME.health=down, budget.NAME.state=spent."
)
@click.option("--all", "everything", is_flag=True, help="Every rule, with what it takes to get there.")
@click.option("--full", is_flag=True, help="Do not cut texts to 80 characters.")
@options.env_file
@options.allow_missing_env
def command(
    request: str,
    config: str | None,
    form: str,
    why: tuple[str, ...],
    expect: str | None,
    now: str | None,
    state: tuple[str, ...],
    everything: bool,
    full: bool,
    env_file: str | None,
    allow_missing_env: bool,
) -> int:
    """Show where a request would go, and why, and what it takes to go elsewhere.

    REQUEST is a file with a body of /v1/messages or /v1/chat/completions, or with `{request, headers, path, clientIp,
    clientKey, now, state}` around one, as saved requests are; JSON lines of such; a folder of them; `-` is standard
    input. Nothing is sent. The exit status is 4 when the decision depends on facts not given.
    """
    if request == "-" == config:
        raise click.UsageError("only one of REQUEST and --config can be standard input")
    wanted = _expectations(expect)
    given = _Given(now, _state(state))
    built = built_from(config, env_file, so="there is nothing to explain", allow_missing_env=allow_missing_env)

    from engine.explaining.why_not import Wish

    explainer = _Explainer(built, Wish(why, everything), given, full)
    found = requests_at(request)
    first = next(found, None)
    second = next(found, None)
    if first is None:
        raise UnreadableConfiguration(f"{request} has no request in it")
    if second is None and not is_folder(request):
        return _alone(explainer, first, form, wanted)
    return _several(explainer, chain([first], [second] if second else [], found), form, wanted)


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
    return VARIES if any(met) else 1


class _Given(Struct, frozen=True):
    """What the command line says of the surroundings; it stands over what a request's file says."""

    now: str | None
    state: dict[str, Any]

    def over(self, asked: Asked) -> Asked:
        import msgspec

        from engine.read_envelope import moment_of, states_of

        envelope = asked.envelope
        if self.now is not None:
            moment = float(self.now) if self.now.isascii() and self.now.isdigit() else self.now
            envelope = msgspec.structs.replace(envelope, now=moment_of(moment))
        if self.state:
            providers, budgets = states_of(self.state)
            known = dict(envelope.provider_state or {})
            known |= {name: {**known.get(name, {}), **values} for name, values in (providers or {}).items()}
            envelope = msgspec.structs.replace(
                envelope,
                provider_state=known or None,
                budget_state={**(envelope.budget_state or {}), **(budgets or {})} or None,
            )
        return replace(asked, envelope=envelope)


class _Explainer:
    """Explains request after request; what is proved about the configuration is prepared once."""

    def __init__(self, built: Built, wish: Wish, given: _Given, full: bool) -> None:
        from engine.analysis.stage import offered
        from engine.explaining.surroundings import Surroundings
        from engine.explaining.why_not import ready_for
        from providers.registry import registry_of

        self.built, self.wish, self.given, self.full = built, wish, given, full
        self.surroundings = Surroundings(built.providers, registry_of(built.providers))
        self.ready = ready_for(built.rules, offered(built.providers))

    def of(self, asked: Asked) -> dict[str, Any]:
        """The explanation of one request. Raises click.UsageError for what the command line says wrongly."""
        from engine.explaining.explanation import explain
        from engine.explaining.question import question_of
        from engine.explaining.why_not import NoSuchRule, with_reasons
        from engine.read_envelope import BadEnvelope

        try:
            question = question_of(self.built, self.given.over(asked), self.surroundings, self.full)
        except BadEnvelope as problem:
            raise click.UsageError(str(problem)) from None
        try:
            return with_reasons(question, explain(question), self.ready, self.wish)
        except NoSuchRule as problem:
            raise click.UsageError(f"--why: {problem}") from None


def _alone(explainer: _Explainer, found: Found, form: str, wanted: dict[str, str]) -> int:
    if found.asked is None:
        failure = UnusableConfiguration if found.refused else UnreadableConfiguration
        raise failure(f"{found.name}: {found.problem}")
    explanation = explainer.of(found.asked)
    if form == "json":
        click.echo(json.dumps(explanation, indent=2, ensure_ascii=False))
    else:
        from engine.explaining.text import explanation_text

        click.echo(explanation_text(explanation, everything=explainer.wish.everything, paint=_paint()), nl=False)
    status = status_of(explanation, wanted)
    if status == 1:
        _say_unmet("", wanted)
    return status


def _several(explainer: _Explainer, found: Iterable[Found], form: str, wanted: dict[str, str]) -> int:
    """One line for each request: its decision, or the whole explanation as JSON; then how many go where."""
    from engine.explaining.text import decision_line

    paint = _paint()
    statuses: set[int] = set()
    places: Counter[str] = Counter()
    for one in found:
        if one.asked is None:
            statuses.add(1 if one.refused else 3)
            if form == "json":
                click.echo(json.dumps({"source": one.name, "error": one.problem}, ensure_ascii=False))
            else:
                click.echo(f"ccr: {one.name}: {one.problem}", err=True)
            continue
        explanation = explainer.of(one.asked)
        status = status_of(explanation, wanted)
        statuses.add(status)
        if status == 1:
            _say_unmet(f"{one.name}: ", wanted)
        places[_place(explanation["decision"])] += 1
        if form == "json":
            click.echo(json.dumps({"source": one.name, **explanation}, ensure_ascii=False))
        else:
            click.echo(f"{paint(one.name, 'label')}   {decision_line(explanation, paint)}")
    if form != "json":
        click.echo("\n" + "\n".join(_census(places)))
    return next((status for status in _WORST_FIRST if status in statuses), 0)


def _census(places: Counter[str]) -> Iterator[str]:
    width = len(str(max(places.values(), default=0)))
    for place, count in sorted(places.items(), key=lambda row: (-row[1], row[0])):
        yield f"{count:>{width}}  {place}"
    yield f"{places.total()} request{'s' * (places.total() != 1)}"


def _place(decision: dict[str, Any] | None) -> str:
    if decision is None:
        return "varies with facts that are not given"
    return "refused" if "reject" in decision else f"{decision['provider']} / {decision['model']}"


def _say_unmet(where: str, wanted: dict[str, str]) -> None:
    said = ", ".join(f"{name}={value}" for name, value in wanted.items())
    click.echo(f"ccr: {where}the decision is not {said}", err=True)


def _paint() -> Paint:
    from engine.explaining.text import plain

    if not sys.stdout.isatty() or os.environ.get("NO_COLOR"):
        return plain
    looks: dict[str, dict[str, Any]] = {
        "label": {"fg": "cyan"},
        "good": {"fg": "green", "bold": True},
        "bad": {"fg": "yellow", "bold": True},
        "quiet": {"dim": True},
    }
    return lambda text, kind: click.style(text, **looks[kind])


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
    if written is not None and not wanted:
        raise click.UsageError("--expect is empty, so any decision would meet it")
    return wanted


def _state(written: tuple[str, ...]) -> dict[str, Any]:
    state: dict[str, Any] = {}
    for part in written:
        fact, equals, value = (piece.strip() for piece in part.partition("="))
        if not equals:
            raise click.UsageError(f"--state takes FACT=VALUE, such as provider.NAME.health=down, not `{part}`")
        state[fact] = int(value) if value.isascii() and value.isdigit() else value
    return state
