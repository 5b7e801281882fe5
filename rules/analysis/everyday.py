"""Boxes that surely hold a request, seen without a search: one that is everyday but for a single fact."""

from __future__ import annotations

from rules.analysis.space import Box, Space


class Everyday:
    """What the boxes without requests leave of each variable where all others have their everyday pieces."""

    def __init__(self, space: Space) -> None:
        self._usual = space.usual
        # the variables of which something is known about all requests
        self._constrained = frozenset(variable for box in space.impossible for variable in box)
        # variable -> its pieces that go with the everyday ones of all others, where these are not all
        self._left: dict[int, int] = {}
        self._possible = True
        for box in space.impossible:
            missing = [variable for variable, mask in box.items() if not mask >> space.usual[variable] & 1]
            if len(missing) == 1:
                variable = missing[0]
                self._left[variable] = self._left.get(variable, -1) & ~box[variable]
            self._possible = self._possible and bool(missing)

    def is_in(self, box: Box) -> bool:
        """Whether such a request is in a box; where not, another one may be."""
        odd = -1
        for variable, mask in box.items():
            if variable in self._constrained and not mask >> self._usual[variable] & 1:
                if odd >= 0:
                    return False
                odd = variable
        return self._possible and (odd < 0 or bool(box[odd] & self._left.get(odd, -1)))
