"""`ccr diff`: which requests go elsewhere under another configuration, proved for all and replayed over recorded ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from msgspec import Struct

from engine.analysis import offered
from engine.built import Built
from rules.analysis.diff import Change, Difference, difference
from rules.analysis.listing import Outcome
from rules.analysis.offered import Place, Providers, places_of
from rules.evaluate import UnknownFact
from rules.facts import Facts
from rules.fast import decider_of
from rules.nodes import Route
from schemas.document import JSONValue


class Replayed(Struct, frozen=True):
    """Recorded requests: how many, how many go elsewhere, and how often from where to where."""

    requests: int
    moved: Mapping[tuple[str, str], int]

    @property
    def changed(self) -> int:
        """How many go elsewhere."""
        return sum(self.moved.values())


class Compared(Struct, frozen=True):
    """Two configurations."""

    difference: Difference
    replayed: Replayed | None = None

    @property
    def differs(self) -> bool:
        """Whether some request goes elsewhere, of all or of those recorded."""
        return bool(self.difference.changes) or (self.replayed is not None and self.replayed.changed > 0)


def compared(old: Built, new: Built, requests: Iterable[Facts] | None = None) -> Compared:
    """What changes from one to the other; `requests` are recorded ones to replay, facts not given left out."""
    before, after = offered(old.providers), offered(new.providers)
    found = difference((old.rules, before), (new.rules, after))
    if requests is None:
        return Compared(found)
    first, second = decider_of(old.rules), decider_of(new.rules)
    count = 0
    moved: Counter[tuple[str, str]] = Counter()
    for facts in requests:
        try:
            places = _said(first(facts).route, before), _said(second(facts).route, after)
        except UnknownFact:
            continue
        count += 1
        if places[0] != places[1]:
            moved[places] += 1
    return Compared(found, Replayed(count, dict(sorted(moved.items()))))


def as_object(result: Compared) -> dict[str, JSONValue]:
    """The comparison as JSON values."""
    shown: dict[str, JSONValue] = {
        "schemaVersion": 1,
        "equivalent": result.difference.is_nothing,
        "proved": result.difference.proved,
        "changes": [_change(change) for change in result.difference.changes],
    }
    if result.replayed is not None:
        shown["replayed"] = {
            "requests": result.replayed.requests,
            "changed": result.replayed.changed,
            "moved": [{"old": old, "new": new, "count": count} for (old, new), count in result.replayed.moved.items()],
        }
    return shown


def as_text(result: Compared) -> str:
    """The comparison for people; ends in a line break."""
    lines = [f"{_line(change)}\n    such as {_facts(change)}" for change in result.difference.changes]
    return "\n".join([*lines, _conclusion(result), *_replay_lines(result)]) + "\n"


def as_markdown(result: Compared) -> str:
    """The comparison as a comment on a pull request; ends in a line break."""
    lines = [f"**{_conclusion(result)}**", ""]
    if result.difference.changes:
        lines += ["| request | was | is |", "|---|---|---|"]
        lines += [
            f"| {_cell(_facts(change))} | {_cell(_end(change.old))} | {_cell(_end(change.new))} |"
            for change in result.difference.changes
        ]
    lines += [f"- {line}" for line in _replay_lines(result)]
    return "\n".join(lines).rstrip() + "\n"


def _conclusion(result: Compared) -> str:
    count = len(result.difference.changes)
    if result.difference.is_nothing:
        return "no behavioural change (proved for all requests)"
    if not count:
        return "no change found, but not everything could be proved"
    said = f"{count} class{'' if count == 1 else 'es'} of requests go{'es' if count == 1 else ''} elsewhere"
    return said if result.difference.proved else f"{said}; there may be more"


def _replay_lines(result: Compared) -> list[str]:
    replayed = result.replayed
    if replayed is None:
        return []
    head = f"replayed {replayed.requests} requests: {replayed.changed} go elsewhere"
    return [head, *(f"{count} from {old} to {new}" for (old, new), count in replayed.moved.items())]


def _line(change: Change) -> str:
    return f"{_end(change.old)}  ->  {_end(change.new)}"


def _end(outcome: Outcome) -> str:
    return f"{_shown(outcome.places)} by {outcome.name}"


def _facts(change: Change) -> str:
    return change.witness.line.rpartition("  ->  ")[0]


def _said(route: Route, providers: Providers) -> str:
    return _shown(places_of(route, providers))


def _shown(places: Iterable[Place]) -> str:
    return ", then ".join(f"{provider},{model}" if model else provider for provider, model in places) or "refused"


def _change(change: Change) -> dict[str, JSONValue]:
    shape = {**change.witness.shape, "headers": change.witness.shape.get("headers") or {}}
    return {"region": _facts(change), "witness": shape, "old": _target(change.old), "new": _target(change.new)}


def _target(outcome: Outcome) -> dict[str, JSONValue]:
    provider, model = outcome.places[0] if outcome.places else (None, None)
    return {"rule": outcome.name, "provider": provider, "model": model}


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
