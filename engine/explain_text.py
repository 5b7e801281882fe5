"""An explanation for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

_LABEL = 11
_SHOWN = 40


def explanation_text(explanation: dict[str, Any]) -> str:
    """The explanation as lines: what was decided, why, why not the others, and what follows from it."""
    return "\n".join(line.rstrip() for line in _lines(explanation)) + "\n"


def _lines(explanation: dict[str, Any]) -> Iterator[str]:
    rules = explanation["rules"]
    decision = explanation["decision"]
    if decision is None:
        yield from _varying(explanation)
    else:
        yield _row("decision", _headline(decision, rules))
        decided = next((entry for entry in rules if entry["name"] == decision["rule"]), None)
        if decided is not None:
            yield from _because(decided)
        for skip in decision["skipped"]:
            yield _row("skipped", f"{skip['rule']}: {skip['reason']}")
    yield from _rejected(rules)
    yield from _after(rules)
    yield from _consequences(explanation)
    yield _row("cost", _cost(explanation["stats"]))


def _headline(decision: dict[str, Any], rules: list[dict[str, Any]]) -> str:
    index = next((number for number, entry in enumerate(rules, 1) if entry["name"] == decision["rule"]), 0)
    entry = rules[index - 1] if index else None
    kind = "category" if decision["category"] else "rule" if decision["rule"] != "explicit" else "choice"
    where = f" ({entry['file']}:{entry['line']})" if entry and entry["file"] else ""
    by = f"by {kind} {decision['rule']}{where}, {_ordinal(index)} of {len(rules)}"
    if "reject" in decision:
        return f"refused with {decision['reject']['status']}: {decision['reject']['message']}   {by}"
    return f"{decision['provider']} / {decision['model']}   {by}"


def _varying(explanation: dict[str, Any]) -> Iterator[str]:
    yield _row("decision", f"varies with {', '.join(explanation['unknownFacts'])}, which is not given")
    for group in explanation["decisions"]:
        first = ", ".join(f"{fact} = {value}" for fact, value in group["when"][0].items())
        more = f" (and {len(group['when']) - 1} more)" if len(group["when"]) > 1 else ""
        yield _row("", f"{_headline(group['decision'], explanation['rules'])}   when {first}{more}")
    if "notProven" in explanation:
        yield _row("", explanation["notProven"])


def _because(entry: dict[str, Any]) -> Iterator[str]:
    if entry["kind"] == "explicit":
        yield _row("because", "the client asked for this provider and model itself")
        return
    holding = [one for one in entry["predicates"] if one["evaluated"] and _satisfied(one)]
    yield from _table("because", [_cells(one) for one in holding or entry["predicates"]])


def _rejected(rules: list[dict[str, Any]]) -> Iterator[str]:
    rows = []
    for number, entry in enumerate(rules, 1):
        if entry["status"] not in ("rejected", "varies", "error", "disabled"):
            continue
        failed = [one for one in entry["predicates"] if one["evaluated"] and not _satisfied(one)]
        name = f"{number} {entry['name']}"
        if entry["status"] == "disabled":
            rows.append((name, "is disabled", ""))
        elif entry["kind"] == "explicit":
            rows.append((name, "the client named no provider and model that are offered", ""))
        elif failed:
            count = f"{len(failed)} of {len(entry['predicates'])} failed"
            rows.append((name, _complaint(failed[0]), count))
            rows.extend(("", _complaint(one), "") for one in failed[1:3])
            if len(failed) > 3:
                rows.append(("", f"and {len(failed) - 3} more", ""))
        elif entry["status"] == "error":
            rows.append((name, "failed", ""))
        else:
            rows.append((name, "does not hold", ""))
    yield from _table("rejected", rows)


def _after(rules: list[dict[str, Any]]) -> Iterator[str]:
    later = [(number, entry) for number, entry in enumerate(rules, 1) if entry["status"] == "not-evaluated"]
    if later:
        names = (
            f"{number} {entry['name']}{' (would match too)' * bool(entry['wouldMatch'])}" for number, entry in later
        )
        yield _row("after", ", ".join(names))


def _consequences(explanation: dict[str, Any]) -> Iterator[str]:
    pool, plan = explanation["pool"], explanation["plan"]
    if pool is not None and plan:
        resting = f", {pool['resting']} resting" if pool["resting"] else ""
        count = f"{pool['instances']} instance{'s' * (pool['instances'] != 1)}"
        picked = plan[0]["instance"] or f"one of {', '.join(pool['candidates'])}"
        yield _row("pool", f"{pool['provider']}: {pool['strategy']} over {count}{resting}; would pick {picked}")
    if len(plan) > 1:
        steps = (f"{step['provider']}/{step['model']}" for step in plan)
        yield _row("plan", " -> fallback ".join(steps))
    if explanation["lost"]:
        lost = (f"{one['field']}{_times(one['count'])}: {one['why']}" for one in explanation["lost"])
        yield from _table("changes", [(text,) for text in lost])
    elif plan:
        yield _row("changes", "translation loses nothing")
    yield from _table("defaults", [(note,) for note in _grouped(explanation["notes"])])


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
        text = str(value)
    line = " ".join(text.split())
    return line if len(line) <= _SHOWN else line[: _SHOWN - 1] + "…"


def _times(count: int) -> str:
    return f" ({count} times)" if count > 1 else ""


def _row(label: str, text: str) -> str:
    return f"{label:<{_LABEL}}{text}"


def _table(label: str, rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    """Rows under one label, their columns aligned; the last column is as wide as it likes."""
    widths = [max((len(row[at]) for row in rows if at < len(row) - 1), default=0) for at in range(4)]
    for number, row in enumerate(rows):
        cells = [f"{cell:<{widths[at]}}" if at < len(row) - 1 else cell for at, cell in enumerate(row)]
        yield _row(label if number == 0 else "", "   ".join(cells))


def _ordinal(number: int) -> str:
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"
