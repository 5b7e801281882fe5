"""What a finished exchange adds to the record of usage. Pure."""

from __future__ import annotations

from engine.ended import Ended
from engine.usage.prices import Prices
from engine.usage.sums import NANO, Line, Row, Sums, day_of

MOST_COUNT = 10**12
"""Counts beyond that are not believed of one reply."""

MOST_NANO = 10**15
"""Nor costs beyond a million units of the currency, of which some are small."""

MOST_CHARS = 200


def line_of(ended: Ended, prices: Prices) -> Row:
    """What an exchange adds to the record. A request that a rule or a limit refused is one without tokens, and no error."""
    provider, model, key = ended.provider or "", ended.target_model or "", ended.one.client_key or ""
    line = Line(
        day_of(ended.at), _text(ended.one.decision.rule), _text(provider), _text(model), _text(key), prices.currency
    )
    summary = ended.one.summary
    failed = int(ended.outcome in ("failed", "broken"))
    if summary is None or not provider:
        return line, Sums(requests=1, errors=failed)
    usage = summary.usage
    cost = ended.cost
    nano = -1 if cost is None else int((cost / NANO).to_integral_value())
    known = 0 <= nano <= MOST_NANO
    return line, Sums(
        requests=1,
        errors=failed,
        unpriced=int(not known),
        input=_believed(usage.input),
        cache_read=_believed(usage.cache_read),
        cache_write=_believed(usage.cache_write),
        output=_believed(usage.output),
        thinking=_believed(usage.thinking),
        cost_nano=nano if known else 0,
    )


def _text(text: str) -> str:
    """A name as every store can hold it."""
    return "".join(char for char in text[:MOST_CHARS] if char.isprintable())


def _believed(count: int | None) -> int:
    return count if count is not None and 0 <= count <= MOST_COUNT else 0
