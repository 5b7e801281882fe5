"""What an encoder leaves out or changes, counted while it works."""

from __future__ import annotations

from msgspec import Struct, field

from providers.dialects.seams import Lost


class Losses(Struct):
    """Collects `Lost` rows: the same field for the same reason is one row, in order of first appearance."""

    _counts: dict[tuple[str, str], int] = field(default_factory=dict)

    def add(self, what: str, why: str, count: int = 1) -> None:
        """Counts `count` more of the field `what`, as the client wrote it, lost or changed for the reason `why`."""
        if count > 0:
            self._counts[what, why] = self._counts.get((what, why), 0) + count

    def add_all(self, others: Losses) -> None:
        """Counts what `others` has counted."""
        for (what, why), count in others._counts.items():
            self.add(what, why, count)

    def listed(self) -> tuple[Lost, ...]:
        """The rows so far."""
        return tuple(Lost(what, count, why) for (what, why), count in self._counts.items())
