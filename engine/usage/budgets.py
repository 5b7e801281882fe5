"""Budgets: what the configuration allows to be spent in a day, a week or a month, and how much of it is spent.

`Ledger` holds the figures of one process in memory: what the store had when it was last asked, and what came since.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Literal, TypeAlias

from msgspec import Struct, field

from engine.usage.sums import NANO, Line, Sums
from schemas.document import Mapping as MappingNode
from schemas.document import Node, Scalar
from schemas.document import Sequence as SequenceNode

Unit: TypeAlias = Literal["money", "tokens"]
State: TypeAlias = Literal["ok", "half", "spent"]
Per: TypeAlias = Literal["day", "week", "month"]

PERIODS: Mapping[str, Per] = {"day": "day", "week": "week", "month": "month"}
PARTS = ("rule", "provider", "model", "key")
"""What a budget can be of; `provider,model` together are written under both."""

HALF = Decimal("0.5")
DAY_S = 86_400


class Budget(Struct, frozen=True):
    """`limit` is tokens, or milliardths of the currency. `of`: part -> the names that count; empty: everything counts."""

    name: str
    unit: Unit
    limit: int
    per: Per
    half_at: Decimal = HALF
    of: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def counts(self, line: Line) -> bool:
        """Whether what the line sums up is spent from this budget."""
        return all(getattr(line, part) in names for part, names in self.of.items())

    def amount(self, sums: Sums) -> int:
        """What that spends."""
        return sums.cost_nano if self.unit == "money" else sums.tokens

    def state(self, spent: int) -> State:
        """`spent` from the limit on, `half` from its part `half_at` on."""
        if spent >= self.limit:
            return "spent"
        return "half" if spent >= self.limit * self.half_at else "ok"


def first_day(per: Per, moment: float) -> str:
    """The day in UTC on which the period began in which the moment is; weeks begin on Mondays."""
    day = datetime.fromtimestamp(moment, UTC)
    match per:
        case "day":
            back = 0
        case "week":
            back = day.weekday()
        case "month":
            back = day.day - 1
    return (day - timedelta(days=back)).strftime("%Y-%m-%d")


def period_end(per: Per, moment: float) -> float:
    """When the period ends in which the moment is, in seconds since the epoch."""
    first = datetime.fromisoformat(first_day(per, moment)).replace(tzinfo=UTC)
    days = {"day": 1, "week": 7, "month": 31}[per]
    return (
        datetime.fromisoformat(first_day(per, (first + timedelta(days=days)).timestamp()))
        .replace(tzinfo=UTC)
        .timestamp()
    )


def budgets_of(root: Node) -> tuple[Budget, ...]:
    """The budgets of a checked document; what is misspelt there was reported, and is no budget here."""
    written = root.get("budgets") if isinstance(root, MappingNode) else None
    found = (
        [_budget(str(entry.key.value), entry.value) for entry in written] if isinstance(written, MappingNode) else []
    )
    return tuple(budget for budget in found if budget is not None)


def _budget(name: str, node: Node) -> Budget | None:
    if not isinstance(node, MappingNode):
        return None
    per = PERIODS.get(str(_value(node, "per")))
    money, tokens = _number(node, "money"), _number(node, "tokens")
    if per is None or (money is None) == (tokens is None):
        return None
    part = node.get("of")
    of = {
        str(entry.key.value): _names(entry.value)
        for entry in (part if isinstance(part, MappingNode) else ())
        if entry.key.value in PARTS
    }
    half_at = share_of(_value(node, "halfAt"))
    if money is not None:
        return Budget(name, "money", int(money / NANO), per, half_at, of)
    assert tokens is not None
    return Budget(name, "tokens", int(tokens), per, half_at, of)


def share_of(value: object) -> Decimal:
    """`50%` as 0.5; what is no share is `HALF`."""
    text = str(value).strip()
    try:
        return Decimal(text.removesuffix("%")) / 100 if text.endswith("%") else HALF
    except ArithmeticError:
        return HALF


def _value(node: MappingNode, key: str) -> object:
    found = node.get(key)
    return found.value if isinstance(found, Scalar) else None


def _number(node: MappingNode, key: str) -> Decimal | None:
    value = _value(node, key)
    return Decimal(str(value)) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _names(node: Node) -> frozenset[str]:
    items = node.items if isinstance(node, SequenceNode) else (node,)
    return frozenset(str(item.value) for item in items if isinstance(item, Scalar))


class _Figure(Struct):
    """What is spent of one budget since `since`: `stored` is the store's, `coming` is on its way there."""

    budget: Budget
    since: str
    stored: int = 0
    coming: int = 0
    fresh: int = 0

    @property
    def spent(self) -> int:
        return self.stored + self.coming + self.fresh


class Ledger(Mapping[str, str]):
    """Budget name -> its state now, for the fact `budget.<name>.state`. `wall` tells the time."""

    def __init__(self, now: float = 0.0) -> None:
        self._figures: dict[str, _Figure] = {}
        self._now = now

    def follow(self, budgets: Sequence[Budget], now: float) -> None:
        """Takes over these budgets; those that stay as they are keep their figures."""
        before = self._figures
        self._now = now
        self._figures = {
            one.name: known
            if (known := before.get(one.name)) is not None and known.budget == one
            else _Figure(one, first_day(one.per, now))
            for one in budgets
        }

    @property
    def budgets(self) -> list[Budget]:
        """Those it follows."""
        return [figure.budget for figure in self._figures.values()]

    def spent_until(self, name: str) -> float | None:
        """When a budget that is spent begins anew (seconds since the epoch); None: it is not spent, or there is none."""
        figure = self._figures.get(name)
        if figure is None or figure.budget.state(figure.spent) != "spent":
            return None
        return period_end(figure.budget.per, self._now)

    def add(self, line: Line, sums: Sums) -> None:
        """An exchange is over."""
        for figure in self._figures.values():
            if figure.since <= line.day and figure.budget.counts(line):
                figure.fresh += figure.budget.amount(sums)

    def at(self, now: float) -> Ledger:
        """Itself, after a look at the clock: a new period begins with nothing spent."""
        if now // DAY_S != self._now // DAY_S:
            for figure in self._figures.values():
                since = first_day(figure.budget.per, now)
                if since != figure.since:
                    figure.since, figure.stored, figure.coming, figure.fresh = since, 0, 0, 0
        self._now = now
        return self

    def handed_over(self) -> None:
        """What came until now goes to the store."""
        for figure in self._figures.values():
            figure.coming, figure.fresh = figure.coming + figure.fresh, 0

    def wanted(self) -> list[tuple[Budget, str]]:
        """What to ask the store for: each budget, and from which day on."""
        return [(figure.budget, figure.since) for figure in self._figures.values()]

    def told(self, spent: Iterable[tuple[Budget, str, int]]) -> None:
        """What the store says of what was `wanted`; everything that was handed over is in it by now."""
        for budget, since, amount in spent:
            figure = self._figures.get(budget.name)
            if figure is not None and figure.budget == budget and figure.since == since:
                figure.stored, figure.coming = amount, 0

    def rows(self) -> list[dict[str, object]]:
        """Each budget as JSON, for `/status` and the page: `spent` and `limit` in the currency or in tokens."""
        return [
            {
                "name": budget.name,
                "state": budget.state(figure.spent),
                "unit": budget.unit,
                "spent": _shown(budget, figure.spent),
                "limit": _shown(budget, budget.limit),
                "per": budget.per,
                "since": figure.since,
            }
            for figure in self._figures.values()
            for budget in (figure.budget,)
        ]

    def __getitem__(self, name: str) -> State:
        figure = self._figures[name]
        return figure.budget.state(figure.spent)

    def __iter__(self) -> Iterator[str]:
        return iter(self._figures)

    def __len__(self) -> int:
        return len(self._figures)


def _shown(budget: Budget, amount: int) -> float | int:
    return float(amount * NANO) if budget.unit == "money" else amount
