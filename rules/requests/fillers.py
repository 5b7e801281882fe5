"""Text that only makes a request longer or heavier, in a place where no wanted fact sees it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from rules.facts import Seen

_LETTERS = "x-7q_zjk"

Place = Literal["user", "system", "result", "reminder", "assistant"]


class Filler(Struct, frozen=True):
    """`chars` characters at `place`, of which the first `dense` pairs weigh as much as text can.

    `tool` is the number of such pairs in a tool's description, which is in no message; `documents` how many documents
    by reference, if `pages` allows any.
    """

    place: Place
    letter: str = "x"
    chars: int = 0
    dense: int = 0
    tool: int = 0
    documents: int = 0
    pages: bool = True

    def text_for(self, place: str) -> str:
        """What is to be put at a place."""
        if place == "tool":
            return f"{self.letter} " * self.tool
        if place != self.place:
            return ""
        return f"{self.letter} " * self.dense + self.letter * (self.chars - 2 * self.dense)

    def heavier(self, room: float, lacking: int) -> Iterator[Heavier]:
        """Ways to weigh more: the same characters denser, more of them while there is room, a tool's description."""
        if self.chars > 1:
            yield Heavier(self, "dense", self.chars // 2)
        if room > 0:
            yield Heavier(self, "chars", int(min(room, 4 * lacking + 64)))
        yield Heavier(self, "tool", 2 * lacking + 32)


class Heavier(Struct, frozen=True):
    """A filler that weighs more the higher its number, up to `limit`."""

    filler: Filler
    way: Literal["dense", "chars", "tool"]
    limit: int

    def at(self, number: int) -> Filler:
        """The filler of that number."""
        if self.way == "dense":
            return replace(self.filler, dense=number)
        if self.way == "tool":
            return replace(self.filler, tool=number)
        chars = self.filler.chars + number
        return replace(self.filler, chars=chars, dense=chars // 2)


def fillers_for(values: Mapping[str, Seen], no_words: Sequence[str]) -> Iterator[Filler]:
    """Fillers to try, the plainest first, where the exact values of facts allow them; of a letter that is in no barred word."""
    letter = next((letter for letter in _LETTERS if not any(letter in word for word in no_words)), _LETTERS[0])
    pages = "hasDocuments" not in values or values["hasDocuments"] is True
    places: list[Place] = []
    if "lastUserText" not in values:
        places.append("user")
    if "systemText" not in values:
        places.append("system")
    if values.get("hasToolResults", True) is not False:
        places.append("result")
    places += ["reminder", "assistant"]
    for place in places:
        yield Filler(place, letter, pages=pages)
