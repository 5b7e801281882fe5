"""Points at which a request is certain to be, seen without making one: no two of the facts that they pin depend on one another."""

from __future__ import annotations

from msgspec import Struct

from rules.analysis.atoms import Atoms, Axis
from rules.analysis.bits import together
from rules.analysis.budget import Budget
from rules.analysis.members import Members
from rules.analysis.solve import Found
from rules.analysis.texts import Texts

_ENTANGLED = frozenset(
    {
        "model",
        "messageLength",
        "inputTokens",
        "lastUserText",
        "systemText",
        "messageCount",
        "hasImages",
        "hasDocuments",
        "hasToolResults",
    }
)


class _Related(Struct, frozen=True):
    """A fact: its own variables and those that predicates have apart, as bits."""

    fact: str
    axis: Axis
    own: int
    aside: int


class Plain:
    """Asked of points in one space."""

    def __init__(self, atoms: Atoms, budget: Budget) -> None:
        self._space, self._budget = atoms.space, budget
        # variables as bits: of what no fact decides, of which nothing says what goes together, and of what is asked apart
        self._unknown = together(sorted(one for _, one in (*atoms.unknowns.values(), *atoms.uncut.values())))
        self._single = together(sorted((*atoms.words.values(), atoms.choice)))
        # the facts of which a request may not have just any value beside those of others
        self._related = [
            _related_of(fact, axis)
            for fact, axis in atoms.axes.items()
            if isinstance(axis, Members)
            or fact in _ENTANGLED
            or fact == "toolCount"
            or fact.startswith("header.x-claude-code")
            or (isinstance(axis, Texts) and (axis.by_variable or axis.pieces[0].shares))
        ]

    def has(self, found: Found) -> bool:
        """Whether a point is one of them. Raises `Spent`."""
        self._budget.work(1 + len(self._related) // 2)
        if found.narrowed & self._unknown:
            return False
        entangled = (found.odd & self._single).bit_count()
        tools = 0
        for one in self._related:
            pinned = (found.odd & one.own).bit_count()
            if isinstance(one.axis, Members):
                tools += pinned
                if one.fact == "betas" and pinned > 1:
                    return False
            elif isinstance(one.axis, Texts):
                aside = found.narrowed & one.aside
                if aside and (one.fact in _ENTANGLED - {"model"} or not self._has_text(one.axis, aside, found)):
                    return False
                if one.axis.pieces[0].shares and found.narrowed & (one.own | one.aside):
                    return False
                entangled += one.fact in _ENTANGLED and pinned
                if one.fact.startswith("header.x-claude-code"):
                    return False
            else:
                entangled += one.fact in _ENTANGLED and pinned
                tools += one.fact == "toolCount" and pinned
        return entangled <= 1 and tools <= 1

    def _has_text(self, axis: Texts, aside: int, found: Found) -> bool:
        piece = self._space.piece_of(axis.variable, found.domains[axis.variable])
        wished = axis.wished(aside, aside & found.odd, found.domains, self._space)
        return axis.text_in(piece, wished, self._budget) is not None


def _related_of(fact: str, axis: Axis) -> _Related:
    if isinstance(axis, Members):
        sizes = () if axis.size is None else (axis.size.variable,)
        return _Related(fact, axis, together(sorted((*(one for _, one in axis.asked.values()), *sizes))), 0)
    return _Related(fact, axis, 1 << axis.variable, together(sorted(axis.aside)) if isinstance(axis, Texts) else 0)
