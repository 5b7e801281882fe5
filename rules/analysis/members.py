"""Set facts: a variable for each thing asked of some member, and one for the size where that is asked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations, islice

from msgspec import Struct, field

from rules.analysis.acceptors import acceptor_of, alphabet_for
from rules.analysis.asked import Asked, cost_of, sample_of
from rules.analysis.budget import Budget, Spent
from rules.analysis.scales import Scale, cut_numbers
from rules.analysis.space import EVERYTHING, Region, Space
from rules.analysis.texts import key_of
from rules.analysis.walks import walk
from rules.nodes import Test
from rules.operators import holds_for

MAX_PAIRS = 400
MAX_WALKED = 30
"""Predicates on members of which each pair is compared by their automata; of more, their words are."""


class Members(Struct):
    """A set fact. `asked` is what some member may be (a text, or a predicate on one), each with its variable."""

    fact: str
    asked: dict[object, tuple[str | Test, int]] = field(default_factory=dict)
    size: Scale | None = None

    def region_of(self, test: Test, space: Space) -> tuple[Region, Region]:
        """Where a predicate on the set holds, and where not."""
        if test.operator == "size":
            assert self.size is not None
            assert isinstance(test.operand, Test)
            mask = self.size.masks[key_of(test.operand)]
            variable = self.size.variable
            return space.where(variable, mask), space.where(variable, space.full[variable] & ~mask)
        if test.operator == "exists":
            return (EVERYTHING, ()) if test.operand else ((), EVERYTHING)
        variables = list(dict.fromkeys(self.asked[_name_of(member)][1] for member in _members_of(test)))
        each_yes: Region = tuple({variable: 0b10} for variable in variables)
        each_no: Region = tuple({variable: 0b01} for variable in variables)
        all_yes: Region = (dict.fromkeys(variables, 0b10),)
        all_no: Region = (dict.fromkeys(variables, 0b01),)
        match test.operator:
            case "hasAll":
                return all_yes, each_no
            case "hasNone":
                return all_no, each_yes
            case _:
                return each_yes, all_no

    def members_for(
        self, domains: Sequence[int], space: Space, budget: Budget
    ) -> tuple[list[str], list[str | Test]] | None:
        """Members a request must have, and what no further member may be; None where none was found. Raises `Spent`."""
        budget.work(len(self.asked))
        wanted = [one for one, variable in self.asked.values() if space.piece_of(variable, domains[variable])]
        barred = [one for one, variable in self.asked.values() if not space.piece_of(variable, domains[variable])]
        members = [one for one in wanted if isinstance(one, str)]
        cost = cost_of_barred(barred)
        for one in wanted:
            if isinstance(one, Test) and not any(holds_for(one, member) for member in members):
                budget.work(len(members) * cost_of(one))
                member = member_for(one, barred, cost, budget)
                if member is None:
                    return None
                members.append(member)
        return members, barred


def cut_members(space: Space, fact: str, tests: Sequence[Test], budget: Budget) -> Members:
    """The variables of a set fact, put into the space with what they say of one another."""
    members = Members(fact)
    sizes = [test.operand for test in tests if test.operator == "size" and isinstance(test.operand, Test)]
    for test in tests:
        for member in _members_of(test):
            name = _name_of(member)
            if name not in members.asked:
                members.asked[name] = (member, space.add(f"{fact} has {member}", 2))
    if sizes:
        members.size = cut_numbers(space, fact, sizes, least=0, optional=False, whole=True, usual=0)
    _relate(space, members, budget)
    return members


def _relate(space: Space, members: Members, budget: Budget) -> None:
    asked = list(members.asked.values())
    for variable, target in _implied(asked, budget):
        space.forbid((variable, 0b10), (target, 0b01))
    if members.size is not None:
        few = sum(1 << number for number, span in enumerate(members.size.spans) if span is not None and span[1] < 1)
        for _, variable in asked:
            space.forbid((members.size.variable, few), (variable, 0b10))
        literals = [variable for one, variable in asked if isinstance(one, str)]
        single = sum(1 << number for number, span in enumerate(members.size.spans) if span is not None and span[1] < 2)
        for first, second in islice(combinations(literals, 2), MAX_PAIRS):
            space.forbid((members.size.variable, single), (first, 0b10), (second, 0b10))


def _implied(asked: Sequence[tuple[str | Test, int]], budget: Budget) -> Iterator[tuple[int, int]]:
    """Variables of members that are also what another one asks for: where the first is yes, the second is."""
    tests = [(one, variable) for one, variable in asked if isinstance(one, Test)]
    patterns = Asked([test for test, _ in tests])
    for one, variable in asked:
        if isinstance(one, str):
            yield from ((variable, tests[number][1]) for number in sorted(patterns.holding(one)))
    if len(tests) > MAX_WALKED:
        yield from ((tests[one][1], tests[other][1]) for one, others in patterns.implied() for other in others)
        return
    for test, variable in tests:
        for other, target in tests:
            if variable != target and _implies(test, other, budget):
                yield variable, target


def _implies(one: Test, other: Test, budget: Budget) -> bool:
    """Whether a member that is the one is also the other; no where the budget does not last."""
    try:
        budget.ask()
        alphabet = alphabet_for([one, other])
        acceptors = [acceptor_of(test, alphabet, budget) for test in (one, other)]
        verdicts = {found for found, _ in walk(acceptors, alphabet, budget)}
    except Spent:
        return False
    return frozenset({0}) not in verdicts


def cost_of_barred(barred: Sequence[str | Test]) -> int:
    """The operations of asking whether a member is something that none may be."""
    return 1 + len(barred) // 2 + sum(cost_of(one) for one in barred if isinstance(one, Test))


def member_for(wanted: Test, barred: Sequence[str | Test], cost: int, budget: Budget) -> str | None:
    """A member for which a predicate holds and that is nothing of what is barred; `cost` is that of a look. Raises `Spent`."""
    sample = sample_of(wanted, budget)
    for near in (sample, f"{sample}x", f"x{sample}", f"x{sample}x"):
        budget.need(cost)
        budget.work(cost)
        if near and holds_for(wanted, near) and _is_free(near, barred):
            return near
    tests = [wanted, *(one for one in barred if isinstance(one, Test))]
    if len(tests) > MAX_WALKED:
        return None
    alphabet = alphabet_for(tests)
    acceptors = [acceptor_of(test, alphabet, budget) for test in tests]
    texts = [text for verdicts, text in walk(acceptors, alphabet, budget) if verdicts == frozenset({0})]
    longer = (text + "x" * number for text in texts for number in range(4))
    return next((text for text in longer if text and holds_for(wanted, text) and _is_free(text, barred)), None)


def _is_free(text: str, barred: Sequence[str | Test]) -> bool:
    return not any(one == text if isinstance(one, str) else holds_for(one, text) for one in barred)


def is_barred(text: str, barred: Sequence[str | Test]) -> bool:
    """Whether a member is something that none may be."""
    return not _is_free(text, barred)


def _members_of(test: Test) -> tuple[str | Test, ...]:
    if test.operator in ("has", "hasAny", "hasAll", "hasNone"):
        operand = test.operand
        items = operand if isinstance(operand, tuple) else (operand,)
        return tuple(item for item in items if isinstance(item, str | Test))
    return ()


def _name_of(member: str | Test) -> object:
    return member if isinstance(member, str) else key_of(member)
