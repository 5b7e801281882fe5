"""The record of usage as people and programs read it: a table, JSON, CSV. Pure."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TypeAlias

from msgspec import Struct

from engine.usage.sums import Sums, plus

NOBODY = "-"
"""What is shown where there is no name: no router key, no target."""

UNKNOWN = "unknown"
_LEAST_SHOWN = Decimal("0.0001")

Total: TypeAlias = tuple[tuple[str, ...], str, Sums]
"""The names, the currency, the sums."""

_COUNTS = {
    "requests": "requests",
    "errors": "errors",
    "input": "input",
    "cacheRead": "cache_read",
    "cacheWrite": "cache_write",
    "output": "output",
    "thinking": "thinking",
}


class BadSince(ValueError):  # noqa: N818 - says what is so
    """No beginning of a span; blame: whoever wrote it."""


class Report(Struct, frozen=True):
    """`columns` are the names of what the sums are by; `since` and `until` are days of UTC, both counted."""

    columns: tuple[str, ...]
    since: str
    until: str
    totals: tuple[Total, ...]

    def rows(self) -> list[dict[str, object]]:
        """Each sum as JSON. `cost` None: unknown; `unpriced` counts the replies whose cost is in no sum."""
        return [
            {name: value or None for name, value in zip(self.columns, names, strict=True)} | _sums(sums, currency)
            for names, currency, sums in self.totals
        ]


def report_of(columns: Sequence[str], since: str, until: str, totals: Sequence[Total]) -> Report:
    """The report, in order: days as they come, all else by money, then by tokens."""
    in_order = sorted(totals, key=lambda total: (-total[2].cost_nano, -total[2].tokens, total[0], total[1]))
    if "day" in columns:
        at = columns.index("day")
        in_order.sort(key=lambda total: total[0][at])
    return Report(tuple(columns), since, until, tuple(in_order))


def first_day_of(since: str, now: float) -> str:
    """The day in UTC that `7d`, `4w`, `today` or a day such as 2026-01-31 begins with. Raises `BadSince`."""
    today = datetime.fromtimestamp(now, UTC).date()
    text = since.strip().lower()
    number, unit = text[:-1], text[-1:]
    try:
        if text == "today":
            return today.isoformat()
        if unit in ("d", "w") and number.isascii() and number.isdigit():
            return (today - timedelta(days=int(number) * (7 if unit == "w" else 1))).isoformat()
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC).date().isoformat()
    except (ValueError, OverflowError):
        raise BadSince(f"`{since}` is no span of days and no day: write 7d, 4w, today or 2026-01-31") from None


def as_json(report: Report) -> str:
    """One object."""
    whole = {"since": report.since, "until": report.until, "by": list(report.columns), "rows": report.rows()}
    return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"


def as_csv(report: Report) -> str:
    """A line of names, then one for each sum; what is unknown is empty."""
    text = io.StringIO()
    writer = csv.DictWriter(text, [*report.columns, *_COUNTS, "cost", "unpriced", "currency"], lineterminator="\n")
    writer.writeheader()
    for row in report.rows():
        writer.writerow({name: _harmless(value) for name, value in row.items()})
    return text.getvalue()


def as_table(report: Report) -> str:
    """For people: columns aligned, a sum of all below where there is one currency and more than one line."""
    if not report.totals:
        return f"nothing is recorded from {report.since} to {report.until}\n"
    heads = [*report.columns, *(name for name in _COUNTS if name != "thinking"), "cost"]
    lines = [heads]
    lines += [[*(name or NOBODY for name in names), *_cells(sums, currency)] for names, currency, sums in report.totals]
    if len(report.totals) > 1 and len({currency for _, currency, _ in report.totals}) == 1:
        whole = Sums()
        for _, _, sums in report.totals:
            whole = plus(whole, sums)
        lines.append(["all", *[""] * (len(report.columns) - 1), *_cells(whole, report.totals[0][1])])
    wide = [max(len(line[at]) for line in lines) for at in range(len(heads))]
    left = len(report.columns)
    shown = [
        "  ".join(cell.ljust(wide[at]) if at < left else cell.rjust(wide[at]) for at, cell in enumerate(line)).rstrip()
        for line in lines
    ]
    return "\n".join(shown) + "\n"


def _cells(sums: Sums, currency: str) -> list[str]:
    counts = [f"{getattr(sums, field):,}" for name, field in _COUNTS.items() if name != "thinking"]
    return [*counts, _money(sums, currency)]


def _money(sums: Sums, currency: str) -> str:
    """The known part, and that there is an unknown one."""
    known = _known_cost(sums)
    if known is None:
        return UNKNOWN
    tiny = 0 < known < _LEAST_SHOWN
    text = f"under {_LEAST_SHOWN} {currency}" if tiny else f"{known:,.4f} {currency}"
    return f"{text} + {sums.unpriced:,} {UNKNOWN}" if sums.unpriced else text


def _sums(sums: Sums, currency: str) -> dict[str, object]:
    known = _known_cost(sums)
    return {
        **{name: getattr(sums, field) for name, field in _COUNTS.items()},
        "cost": None if known is None else float(known),
        "unpriced": sums.unpriced,
        "currency": currency,
    }


def _known_cost(sums: Sums) -> Decimal | None:
    return None if sums.unpriced and not sums.cost_nano else sums.cost


def _harmless(value: object) -> object:
    """A name that a spreadsheet would run as a formula, quoted."""
    return "'" + value if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")) else value
