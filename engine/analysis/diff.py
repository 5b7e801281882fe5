"""`ccr diff`: which requests go elsewhere under another configuration, proved for all and replayed over recorded ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from msgspec import Struct

from engine.analysis.stage import offered
from engine.built import Built
from rules.analysis.behind import blocks_by_conditions, server_of
from rules.analysis.diff import Change, Difference, difference
from rules.analysis.listing import Outcome
from rules.analysis.offered import Place, Providers, places_of
from rules.evaluate import UnknownFact
from rules.facts import Facts
from rules.nodes import Route
from schemas.document import JSONValue, plain
from schemas.document import Mapping as MappingNode
from schemas.wording import visible


class Replayed(Struct, frozen=True):
    """Recorded requests: how many, how many go elsewhere, and how often from where to where.

    `varying` are further ones, left out: where they go depends on facts that they do not give, such as the time.
    """

    requests: int
    moved: Mapping[tuple[str, str], int]
    varying: int = 0

    @property
    def changed(self) -> int:
        """How many go elsewhere."""
        return sum(self.moved.values())


class Compared(Struct, frozen=True):
    """Two configurations. `refiltered`: their filters differ, and what patterns find and tags bring is only replayed."""

    difference: Difference
    replayed: Replayed | None = None
    refiltered: bool = False

    @property
    def proved(self) -> bool:
        """Whether there are no changes but those shown."""
        return self.difference.proved and not self.refiltered

    @property
    def differs(self) -> bool:
        """Whether some request goes elsewhere, of all or of those recorded."""
        return bool(self.difference.changes) or (self.replayed is not None and self.replayed.changed > 0)


def compared(old: Built, new: Built, requests: Iterable[Facts] | None = None) -> Compared:
    """What changes from one to the other; `requests` are recorded ones to replay."""
    before, after = _Side(old), _Side(new)
    found = difference((old.rules, before.providers), (new.rules, after.providers))
    replayed = None if requests is None else _replayed(before, after, requests)
    modelled = blocks_by_conditions(old.rules) and blocks_by_conditions(new.rules)
    return Compared(found, replayed, not modelled and _filters_of(old) != _filters_of(new))


class _Side:
    def __init__(self, built: Built) -> None:
        self.providers = offered(built.providers)
        self._decide = server_of(built.rules)

    def place_of(self, facts: Facts) -> str:
        """Where a request goes, behind the filters. Raises `UnknownFact`."""
        return _said(self._decide(facts).route, self.providers)


def _replayed(before: _Side, after: _Side, requests: Iterable[Facts]) -> Replayed:
    count = varying = 0
    moved: Counter[tuple[str, str]] = Counter()
    for facts in requests:
        try:
            places = before.place_of(facts), after.place_of(facts)
        except UnknownFact:
            varying += 1
            continue
        count += 1
        if places[0] != places[1]:
            moved[places] += 1
    return Replayed(count, dict(sorted(moved.items())), varying)


def _filters_of(built: Built) -> object:
    """What the filters say, with the named conditions that they may speak of; nothing where there are none."""
    root = built.document.root
    if not built.rules.filters or not isinstance(root, MappingNode):
        return None
    return [None if node is None else plain(node) for node in map(root.get, ("filters", "conditions"))]


def as_object(result: Compared) -> dict[str, JSONValue]:
    """The comparison as JSON values."""
    shown: dict[str, JSONValue] = {
        "schemaVersion": 1,
        "equivalent": result.proved and not result.difference.changes,
        "proved": result.proved,
        "changes": [_change(change) for change in result.difference.changes],
    }
    if result.replayed is not None:
        shown["replayed"] = {
            "requests": result.replayed.requests,
            "changed": result.replayed.changed,
            "varying": result.replayed.varying,
            "moved": [{"old": old, "new": new, "count": count} for (old, new), count in result.replayed.moved.items()],
        }
    return shown


def as_text(result: Compared) -> str:
    """The comparison for people; ends in a line break."""
    lines = [
        f"{visible(_line(change))}\n    where {visible(change.region)}\n    such as {visible(_facts(change))}"
        for change in result.difference.changes
    ]
    return "\n".join([*lines, _conclusion(result), *_replay_lines(result)]) + "\n"


def as_markdown(result: Compared) -> str:
    """The comparison as a comment on a pull request; ends in a line break."""
    lines = [f"**{_conclusion(result)}**", ""]
    if result.difference.changes:
        lines += ["| requests | such as | was | is |", "|---|---|---|---|"]
        lines += [
            f"| {_cell(change.region)} | {_cell(_facts(change))} | {_cell(_end(change.old))} | {_cell(_end(change.new))} |"
            for change in result.difference.changes
        ]
    lines += [f"- {line}" for line in _replay_lines(result)]
    return "\n".join(lines).rstrip() + "\n"


def _conclusion(result: Compared) -> str:
    count = len(result.difference.changes)
    if result.proved and not count:
        return "no behavioural change (proved for all requests)"
    said = f"{count} class{'' if count == 1 else 'es'} of requests go{'es' if count == 1 else ''} elsewhere"
    if result.refiltered:
        said = said if count else "rules and conditions of filters send all requests as before"
        return f"{said}; the filters differ, and what patterns of theirs find, and their tags, is not compared"
    if not count:
        return "no change found, but not everything could be proved"
    return said if result.proved else f"{said}; there may be more"


def _replay_lines(result: Compared) -> list[str]:
    replayed = result.replayed
    if replayed is None:
        return []
    count, changed = replayed.requests, replayed.changed
    head = f"replayed {count} request{'s' * (count != 1)}: {changed} go{'es' * (changed == 1)} elsewhere"
    if replayed.varying:
        head += f"; {replayed.varying} more left out, which depend on the time or on states and do not give them"
    return [head, *(visible(f"{count} from {old} to {new}") for (old, new), count in replayed.moved.items())]


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
    return {"region": change.region, "witness": shape, "old": _target(change.old), "new": _target(change.new)}


def _target(outcome: Outcome) -> dict[str, JSONValue]:
    provider, model = outcome.places[0] if outcome.places else (None, None)
    return {"rule": outcome.name, "provider": provider, "model": model}


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
