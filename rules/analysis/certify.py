"""From a point in the space to a real request, replayed through production extraction and evaluation.

What a proof found is only said when the server, given this request, does just that.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import islice, product
from types import MappingProxyType
from typing import Any

from msgspec import Struct

from rules.analysis.atoms import Atoms
from rules.analysis.budget import Budget
from rules.analysis.constraints import outcome_of
from rules.analysis.members import Members, cost_of_barred
from rules.analysis.offered import Place, Providers, sent_to
from rules.analysis.scales import Scale, Words
from rules.analysis.space import Box
from rules.analysis.texts import Texts
from rules.facts import MISSING, Facts, Seen, is_state
from rules.nodes import Decision, Reject
from rules.requests.bodies import compose, envelope_of
from rules.requests.shapes import Shape
from rules.requests.wanted import Impossible, Wanted

MAX_TRIES = 12
A_FILTER = 6
"""Operations that a filter's look at a request costs."""

BYTES_A_STEP = 400
"""Making and reading that much of a request counts as a step."""

_MAX_COMBINATIONS = 3_000
_TEXTS = ("1", "0", "x", "10", "100000", "-1", "", "1000000000")


class Witness(Struct, frozen=True):
    """A request and what the server decides about it; `place` is where it goes first, None if it is refused."""

    shape: Shape
    decision: Decision
    place: Place | None
    facts: tuple[tuple[str, Seen], ...] = ()

    @property
    def data(self) -> dict[str, Any]:
        """As findings hold it: the envelope, and the decision."""
        route = self.decision.route.to
        where: dict[str, Any] = {"reject": route.status} if isinstance(route, Reject) else {}
        if self.place is not None:
            where["provider"], where["model"] = self.place
        headers = self.shape.get("headers") or {}
        return {
            **self.shape,
            "headers": headers,
            "decision": {"rule": self.decision.rule, "category": self.decision.category, **where},
        }

    @property
    def line(self) -> str:
        """In one line: what is special about the request, and the rule that takes it."""
        said = ", ".join(f"{fact}={_shown(fact, value)}" for fact, value in self.facts)
        return f"{said or 'an everyday request'}  ->  {self.decision.rule}"


class Unmade(Struct, frozen=True):
    """No request was made of a point; none was found in `box` either, so that it need not be tried again."""

    box: Box


class Certifier(Struct):
    """Makes requests of points. `decide` is the production evaluator with its rules; `unreplayed` counts those that failed.

    `given` are tags that requests do not bring along: filters give them, of which there are so many.
    """

    atoms: Atoms
    decide: Callable[[Facts], Decision]
    providers: Providers
    budget: Budget
    given: frozenset[str] = frozenset()
    filters: int = 0
    unreplayed: int = 0

    def witness(self, domains: Sequence[int], wants: Callable[[Decision], bool]) -> Witness | Unmade:
        """A request in the domains that is decided as wanted. Raises `Spent`."""
        self.budget.step(1 + len(self.atoms.space.full) // 50)
        wanted = self.wanted(domains)
        if isinstance(wanted, Unmade):
            return wanted
        for needed, barred in wanted.members.values():
            cost = len(barred) // 2 + len(needed) * cost_of_barred(barred)
            self.budget.need(cost)
            self.budget.work(cost)
        made = compose(wanted, lambda size: self.budget.step(size // BYTES_A_STEP))
        if isinstance(made, Impossible):
            return Unmade(self._box(domains, made.facts))
        self.budget.work(A_FILTER * self.filters)
        shape = self._untagged(made.shape)
        decision = self.decide(made.facts if shape is made.shape else Facts(envelope_of(shape)))
        if not wants(decision):
            self.unreplayed += 1
            return Unmade(self._box(domains, ()))
        place = sent_to(decision.route, made.facts, self.providers)
        return Witness(shape, decision, place, self._special(domains, made.facts))

    def _untagged(self, shape: Shape) -> Shape:
        """A request as a client sends it: the tags that filters give are theirs to give."""
        tags = shape.get("tags")
        if not tags or self.given.isdisjoint(tags):
            return shape
        kept = [tag for tag in tags if tag not in self.given]
        return {key: value for key, value in {**shape, "tags": kept}.items() if key != "tags" or kept}

    def wanted(self, domains: Sequence[int], known: Mapping[str, Seen] = MappingProxyType({})) -> Wanted | Unmade:
        """What a request at a point is to be like; facts that are free to be anything are left out.

        `known` are values that facts have already, for expressions over those and others.
        """
        atoms, space = self.atoms, self.atoms.space
        values: dict[str, Seen] = {}
        spans: dict[str, tuple[float, float]] = {}
        sizes: dict[str, tuple[float, float]] = {}
        members: dict[str, tuple[Sequence[str], Sequence[Any]]] = {}
        if domains[atoms.way] != space.full[atoms.way]:
            piece = space.piece_of(atoms.way, domains[atoms.way])
            values["stream"], values["path"] = atoms.ways("stream")[piece], atoms.ways("path")[piece]
        for fact, axis in atoms.axes.items():
            match axis:
                case Members():
                    made = axis.members_for(domains, space, self.budget)
                    if made is None:
                        return Unmade(self._box(domains, (fact,)))
                    if axis.asked and any(domains[one] != space.full[one] for _, one in axis.asked.values()):
                        members[fact] = made
                    if axis.size is not None and domains[axis.size.variable] != space.full[axis.size.variable]:
                        piece = space.piece_of(axis.size.variable, domains[axis.size.variable])
                        sizes[fact] = _run(axis.size, domains, piece)
                    continue
                case Texts():
                    if not self._pinned(axis, domains):
                        continue
                    piece = space.piece_of(axis.variable, domains[axis.variable])
                    text = axis.text_in(piece, axis.wishes(domains, space), self.budget)
                    if text is None:
                        return Unmade(self._box(domains, (fact,)))
                    values[fact] = text
                case Words():
                    always = fact == "time" or is_state(fact)
                    if always or domains[axis.variable] != space.full[axis.variable]:
                        values[fact] = axis.values[space.piece_of(axis.variable, domains[axis.variable])]
                case Scale():
                    always = is_state(fact)
                    if always or domains[axis.variable] != space.full[axis.variable]:
                        piece = space.piece_of(axis.variable, domains[axis.variable])
                        if axis.spans[piece] is None:
                            values[fact] = MISSING
                        else:
                            spans[fact] = _run(axis, domains, piece)
        settled = self._settle(domains, {**known, **values}, spans)
        if settled is None:
            return Unmade(self._box(domains, tuple(fact for leaf, _ in atoms.unknowns.values() for fact in leaf.facts)))
        for fact, value in settled.items():
            if fact not in known:
                values[fact] = value
                spans.pop(fact, None)
        if values.get("maxTokens") is MISSING or values.get("stream") is MISSING:
            values["path"] = "count_tokens"
        choice = atoms.choices[space.piece_of(atoms.choice, domains[atoms.choice])]
        words = [word for word, one in atoms.words.items() if domains[one] == 0b10]
        barred = [word for word, one in atoms.words.items() if domains[one] == 0b01]
        chosen = None if choice is None else f"{choice[0]},{choice[1]}"
        return Wanted(values, spans, members, words, barred, chosen, sizes)

    def _pinned(self, axis: Texts, domains: Sequence[int]) -> bool:
        space = self.atoms.space
        return domains[axis.variable] != space.full[axis.variable] or any(
            domains[one] != space.full[one] for one in axis.aside
        )

    def _settle(
        self, domains: Sequence[int], values: Mapping[str, Seen], spans: Mapping[str, tuple[float, float]]
    ) -> dict[str, Seen] | None:
        """Values of facts with which expressions over several of them come out as the point has them."""
        space = self.atoms.space
        wanted = [
            (leaf, domains[variable])
            for leaf, variable in self.atoms.unknowns.values()
            if domains[variable] != space.full[variable]
        ]
        if not wanted:
            return {}
        facts = list(dict.fromkeys(fact for leaf, _ in wanted for fact in leaf.facts))
        options = [self._options(fact, values, spans, domains) for fact in facts]
        for combination in islice(product(*options), _MAX_COMBINATIONS):
            self.budget.work(len(facts))
            tried = dict(zip(facts, combination, strict=True))
            for leaf, allowed in wanted:
                self.budget.step()
                if not outcome_of(leaf, tried) & allowed:
                    break
            else:
                return tried
        return None

    def _options(
        self, fact: str, values: Mapping[str, Seen], spans: Mapping[str, tuple[float, float]], domains: Sequence[int]
    ) -> list[Seen]:
        if fact == "hasTools":
            low, high = spans.get("toolCount", (0, 1))
            return [flag for flag in (False, True) if (low <= 0 if not flag else high >= 1)]
        axis = self.atoms.axes.get(fact)
        if isinstance(axis, Texts):
            piece = axis.pieces[self.atoms.space.piece_of(axis.variable, domains[axis.variable])]
            if fact in values:
                base = values[fact]
                if piece.only or not isinstance(base, str):
                    return [base]
                number = self.atoms.space.piece_of(axis.variable, domains[axis.variable])
                wishes = axis.wishes(domains, self.atoms.space)
                texts = [base, *_TEXTS, *(f"{base}{text}" for text in _TEXTS)]
                return [text for text in texts if axis.fits(number, text, wishes)]
            return [*_TEXTS, "claude-sonnet-4", "abcdefghijklmnopqrstuvwxyz" * 4]
        if fact in values:
            return [values[fact]]
        if isinstance(axis, Scale):
            low, high = spans.get(fact) or axis.span_of(self.atoms.space.full[axis.variable]) or (0, 0)
            near = [
                min(max(1, low), high),
                low,
                low + 1,
                low + 2,
                low + 3,
                low + 5,
                low + 10,
                low + 50,
                low + 1000,
                100_000,
                high - 1,
                high,
            ]
            return [number for number in dict.fromkeys(near) if low <= number <= min(high, 1_000_000)]
        if isinstance(axis, Words):
            return list(axis.values)
        if fact in ("stream", "path"):
            return list(dict.fromkeys(self.atoms.ways(fact)))
        return [frozenset(), frozenset({"x"})]

    def _box(self, domains: Sequence[int], facts: Sequence[str]) -> Box:
        """The domains of some facts (none given: of all), as a box to be missed from now on."""
        space, atoms = self.atoms.space, self.atoms
        variables: set[int] = set()
        for fact in dict.fromkeys(facts):
            axis = atoms.axes.get("toolCount" if fact == "hasTools" else fact)
            if isinstance(axis, Members):
                variables |= {one for _, one in axis.asked.values()}
                if axis.size is not None:
                    variables.add(axis.size.variable)
            elif isinstance(axis, Texts):
                variables |= {axis.variable, *axis.aside}
            elif axis is not None:
                variables.add(axis.variable)
            variables |= {one for leaf, one in atoms.unknowns.values() if fact in leaf.facts}
        if not facts or "explicit" in facts or "contentKeywords" in facts:
            variables |= set(range(len(space.full)))
        return {one: 1 << space.piece_of(one, domains[one]) for one in variables if domains[one] != space.full[one]}

    def _special(self, domains: Sequence[int], facts: Facts) -> tuple[tuple[str, Seen], ...]:
        """The facts that the point pins, with the values the request has."""
        space, atoms = self.atoms.space, self.atoms
        shown: list[tuple[str, Seen]] = []
        for fact, axis in atoms.axes.items():
            if isinstance(axis, Members):
                pinned = any(domains[one] == 0b10 for _, one in axis.asked.values())
            elif isinstance(axis, Texts):
                pinned = self._pinned(axis, domains)
            else:
                pinned = domains[axis.variable] != space.full[axis.variable]
            if pinned and facts.get(fact) is not MISSING:
                shown.append((fact, facts.get(fact)))
        if domains[atoms.way] != space.full[atoms.way]:
            one = "stream" if facts.get("stream") is not MISSING else "path"
            shown.append((one, facts.get(one)))
        if facts.choices():
            shown.append(("explicit", facts.choices()[0]))
        words = [word for word, one in atoms.words.items() if domains[one] == 0b10]
        if words:
            shown.append(("contentKeywords", frozenset(words)))
        return tuple(shown)


def _run(scale: Scale, domains: Sequence[int], piece: int) -> tuple[float, float]:
    """The numbers of a piece and of those beside it that are in the domain, too."""
    domain, first, last = domains[scale.variable], piece, piece
    while first and domain >> first - 1 & 1 and scale.spans[first - 1] is not None:
        first -= 1
    while last + 1 < len(scale.spans) and domain >> last + 1 & 1 and scale.spans[last + 1] is not None:
        last += 1
    low, high = scale.spans[first], scale.spans[last]
    assert low is not None
    assert high is not None
    return low[0], high[1]


def _shown(fact: str, value: Seen) -> str:
    if fact == "time" and isinstance(value, int | float):
        return datetime.fromtimestamp(value, UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, frozenset):
        return "[" + ", ".join(sorted(value)) + "]"
    text = str(value)
    return text if len(text) <= 40 else text[:39] + "…"
