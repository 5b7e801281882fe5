"""Every fact's domain cut into the pieces that the predicates of a configuration can tell apart."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

from msgspec import Struct, field

from rules.analysis.budget import Budget, Spent
from rules.analysis.cut_texts import cut_texts
from rules.analysis.members import Members, cut_members
from rules.analysis.scales import Scale, Words, cut_moments, cut_numbers, cut_words
from rules.analysis.space import EVERYTHING, NOTHING, Region, Space
from rules.analysis.texts import Texts, key_of
from rules.cost import leaves_of
from rules.facts import MISSING, FactSpec, Seen, spec_of
from rules.nodes import Compare, Opaque, Predicate, Test
from rules.operators import holds_for
from schemas.diagnostics import Span

FALSE, TRUE, FAILED = 0b001, 0b010, 0b100

Axis: TypeAlias = Texts | Scale | Words | Members

# the numbers an everyday request has, and the least there are; None: it has none
_NUMBERS: Mapping[str, tuple[float, float | None]] = {
    "maxTokens": (0, 1024), "toolCount": (0, 0), "thinkingBudget": (-(2**63), None), "messageCount": (0, 1),
    "messageLength": (0, 2), "inputTokens": (3, 9), "temperature": (0, None),
}  # fmt: skip
_WORDS: Mapping[str, Seen] = {"thinking": "none", "path": "messages"}
_WAYS = ((MISSING, "count_tokens"), (False, "messages"), (True, "messages"))
"""`stream` and `path` together: a request is only counted, or answered at once or streamed, which is shown rather."""

COUNTED, ANSWERED = 0b001, 0b110
"""The pieces of the variable `way`."""


class Atoms(Struct):
    """The space of a configuration: its facts as axes, and a variable for each predicate that no one fact decides."""

    space: Space = field(default_factory=Space)
    axes: dict[str, Axis] = field(default_factory=dict)
    unknowns: dict[str, tuple[Compare | Opaque, int]] = field(default_factory=dict)
    words: dict[str, int] = field(default_factory=dict)
    uncut: dict[tuple[str, object], tuple[Test, int]] = field(default_factory=dict)
    way: int = 0
    choice: int = 0
    choices: tuple[tuple[str, str] | None, ...] = (None,)

    def sides_of(self, leaf: Test | Compare | Opaque) -> tuple[Region, Region, Region]:
        """Where a predicate holds, where it does not, and where it fails."""
        if not isinstance(leaf, Test):
            variable = self.unknowns[leaf.source][1]
            failing = self.space.where(variable, FAILED & self.space.full[variable])
            return self.space.where(variable, TRUE), self.space.where(variable, FALSE), failing
        return (*self._test(leaf), NOTHING)

    def _test(self, test: Test) -> tuple[Region, Region]:
        space, key = self.space, key_of(test)
        uncut = self.uncut.get((test.fact, key))
        if uncut is not None:
            return space.where(uncut[1], TRUE), space.where(uncut[1], FALSE)
        if test.operator == "keywords":
            assert isinstance(test.operand, tuple)
            variables = list(dict.fromkeys(self.words[word] for word in test.operand))
            return tuple({one: 0b10} for one in variables), (
                dict.fromkeys(variables, 0b01),
            ) if variables else EVERYTHING
        if test.fact in ("stream", "path"):
            mask = _mask_of(self.ways(test.fact), test)
            return space.where(self.way, mask), space.where(self.way, space.full[self.way] & ~mask)
        fact = "toolCount" if test.fact == "hasTools" else test.fact
        axis = self.axes[fact]
        if isinstance(axis, Members):
            return axis.region_of(test, space)
        if isinstance(axis, Texts):
            variable, mask = axis.where(key)
            return space.where(variable, mask), space.where(variable, space.full[variable] & ~mask)
        mask = axis.masks[key_of(_on_count(test)) if test.fact == "hasTools" else key]
        full = space.full[axis.variable]
        return space.where(axis.variable, mask), space.where(axis.variable, full & ~mask)

    def ways(self, fact: str) -> list[Seen]:
        """The values of `stream` or `path` by piece."""
        return [stream if fact == "stream" else path for stream, path in _WAYS]


def atoms_of(conditions: Iterable[Predicate], choices: Sequence[tuple[str, str]], budget: Budget) -> Atoms:
    """The space that these conditions need; `choices` are the targets a client may choose explicitly.

    Facts for which the budget does not suffice are cut less finely, in the end by a variable for each predicate.
    """
    atoms = Atoms()
    tests: dict[str, dict[object, Test]] = {}
    for condition in conditions:
        for leaf in leaves_of(condition):
            if isinstance(leaf, Test):
                one = _on_count(leaf) if leaf.fact == "hasTools" else leaf
                tests.setdefault(one.fact, {}).setdefault(key_of(one), one)
            elif isinstance(leaf, Compare | Opaque) and leaf.source not in atoms.unknowns:
                size = 3 if isinstance(leaf, Opaque) and leaf.may_fail else 2
                atoms.unknowns[leaf.source] = (leaf, atoms.space.add(leaf.source, size))
                for fact in leaf.facts:
                    tests.setdefault("toolCount" if fact == "hasTools" else fact, {})
    atoms.way = atoms.space.add("stream", len(_WAYS), 1)
    tests.setdefault("toolCount", {})
    for fact, known in tests.items():
        _cut(atoms, fact, list(known.values()), budget)
    atoms.choices = (None, *choices)
    atoms.choice = atoms.space.add("explicit", len(atoms.choices))
    return atoms


def _cut(atoms: Atoms, fact: str, tests: list[Test], budget: Budget) -> None:
    spec = spec_of(fact)
    assert spec is not None
    space = atoms.space
    if fact in ("stream", "path"):
        return
    if fact == "contentKeywords":
        for test in tests:
            for word in test.operand if isinstance(test.operand, tuple) else ():
                if word not in atoms.words:
                    atoms.words[word] = space.add(f"keyword {word}", 2)
        return
    try:
        atoms.axes[fact] = _axis(space, fact, spec, tests, budget)
    except Spent:
        for test in tests:
            atoms.uncut[fact, key_of(test)] = (test, space.add(f"{fact} {test.operator}", 2))
        atoms.axes[fact] = _axis(space, fact, spec, [], budget)


def _axis(space: Space, fact: str, spec: FactSpec, tests: list[Test], budget: Budget) -> Axis:
    optional = spec.optional and fact != "betas"
    match spec.type:
        case "string" | "text" | "address":
            return cut_texts(space, fact, tests, optional, budget)
        case "set":
            return cut_members(space, fact, tests, budget)
        case "int" | "number":
            least, usual = _NUMBERS.get(fact, (0, 0))
            if fact == "toolCount":
                tests = [*tests, _ANY_TOOL]
            return cut_numbers(
                space, fact, tests, least=least, optional=optional, whole=spec.type == "int", usual=usual
            )
        case "window":
            return cut_moments(space, tests, budget)
    values: list[Seen] = [*(spec.words or (False, True))]
    if optional:
        values.append(MISSING)
    return cut_words(space, fact, tests, values, _WORDS.get(fact, MISSING if optional else values[0]))


def _on_count(test: Test) -> Test:
    """A predicate on `hasTools` as one on `toolCount`."""
    if test.operator == "exists":
        return Test("toolCount", "exists", test.operand, test.span)
    return Test("toolCount", "gt" if test.operand else "lt", 0 if test.operand else 1, test.span)


def _mask_of(values: Sequence[Seen], test: Test) -> int:
    return sum(1 << number for number, value in enumerate(values) if holds_for(test, value))


_ANY_TOOL = Test("toolCount", "gt", 0, Span("", 1, 1, 1, 1))
