"""What was made of bytes that came lately. A session sends the same tools with every turn: they are made into others once."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

from msgspec import Raw

T = TypeVar("T")

MOST = 32
LEAST_BYTES, MOST_BYTES = 1_024, 1_048_576
"""Texts of which a value is kept: making it of a shorter one is no work, and a longer one takes too much memory."""


class Recent(Generic[T]):
    """Values by the text and the circumstances they were made of; of equally long texts the last. The longest unused goes."""

    __slots__ = ("_kept",)

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[int, Hashable], tuple[Raw, T]] = OrderedDict()

    def get(self, text: Raw, circumstances: Hashable = None) -> T | None:
        """The value that was made of exactly that text."""
        key = (len(text), circumstances)
        kept = self._kept.get(key)
        if kept is None or kept[0] != text:
            return None
        self._kept.move_to_end(key)
        return kept[1]

    def keep(self, text: Raw, circumstances: Hashable, value: T) -> None:
        """Remembers a value. It must hold no part of the request, of which `text` is one."""
        if LEAST_BYTES <= len(text) <= MOST_BYTES:
            self._kept[len(text), circumstances] = text.copy(), value
            if len(self._kept) > MOST:
                self._kept.popitem(last=False)
