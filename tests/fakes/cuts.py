"""Feeds the same bytes in every way a network may cut them: whole, byte by byte, and at random places.

>>> parts = same_at_every_cut(lambda: new_decoder(), body)
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol, TypeVar

from providers.dialects.seams import Decoder
from providers.messages.parts import Fault, Part, Stop

Came = TypeVar("Came")
Given = TypeVar("Given", covariant=True)

MAX_BYTE_BY_BYTE = 20_000


class Feedable(Protocol[Given]):
    """Whatever takes bytes in pieces."""

    def feed(self, data: bytes, /) -> Sequence[Given]: ...

    def finish(self) -> Sequence[Given]: ...


def cuts_of(data: bytes, seeds: int = 4) -> Iterator[list[bytes]]:
    """`data` whole, byte by byte (unless it is long), in two halves, and cut at places that each seed chooses."""
    yield [data]
    if len(data) <= MAX_BYTE_BY_BYTE:
        yield [data[at : at + 1] for at in range(len(data))]
    yield [data[: len(data) // 2], b"", data[len(data) // 2 :]]
    for seed in range(seeds):
        rng = random.Random(seed)
        places = sorted(rng.randrange(len(data) + 1) for _ in range(rng.randrange(1, 12)))
        yield [data[begin:end] for begin, end in zip([0, *places], [*places, len(data)], strict=True)]


def same_for_every_cut(run: Callable[[list[bytes]], Came], data: bytes, seeds: int = 4) -> Came:
    """What `run` makes of the pieces, which must not depend on the cut."""
    first: list[Came] = []
    for pieces in cuts_of(data, seeds):
        came = run(pieces)
        assert not first or came == first[0], (
            f"cut into {[len(piece) for piece in pieces][:30]}: {came} is not {first[0]}"
        )
        first.append(came)
    return first[0]


def all_of(decoder: Feedable[Given], pieces: Sequence[bytes]) -> list[Given]:
    """Everything that a decoder gives for these pieces and their end."""
    return [part for piece in pieces for part in decoder.feed(piece)] + list(decoder.finish())


def same_at_every_cut(new_decoder: Callable[[], Decoder], data: bytes, seeds: int = 4) -> list[Part]:
    """The parts of `data`, which must not depend on the cut, and of which a `Fault` or a `Stop` is the last and only one."""
    parts = same_for_every_cut(lambda pieces: all_of(new_decoder(), pieces), data, seeds)
    ends = [at for at, part in enumerate(parts) if isinstance(part, Fault | Stop)]
    assert len(ends) == 1, f"not one end: {parts}"
    return parts
