"""Requests made to order: wanted values of facts to an envelope that has them, checked by production extraction.

Proofs show what they found with it, and routing tests in a configuration are written in it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from rules.facts import Facts, budget_of
from rules.measure import CONSTANTS, MOST
from rules.requests.fillers import Filler, fillers_for
from rules.requests.shapes import Shape, shape_of
from rules.requests.wanted import Impossible, Wanted, lacking_in, too_large
from schemas.decode_request import decode_request
from schemas.request import BadRequest, Envelope

BYTES_AN_ITEM = 100
"""Bytes of a long text that are read in the time of a message or tool."""


class Composed(Struct, frozen=True):
    """A request as JSON, and its facts as production reads them."""

    shape: Shape
    facts: Facts


def compose(wanted: Wanted, spend: Callable[[int], None] | None = None) -> Composed | Impossible:
    """A request that has all that is wanted, the plainest one found.

    `spend` hears the size of every body that is tried, in bytes and as many for what is in lists as long texts take as
    much time for; what it raises ends the search.
    """
    failed = too_large(wanted)
    if failed:
        return Impossible(failed)
    for filler in fillers_for(wanted.values, wanted.no_words):
        try:
            sized = _sized(wanted, filler, spend)
        except (BadRequest, ValueError):
            return Impossible(tuple(wanted.values))
        lacking = lacking_in(wanted, sized.facts)
        if not lacking:
            return sized
        failed = failed if failed and len(failed) <= len(lacking) else lacking
    return Impossible(failed)


def envelope_of(shape: Shape) -> Envelope:
    """The envelope of such JSON, decoded as the server does. Raises `BadRequest`."""
    path = shape.get("path", "messages")
    request = decode_request(json.dumps(shape["request"]).encode("utf-8", "surrogatepass"), path)
    headers = shape.get("headers")
    now = shape.get("now")
    state: dict[str, dict[str, Any]] = {}
    budgets: dict[str, str] = {}
    for fact, value in shape.get("state", {}).items():
        budget = budget_of(fact)
        if budget is not None:
            budgets[budget] = value
            continue
        provider, _, kind = fact.removeprefix("provider.").rpartition(".")
        state.setdefault(provider, {})[kind] = value
    return Envelope(
        request,
        path,
        None if headers is None else {name.lower(): text for name, text in headers.items()},
        shape.get("clientIp"),
        shape.get("clientKey"),
        None if now is None else datetime.fromisoformat(now).timestamp(),
        state or None,
        budgets or None,
        frozenset(shape.get("tags") or ()),
    )


def _tried(shape: Shape, spend: Callable[[int], None] | None) -> Envelope:
    envelope = envelope_of(shape)
    if spend is not None:
        request = shape["request"]
        spend(len(envelope.request.raw) + BYTES_AN_ITEM * (len(request["messages"]) + len(request.get("tools", ()))))
    return envelope


def _sized(wanted: Wanted, filler: Filler, spend: Callable[[int], None] | None) -> Composed:
    """The request with as much filled in as its length and tokens want, as near as it gets.

    Raises `BadRequest` and `ValueError` where it is none.
    """
    length, tokens = wanted.span("messageLength"), wanted.span("inputTokens")

    def measured(one: Filler) -> tuple[Composed, int, int]:
        shape = shape_of(wanted, one)
        facts = Facts(_tried(shape, spend))
        chars, count = facts.get("messageLength"), facts.get("inputTokens")
        assert isinstance(chars, int)
        assert isinstance(count, int)
        return Composed(shape, facts), chars, count

    made, chars, count = measured(filler)
    if length is None and tokens is None:
        return made
    low, high = length or (0, float("inf"))
    least, most = tokens or (0, float("inf"))
    if chars < low:
        overhead = measured(replace(filler, chars=1))[1] - chars - 1
        filler = replace(filler, chars=max(1, int(low) - chars - overhead))
        made, chars, count = measured(filler)
    if (
        count < least
        and least - count > CONSTANTS["page"]
        and wanted.values.get("hasDocuments", True) is not False
        and filler.pages
    ):
        filler = replace(filler, documents=int(least - count) // CONSTANTS["page"])
        made, chars, count = measured(filler)
    if count < least:
        for better in filler.heavier(high - chars, int(least - count)):
            first, last = 0, better.limit
            near = int(least - count) * 1000 // (MOST if better.way == "chars" else 2 * MOST)
            if near + 4 < last:
                made, chars, now = measured(better.at(near + 4))
                if least <= now <= most and low <= chars <= high:
                    break
            if 8 < near < last - 8 and measured(better.at(near - 8))[2] < least <= measured(better.at(near + 8))[2]:
                first, last = near - 8, near + 8
            while first < last:
                middle = (first + last) // 2
                if measured(better.at(middle))[2] < least:
                    first = middle + 1
                else:
                    last = middle
            made, chars, count = measured(better.at(first))
            if least <= count <= most and low <= chars <= high:
                break
    return made
