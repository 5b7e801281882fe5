"""Sets of boxes, pieces or variables as the bits of integers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

MANY = 32
"""Numbers from which on bits are set in bytes."""


def together(numbers: Sequence[int]) -> int:
    """The bits with these numbers, which ascend."""
    if len(numbers) < MANY:
        return union_of(1 << number for number in numbers)
    data = bytearray((numbers[-1] >> 3) + 1)
    for number in numbers:
        data[number >> 3] |= 1 << (number & 7)
    return int.from_bytes(data, "little")


def union_of(masks: Iterable[int]) -> int:
    """All bits that one of the masks has."""
    union = 0
    for mask in masks:
        union |= mask
    return union


def counted(masks: Iterable[int], once: int = 0, twice: int = 0) -> tuple[int, int]:
    """The bits that one of the masks has, and those that several have; `once` and `twice` are those of masks before."""
    for mask in masks:
        twice |= once & mask
        once |= mask
    return once, twice


def bits_of(mask: int) -> Iterator[int]:
    """The numbers of the bits that are set, from the lowest."""
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low
