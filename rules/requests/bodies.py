"""Requests made to order: wanted values of facts to an envelope that has them, checked by production extraction.

Proofs show what they found with it, and routing tests in a configuration are written in it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from functools import cache, partial
from typing import Any, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from rules.facts import Facts, budget_of
from rules.measure import CONSTANTS, MOST
from rules.requests.fillers import Filler, Heavier, fillers_for
from rules.requests.shapes import Shape, shape_of
from rules.requests.wanted import Impossible, Wanted, lacking_in, too_large
from schemas.decode_request import decode_request
from schemas.request import BadRequest, Envelope

LOOKS = 8
"""Times that the size of a filling is guessed before what is possible is halved."""

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


_Measured: TypeAlias = tuple[Composed, int, int]
"""A request with its characters and its tokens."""


def _sized(wanted: Wanted, filler: Filler, spend: Callable[[int], None] | None) -> Composed:
    """The request with as much filled in as its length and tokens want, as near as it gets.

    Raises `BadRequest` and `ValueError` where it is none.
    """
    length, tokens = wanted.span("messageLength"), wanted.span("inputTokens")

    def measured(one: Filler) -> _Measured:
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
            near = int(least - count) * 1000 // (MOST if better.way == "chars" else 2 * MOST)
            weighed = cache(partial(_weighed, measured, better))
            if near + 4 < better.limit:
                made, chars, now = weighed(near + 4)
                if least <= now <= most and low <= chars <= high:
                    break
            made, chars, count = weighed(_least_reaching(least, better.limit, weighed, near, count))
            if least <= count <= most and low <= chars <= high:
                break
    return made


def _weighed(measured: Callable[[Filler], _Measured], better: Heavier, number: int) -> _Measured:
    return measured(better.at(number))


def _least_reaching(wanted: float, last: int, weighed: Callable[[int], _Measured], near: int, count: int) -> int:
    """The least number up to `last` with as many tokens as wanted, if they grow with it; with 0 there are `count`.

    Looked for where a line through what is known leads, `near` first, and halfway where that gets nowhere.
    """
    below, above = -1, last
    looks, guess = 0, near
    while above - below > 1:
        at = min(max(guess, below + 1), above - 1) if looks < LOOKS else (below + above) // 2
        found, looks = weighed(at)[2], looks + 1
        if found < wanted:
            below = at
        else:
            above = at
        guess = int((wanted - count) * at // max(1, found - count))
    return above
