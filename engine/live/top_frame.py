"""One frame of `ccr top`: lines that fit a terminal. Pure.

What is shown may come from clients and configurations: control characters never reach the terminal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from engine.live.top_view import FAILURES, View, figures, sums
from engine.reporting.cells import cells_of, cut_to, fitted, milliseconds, number, plain, said_of_state, span

JSON = Mapping[str, Any]
Cell = tuple[str, str]
"""A text and its look."""

LOOKS = {"title": "1", "head": "2", "good": "32", "warn": "33", "bad": "31", "dim": "2", "": ""}
_STATES = {"closed": "good", "half-open": "warn", "open": "bad"}
_OUTCOMES = {"answered": "good", "rejected": "warn", "failed": "bad", "broken": "bad"}

NARROWEST, FEWEST = 20, 4
WIDE = 110
LEAST_ROWS = 4
"""Lines that are kept for the exchanges, however many instances there are."""


def frame(
    view: View, width: int, height: int, clock_of: Callable[[float], str], link: str = "", colour: bool = False
) -> list[str]:
    """The lines, at most `height` of at most `width` cells each. `clock_of` gives the local time of day of a moment,
    `link` says how the connection stands.
    """
    width, height = max(width, NARROWEST), max(height, FEWEST)
    head = [line for cells in _head(view, link) for line in _wrapped(cells, width)]
    top = [*head, [], *_targets(view, width), [], *_rules(view, width), [], *_instances(view, width), []]
    room = max(LEAST_ROWS, height - len(top))
    lines = [*top[: height - min(room, height)], *_exchanges(view, room, width, clock_of)][:height]
    return [_line(cells, width, colour) for cells in lines]


def _head(view: View, link: str) -> Iterator[list[Cell]]:
    state, counters = view.state, view.state.get("counters", {})
    yield [
        ("ccr " + str(view.gateway.get("version", "")), "title"),
        (f"  {view.gateway.get('address', '')}  revision {view.gateway.get('revision', '')}", ""),
        (f"  up {span(state.get('uptime', 0))}", ""),
        (
            f"  {len(workers['running'])} of {workers['wanted']} workers" if (workers := state.get("workers")) else "",
            "",
        ),
        (f"  {link}" if link else "", "warn"),
    ]
    now = figures(view.latest(), view.window_s())
    decided = sum(branch["exchanges"] for branch in state.get("branches", ()))
    cost = [one.cost for one in sums(state.get("branches", ()), "target") if one.cost is not None]
    money = f"  cost {sum(cost):.4f} {view.gateway.get('currency') or ''}".rstrip() if cost else ""
    yield [
        (f"requests {number(decided)}  open {number(counters.get('open'))}", ""),
        (f"  {now.per_minute:.1f}/min", ""),
        (f"  failed {now.failed} of {now.count} in 5 min", "bad" if now.failed else ""),
        (f"  first byte {milliseconds(now.first_byte_ms)}", ""),
        (f"  total p50 {milliseconds(now.p50_ms)} p95 {milliseconds(now.p95_ms)}", ""),
        (f"  tokens {number(counters.get('inputTokens'))} in {number(counters.get('outputTokens'))} out", ""),
        (money, ""),
    ]


def _targets(view: View, width: int) -> Iterator[list[Cell]]:
    columns = ("/min", 7), ("all", 8), ("failed", 7), ("p50", 8), ("p95", 8), ("tokens", 9), ("cost", 9)
    size = _size_of_name(width - 63)
    yield [("TARGET".ljust(size), "head"), *((name.rjust(cells + 1), "head") for name, cells in columns)]
    latest, window_s = view.latest(), view.window_s()
    for one in sums(view.state.get("branches", ()), "target"):
        now = figures([row for row in latest if (row["target"] or "no target") == one.name], window_s)
        yield [
            (fitted(one.name.replace(",", " / ", 1), size), ""),
            (f"{now.per_minute:.1f}".rjust(8), ""),
            (number(one.exchanges).rjust(9), ""),
            (number(one.errors).rjust(8), "bad" if one.errors else ""),
            (milliseconds(now.p50_ms).rjust(9), ""),
            (milliseconds(now.p95_ms).rjust(9), ""),
            (number(one.tokens).rjust(10), ""),
            (("-" if one.cost is None else f"{one.cost:.4f}").rjust(10), ""),
        ]


def _rules(view: View, width: int) -> Iterator[list[Cell]]:
    size = _size_of_name(width - 40)
    counted = {one.name: one for one in sums(view.state.get("branches", ()), "rule")}
    most = max((one.exchanges for one in counted.values()), default=1)
    yield [("ROUTE".ljust(size), "head"), ("all".rjust(9), "head"), ("failed".rjust(8), "head")]
    for entry in view.gateway.get("tree", ()):
        one = counted.get(entry["name"])
        if one is not None:
            bar = "█" * max(1, round(20 * one.exchanges / most))
            look = "bad" if one.errors else ""
            yield [
                (fitted(one.name, size), ""),
                (number(one.exchanges).rjust(9), ""),
                (number(one.errors).rjust(8), look),
                ("  " + bar, "dim"),
            ]


def _instances(view: View, width: int) -> Iterator[list[Cell]]:
    size = _size_of_name(width - 49)
    columns = ("in flight", 9), ("requests", 9), ("errors", 7), ("first byte", 10)
    heads = [(f" {name.rjust(cells)}", "head") for name, cells in columns]
    yield [("INSTANCE".ljust(size), "head"), (" state    ", "head"), *heads]
    for provider in view.state.get("providers", ()):
        for instance in provider["instances"]:
            latency_s = instance["latencySeconds"]
            rest_s = instance["restEndsInSeconds"]
            note = f"  rests {span(rest_s)} more" if rest_s is not None else ""
            if instance["lastError"]:
                note += f"  {span(instance['lastErrorSecondsAgo'])} ago: {instance['lastError']}"
            yield [
                (fitted(f"{provider['name']}/{instance['name']}", size), ""),
                (f" {said_of_state(instance['state']):9}", _STATES.get(instance["state"], "")),
                (number(instance["inflight"]).rjust(10), ""),
                (number(instance["requests"]).rjust(10), ""),
                (number(instance["errors"]).rjust(8), "bad" if instance["errors"] else ""),
                (milliseconds(None if latency_s is None else latency_s * 1000).rjust(11), ""),
                (note, "dim"),
            ]


def _exchanges(view: View, room: int, width: int, clock_of: Callable[[float], str]) -> Iterator[list[Cell]]:
    wide = width >= WIDE
    said_size, rule_size = (17, 20) if wide else (12, 12)
    size = _size_of_name(width - (86 if wide else 62))
    yield [
        ("TIME     ", "head"),
        ("OUTCOME".ljust(said_size), "head"),
        (" RULE".ljust(rule_size + 1), "head"),
        (" TARGET".ljust(size + 1), "head"),
        ("in".rjust(9) + "out".rjust(9), "head"),
        ("first byte".rjust(11) if wide else "", "head"),
        ("total".rjust(9), "head"),
    ]
    if not view.rows:
        yield [("no exchange yet", "dim")]
    for row in list(view.rows)[:-room:-1]:
        taken = [row[name] for name in ("inputTokens", "cacheReadTokens", "cacheWriteTokens")]
        said = (
            str(row["status"]) if row["outcome"] == "answered" else f"{row['status']} {row['error'] or row['outcome']}"
        )
        target = row["target"].replace(",", " / ", 1) if row["target"] else "-"
        yield [
            (clock_of(row["at"]) + " ", ""),
            (fitted(said, said_size), _OUTCOMES.get(row["outcome"], "")),
            (" " + fitted(row["rule"], rule_size), ""),
            (" " + fitted(target, size), ""),
            (number(None if taken[0] is None else sum(part or 0 for part in taken)).rjust(9), ""),
            (number(row["outputTokens"]).rjust(9), ""),
            (milliseconds(row["firstByteMs"]).rjust(11) if wide else "", ""),
            (milliseconds(row["totalMs"]).rjust(9), "bad" if row["outcome"] in FAILURES else ""),
        ]


def _size_of_name(left: int) -> int:
    """How many cells a name gets where the columns behind it leave so many."""
    return max(12, min(34, left))


def _wrapped(cells: Sequence[Cell], width: int) -> Iterator[list[Cell]]:
    """The cells on as many lines as they need."""
    line: list[Cell] = []
    for text, look in cells:
        if line and sum(cells_of(one) for one, _ in line) + cells_of(text) > width:
            yield line
            line = [(text.lstrip(), look)]
        else:
            line.append((text, look))
    yield line


def _line(cells: Sequence[Cell], width: int, colour: bool) -> str:
    parts, left = [], width
    for text, look in cells:
        shown = cut_to(plain(text), left)
        left -= cells_of(shown)
        parts.append(f"\x1b[{LOOKS[look]}m{shown}\x1b[0m" if colour and LOOKS[look] and shown else shown)
    return "".join(parts) if colour else "".join(parts).rstrip()
