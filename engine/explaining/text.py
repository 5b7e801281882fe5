"""An explanation for people: the decision first, then why, then what else could have been, then the details."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from engine.explaining.changes import changed_text
from schemas.wording import all_visible

_LABEL = 11
_SHOWN = 40
_WIDTH = 100
_REJECTED = 8
"""Rules that did not match and are shown, unless all are asked for."""

_DONE = {"block": "found, and the request is blocked", "redact": "found and cut out", "tag": "gave its tag"}
"""What a filter did, by its action."""

Paint = Callable[[str, str], str]
"""A text and what it is (`label`, `good`, `bad`, `quiet`) to the text as it is to look."""


def plain(text: str, _kind: str) -> str:
    """No colours."""
    return text


def explanation_text(explanation: dict[str, Any], *, everything: bool = False, paint: Paint = plain) -> str:
    """The explanation as lines: what was decided, why, why not the others, and what follows from it."""
    return _Text(explanation, everything, paint).whole()


def decision_line(explanation: dict[str, Any], paint: Paint = plain) -> str:
    """The decision alone, as one line among others."""
    decision = all_visible(explanation["decision"])
    if decision is None:
        names = " or ".join(dict.fromkeys(_where(all_visible(group["decision"])) for group in explanation["decisions"]))
        return f"{paint(names, 'bad')}   varies with {', '.join(explanation['unknownFacts'])}"
    return f"{paint(_where(decision), 'good')}   by {_decider(decision)}"


class _Text:
    def __init__(self, explanation: dict[str, Any], everything: bool, paint: Paint) -> None:
        self.explanation, self.everything, self.paint = all_visible(explanation), everything, paint
        self.rules: list[dict[str, Any]] = self.explanation["rules"]
        self.places = {entry["name"]: number for number, entry in enumerate(self.rules, 1)}

    def whole(self) -> str:
        return "\n".join(line.rstrip() for line in self._lines()) + "\n"

    def _lines(self) -> Iterator[str]:
        explanation = self.explanation
        decision = explanation["decision"]
        if decision is None:
            yield from self._varying()
        else:
            yield self._row("decision", self._headline(decision))
            yield from self._because(self.rules[self.places[decision["rule"]] - 1])
            for skip in decision["skipped"]:
                yield self._row("skipped", f"{skip['rule']}: {skip['reason']}")
        for one in explanation.get("filters", ()):
            count = f" {one['count']} times" if one["count"] > 1 else ""
            yield self._row("filter", f"{one['name']}: {_DONE[one['action']]}{count}")
        yield from self._answers()
        yield from self._rejected()
        yield from self._after()
        yield from self._consequences()
        yield self._row("cost", _cost(explanation["stats"]))

    def _headline(self, decision: dict[str, Any]) -> str:
        place = self.places[decision["rule"]]
        entry = self.rules[place - 1]
        where = f" ({entry['file']}:{entry['line']})" if entry["file"] else ""
        if self.explanation.get("blocked"):
            by = f"by filter {entry['name']}{where}"
        else:
            by = f"by {_decider(decision)}{where}, {_ordinal(place)} of {len(self.rules)}"
        kind = "bad" if "reject" in decision else "good"
        return f"{self.paint(_where(decision), kind)}   {by}"

    def _varying(self) -> Iterator[str]:
        explanation = self.explanation
        facts = ", ".join(explanation["unknownFacts"])
        yield self._row("decision", self.paint(f"varies with {facts}, which is not given", "bad"))
        for group in explanation["decisions"]:
            first = ", ".join(f"{fact} = {_seen(value)}" for fact, value in group["when"][0].items())
            more = f" (and {len(group['when']) - 1} more)" if len(group["when"]) > 1 else ""
            yield self._row("", f"{self._headline(group['decision'])}   when {first}{more}")
        if "notProven" in explanation:
            yield self._row("", explanation["notProven"])

    def _because(self, entry: dict[str, Any]) -> Iterator[str]:
        if entry["kind"] == "explicit":
            yield self._row("because", "the client asked for this provider and model itself")
            return
        holding = [one for one in entry["predicates"] if one["evaluated"] and _satisfied(one)]
        yield from self._table("because", [_cells(one) for one in holding or entry["predicates"]])

    def _answers(self) -> Iterator[str]:
        """What would have to be different: for those asked about, else for the nearest, and what can never be."""
        found = {one["rule"]: one for one in self.explanation["counterfactuals"]}
        nearest, asked = self.explanation["nearest"], self.explanation["asked"]
        if nearest is not None:
            yield self._row("nearest", f"{nearest['rule']}: {changed_text(nearest['changes'])}")
        never = [name for name, one in found.items() if one.get("impossible") and name not in asked and _is_odd(one)]
        rows = [f"{name}: {_answer(found[name])}" for name in [*asked, *never[:3]]]
        yield from self._table("to reach", [(row,) for row in rows])

    def _rejected(self) -> Iterator[str]:
        tried = [entry for entry in self.rules if entry["status"] in ("rejected", "varies", "error", "disabled")]
        shown = (
            tried
            if self.everything
            else sorted(sorted(tried, key=_missed)[:_REJECTED], key=lambda one: int(one["index"]))
        )
        rows = [row for entry in shown for row in self._rejection(entry)]
        yield from self._table("rejected", rows)
        if len(shown) < len(tried):
            yield self._row(
                "", self.paint(f"and {len(tried) - len(shown)} more, further away; --all shows them", "quiet")
            )

    def _rejection(self, entry: dict[str, Any]) -> Iterator[tuple[str, ...]]:
        failed = [one for one in entry["predicates"] if one["evaluated"] and not _satisfied(one)]
        name = f"{self.places[entry['name']]} {entry['name']}"
        if entry["status"] == "disabled":
            yield name, "is disabled", ""
        elif entry["kind"] == "explicit":
            yield name, "the client named no provider and model that are offered", ""
        elif failed:
            yield name, _complaint(failed[0]), f"{len(failed)} of {len(entry['predicates'])} failed"
            most = len(failed) if self.everything else 3
            yield from (("", _complaint(one), "") for one in failed[1:most])
            if len(failed) > most:
                yield "", f"and {len(failed) - most} more", ""
        else:
            yield name, "failed" if entry["status"] == "error" else "does not hold", ""

    def _after(self) -> Iterator[str]:
        later = [entry for entry in self.rules if entry["status"] == "not-evaluated"]
        would = [entry for entry in later if entry["wouldMatch"]]
        shown = later if self.everything or len(later) <= _REJECTED else would[:_REJECTED]
        names = [
            f"{self.places[entry['name']]} {entry['name']}{' (would match too)' * bool(entry['wouldMatch'])}"
            for entry in shown
        ]
        if len(shown) < len(later):
            names.append(f"{len(later) - len(shown)} {'more' if shown else 'rules and categories'}")
        yield from self._table("after", [(row,) for row in _packed(names)])

    def _consequences(self) -> Iterator[str]:
        pool, plan, lost = (self.explanation[key] for key in ("pool", "plan", "lost"))
        if pool is not None and plan:
            resting = f", {pool['resting']} resting" if pool["resting"] else ""
            count = f"{pool['instances']} instance{'s' * (pool['instances'] != 1)}"
            picked = plan[0]["instance"] or f"one of {', '.join(pool['candidates'])}"
            yield self._row(
                "pool", f"{pool['provider']}: {pool['strategy']} over {count}{resting}; would pick {picked}"
            )
        if len(plan) > 1:
            yield self._row("plan", " -> fallback ".join(f"{step['provider']}/{step['model']}" for step in plan))
        if lost:
            rows = (f"{one['field']}{_times(one['count'])}: {one['why']}" for one in lost)
            yield from self._table("changes", [(text,) for text in rows])
        elif plan:
            yield self._row("changes", "translation loses nothing")
        yield from self._table("notes", [(note,) for note in _grouped(self.explanation["notes"])])

    def _row(self, label: str, text: str) -> str:
        return f"{self.paint(f'{label:<{_LABEL}}', 'label') if label else ' ' * _LABEL}{text}"

    def _table(self, label: str, rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
        """Rows under one label, their columns aligned; the last column is as wide as it likes."""
        widths = [max((len(row[at]) for row in rows if at < len(row) - 1), default=0) for at in range(4)]
        for number, row in enumerate(rows):
            cells = [f"{cell:<{widths[at]}}" if at < len(row) - 1 else cell for at, cell in enumerate(row)]
            yield self._row(label if number == 0 else "", "   ".join(cells))


def _packed(names: Sequence[str]) -> Iterator[str]:
    """Names with commas between, in rows of about `_WIDTH` characters."""
    row = ""
    for place, name in enumerate(names):
        comma = "," if place < len(names) - 1 else ""
        if row and len(row) + len(name) > _WIDTH:
            yield row
            row = ""
        row += f"{' ' if row else ''}{name}{comma}"
    if row:
        yield row


def _where(decision: dict[str, Any]) -> str:
    if "reject" in decision:
        return f"refused with {decision['reject']['status']}: {decision['reject']['message']}"
    return f"{decision['provider']} / {decision['model']}"


def _decider(decision: dict[str, Any]) -> str:
    kind = "category" if decision["category"] else "rule" if decision["rule"] != "explicit" else "choice"
    return f"{kind} {decision['rule']}"


def _answer(one: dict[str, Any]) -> str:
    if "notProven" in one:
        return f"not proven: {one['notProven']}"
    if not one.get("impossible"):
        said = changed_text(one["changes"]) if one["changes"] else "takes this request as it is"
        return f"{said}; but {one['refused']['message']}" if "refused" in one else said
    blockers = one["blockers"]
    if blockers:
        together = " together" if len(blockers) > 1 else ""
        return f"not possible, {_and(blockers)}{together} take{'s' * (len(blockers) == 1)} every request it accepts"
    if len(one["conflict"]) == 1:
        return f"not possible, {one['conflict'][0]}: that never holds"
    if one["conflict"]:
        return f"not possible, its condition contradicts itself: {_and(one['conflict'])}"
    return f"not possible, {one['reason']}"


def _is_odd(one: dict[str, Any]) -> bool:
    """Whether a reader may not know already why a rule is never reached."""
    return bool(one["blockers"] or one["conflict"])


def _and(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def _missed(entry: dict[str, Any]) -> float:
    """How far a rule was from matching."""
    if entry["status"] == "disabled" or entry["kind"] == "explicit":
        return 1
    predicates = entry["predicates"]
    failed = sum(1 for one in predicates if one["evaluated"] and not _satisfied(one))
    return failed / (len(predicates) or 1)


def _grouped(notes: Sequence[str]) -> Iterator[str]:
    """Notes with the same reason as one."""
    reasons: dict[str, list[str]] = {}
    for note in notes:
        what, because, why = note.partition(" because ")
        reasons.setdefault(because + why, []).append(what)
    return (", ".join(chosen) + reason for reason, chosen in reasons.items())


def _cost(stats: dict[str, Any]) -> str:
    counted = "counted" if stats["tokensCounted"] else "not counted"
    return f"{stats['evaluated']} of {stats['predicates']} predicates evaluated; tokens {counted}"


def _satisfied(predicate: dict[str, Any]) -> bool:
    return bool(predicate["result"]) is not predicate["negated"] and predicate["result"] is not None


def _cells(predicate: dict[str, Any]) -> tuple[str, ...]:
    place = f"{predicate['file']}:{predicate['line']}:{predicate['column']}"
    wanted = f"not: {predicate['wanted']}" if predicate["negated"] else predicate["wanted"]
    return predicate["fact"] or "always", _seen(predicate["seen"]), wanted, place


def _complaint(predicate: dict[str, Any]) -> str:
    wanted = predicate["wanted"]
    if predicate["negated"]:
        wants = f"must not hold: {wanted}"
    else:
        wants = f"wants {wanted.removeprefix('is ')}" if wanted.startswith(("is ", ">", "<")) else f"wants: {wanted}"
    return f"{predicate['fact'] or 'always'} is {_seen(predicate['seen'])}, {wants}"


def _seen(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        text = ", ".join(value) or "empty"
    elif isinstance(value, dict):
        text = ", ".join(f"{name} {_seen(one)}" for name, one in value.items())
    elif value is None:
        return ""
    else:
        text = str(value) or "empty"
    line = " ".join(text.split())
    return line if len(line) <= _SHOWN else line[: _SHOWN - 1] + "…"


def _times(count: int) -> str:
    return f" ({count} times)" if count > 1 else ""


def _ordinal(number: int) -> str:
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"
