"""What facts say of one another, as boxes in which there is no request.

A constraint excludes only what no request gives: `tests/properties/test_analysis_constraints.py` samples requests.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Mapping
from itertools import product

from rules.analysis.atoms import ANSWERED, COUNTED, FAILED, FALSE, TRUE, Atoms
from rules.analysis.budget import Budget, Spent
from rules.analysis.inside import Inside
from rules.analysis.members import Members
from rules.analysis.scales import Scale, Words
from rules.analysis.space import Space
from rules.analysis.texts import Piece, Texts, key_of
from rules.expressions.compute import ExpressionFailed, compute
from rules.facts import MISSING, Seen
from rules.measure import CONSTANTS, LEAST
from rules.nodes import Compare, Opaque, Test
from rules.operators import holds_for

CORNERS_A_STEP = 1
MAX_CORNERS = 400
"""Pairs of pieces for which a comparison of two facts is computed ahead."""

_FROM_HEADER = ("main", "workflow", "auxiliary", MISSING)


def add_constraints(
    atoms: Atoms, offers: Mapping[str, frozenset[str] | None], tags: frozenset[str], budget: Budget
) -> None:
    """Adds every constraint between the facts that are in the space; those of expressions while the budget lasts.

    `offers` are the models of each provider, `tags` all that filters give.
    """
    space = atoms.space
    _counted_only(atoms)
    _thinking(atoms)
    _kinds_of_call(atoms)
    _tools(atoms)
    _sizes(atoms)
    _words_in_texts(atoms)
    _explicit(atoms, offers)
    _tags(atoms, tags)
    for leaf, variable in atoms.unknowns.values():
        for fact in leaf.facts:
            gone = _missing_in(atoms, fact)
            if gone is not None:
                space.forbid(gone, (variable, space.full[variable] & ~1))
        try:
            budget.ask()
            _computed(atoms, leaf, variable, budget)
        except Spent:
            # what a constraint would exclude stays possible: less is proved, and nothing wrong
            continue
    _word_in_word(atoms)


def _missing_in(atoms: Atoms, fact: str) -> tuple[int, int] | None:
    if fact == "stream":
        return atoms.way, COUNTED
    axis = atoms.axes.get("toolCount" if fact == "hasTools" else fact)
    match axis:
        case Texts(variable=variable, pieces=pieces):
            mask = sum(1 << number for number, piece in enumerate(pieces) if piece.text is None)
        case Scale(variable=variable, spans=spans):
            mask = sum(1 << number for number, span in enumerate(spans) if span is None)
        case Words(variable=variable, values=values):
            mask = sum(1 << number for number, value in enumerate(values) if value is MISSING)
        case _:
            return None
    return (variable, mask) if mask else None


def _computed(atoms: Atoms, leaf: Compare | Opaque, variable: int, budget: Budget) -> None:
    """What an expression over one fact gives where that fact has a single value."""
    if len(leaf.facts) == 2 and isinstance(leaf, Compare):
        _compared(atoms, leaf, variable, budget)
    if len(leaf.facts) != 1:
        return
    axis = atoms.axes.get(leaf.facts[0])
    values: dict[int, Seen] = {}
    match axis:
        case Texts(pieces=pieces):
            values = {
                number: piece.text for number, piece in enumerate(pieces) if piece.only and piece.text is not None
            }
        case Words(values=words):
            values = dict(enumerate(words))
        case Scale(spans=spans):
            values = {number: span[0] for number, span in enumerate(spans) if span is not None and span[0] == span[1]}
        case _:
            return
    budget.step(len(values) // CORNERS_A_STEP)
    for number, value in values.items():
        outcome = outcome_of(leaf, {leaf.facts[0]: value})
        if number == atoms.space.usual[axis.variable]:
            atoms.space.usual[variable] = outcome.bit_length() - 1
        atoms.space.forbid((axis.variable, 1 << number), (variable, atoms.space.full[variable] & ~outcome))


def _compared(atoms: Atoms, leaf: Compare, variable: int, budget: Budget) -> None:
    """What a comparison of sums of two facts gives wherever they are in two pieces: what it gives at all corners."""
    one, two = (atoms.axes.get(fact) for fact in leaf.facts)
    if not isinstance(one, Scale) or not isinstance(two, Scale) or len(one.spans) * len(two.spans) > MAX_CORNERS:
        return
    if leaf.tree is None or any(isinstance(part, ast.Mult | ast.Eq) for part in ast.walk(leaf.tree)):
        return
    budget.step(4 * len(one.spans) * len(two.spans) // CORNERS_A_STEP)
    for number, span in enumerate(one.spans):
        for place, other in enumerate(two.spans):
            if span is None or other is None:
                continue
            corners = {outcome_of(leaf, dict(zip(leaf.facts, pair, strict=True))) for pair in product(span, other)}
            if len(corners) == 1:
                outcome = corners.pop()
                wrong = atoms.space.full[variable] & ~outcome
                atoms.space.forbid((one.variable, 1 << number), (two.variable, 1 << place), (variable, wrong))
                if (number, place) == (atoms.space.usual[one.variable], atoms.space.usual[two.variable]):
                    atoms.space.usual[variable] = outcome.bit_length() - 1


def outcome_of(leaf: Compare | Opaque, values: Mapping[str, Seen]) -> int:
    """The piece of an expression's variable that some values of its facts give."""
    try:
        return TRUE if compute(leaf, values) else FALSE
    except ExpressionFailed:
        return FAILED


def _counted_only(atoms: Atoms) -> None:
    """A request whose tokens are counted has no `max_tokens`; every other has."""
    gone = _missing_in(atoms, "maxTokens")
    if gone is not None:
        variable, mask = gone
        atoms.space.forbid((atoms.way, ANSWERED), (variable, mask))
        atoms.space.forbid((atoms.way, COUNTED), (variable, atoms.space.full[variable] & ~mask))


def _thinking(atoms: Atoms) -> None:
    thinking, budget = atoms.axes.get("thinking"), _missing_in(atoms, "thinkingBudget")
    if isinstance(thinking, Words) and budget is not None:
        variable, mask = budget
        enabled = 1 << thinking.values.index("enabled")
        full = atoms.space.full
        atoms.space.forbid((thinking.variable, full[thinking.variable] & ~enabled), (variable, full[variable] & ~mask))


def _kinds_of_call(atoms: Atoms) -> None:
    kind, subagent = atoms.axes.get("requestClass"), atoms.axes.get("subagent")
    if isinstance(kind, Words) and isinstance(subagent, Words):
        yes = 1 << subagent.values.index(True)
        no = 1 << subagent.values.index(False)
        atoms.space.forbid((kind.variable, 1 << kind.values.index("subagent")), (subagent.variable, no))
        others = sum(1 << kind.values.index(word) for word in _FROM_HEADER)
        atoms.space.forbid((kind.variable, others), (subagent.variable, yes))


def _tools(atoms: Atoms) -> None:
    """Whatever is in a set of tools is one of them."""
    count = atoms.axes["toolCount"]
    assert isinstance(count, Scale)
    space = atoms.space
    for fact in ("toolNames", "serverTools"):
        members = atoms.axes.get(fact)
        if not isinstance(members, Members):
            continue
        for _, variable in members.asked.values():
            space.forbid((count.variable, _below(count, 1)), (variable, 0b10))
        literals = [variable for one, variable in members.asked.values() if isinstance(one, str)]
        single = _below(count, 2)
        if single:
            for place, one in enumerate(literals[:20]):
                for two in literals[place + 1 : 20]:
                    space.forbid((count.variable, single), (one, 0b10), (two, 0b10))
        if members.size is not None:
            _at_least(space, count, members.size, lambda size: size)
            if fact == "toolNames":
                none = _below(members.size, 1)
                some = space.full[count.variable] & ~_below(count, 1)
                space.forbid((members.size.variable, none), (count.variable, some))


def _sizes(atoms: Atoms) -> None:
    """Messages, tools and texts weigh tokens; a text is no longer than all texts."""
    tokens, length = atoms.axes.get("inputTokens"), atoms.axes.get("messageLength")
    space = atoms.space
    if isinstance(tokens, Scale):
        request = CONSTANTS["request"]
        costs: dict[str, Callable[[float], float]] = {
            "messageLength": lambda chars: request + math.ceil(chars * LEAST / 1000),
            "messageCount": lambda count: request + CONSTANTS["message"] * count,
            "toolCount": lambda count: request + CONSTANTS["tool"] * count,
        }
        for fact, cost in costs.items():
            scale = atoms.axes.get(fact)
            if isinstance(scale, Scale):
                _at_least(space, tokens, scale, cost)
        images = atoms.axes.get("hasImages")
        if isinstance(images, Words):
            least = request + CONSTANTS["message"] + CONSTANTS["image"]
            space.forbid((tokens.variable, _below(tokens, least)), (images.variable, 1 << images.values.index(True)))
    for fact in ("hasImages", "hasDocuments", "hasToolResults", "lastUserText"):
        some = _some(atoms, fact)
        counted = atoms.axes.get("messageCount")
        if some is not None and isinstance(counted, Scale):
            space.forbid((counted.variable, _below(counted, 1)), some)
        if isinstance(counted, Scale) and fact == "lastUserText":
            for variable in atoms.words.values():
                space.forbid((counted.variable, _below(counted, 1)), (variable, 0b10))
    if not isinstance(length, Scale):
        return
    for fact in ("lastUserText", "systemText"):
        texts = atoms.axes.get(fact)
        if isinstance(texts, Texts):
            needs = {
                number: _counted(piece.text) if piece.text and piece.only else 0
                for number, piece in enumerate(texts.pieces)
            }
            for least in sorted(set(needs.values()) - {0}):
                long = sum(1 << number for number, need in needs.items() if need >= least)
                space.forbid((length.variable, _below(length, least)), (texts.variable, long))
            for test in texts.tests:
                space.forbid((length.variable, _below(length, _least_of(test))), texts.where(key_of(test)))
    some = _some(atoms, "lastUserText")
    if some is not None:
        space.forbid((length.variable, _below(length, 1)), some)
    for word, variable in atoms.words.items():
        # folding makes a text up to three times as long
        space.forbid((length.variable, _below(length, math.ceil(len(word) / 3))), (variable, 0b10))


def _least_of(test: Test) -> int:
    """How many characters a text has at least for which a predicate holds, as `messageLength` counts them."""
    if test.operator not in ("contains", "prefix", "suffix", "eq") or not isinstance(test.operand, str):
        return 0
    least = _counted(test.operand)
    # folding makes a text up to three times as long
    return math.ceil(least / 3) if test.ignore_case else least


def _counted(text: str) -> int:
    """How many characters of a text count: those that join its parts, which may be empty, do not."""
    return len(text) - text.count("\n")


def _some(atoms: Atoms, fact: str) -> tuple[int, int] | None:
    axis = atoms.axes.get(fact)
    if isinstance(axis, Words):
        return axis.variable, 1 << axis.values.index(True)
    gone = _missing_in(atoms, fact)
    return None if gone is None else (gone[0], atoms.space.full[gone[0]] & ~gone[1])


def _words_in_texts(atoms: Atoms) -> None:
    """A keyword inside the user's last text is a keyword of the request; every text has the empty one."""
    if "" in atoms.words:
        atoms.space.forbid((atoms.words[""], 0b01))
    texts = atoms.axes.get("lastUserText")
    if not isinstance(texts, Texts):
        return
    for word, variable in atoms.words.items():
        if "\n" in word or "\0" in word:
            continue
        holding = sum(1 << number for number, piece in enumerate(texts.pieces) if _holds_word(piece, word))
        for test in texts.tests:
            key = key_of(test)
            if not _demands(test, word):
                continue
            if key in texts.apart:
                atoms.space.forbid(texts.apart[key], (variable, 0b01))
            else:
                holding |= texts.masks[key]
        atoms.space.forbid((texts.variable, holding), (variable, 0b01))


def _holds_word(piece: Piece, word: str) -> bool:
    return piece.only and piece.text is not None and word in piece.text.casefold()


def _demands(test: Test, word: str) -> bool:
    return (
        test.operator in ("contains", "prefix", "suffix", "eq")
        and isinstance(test.operand, str)
        and word in test.operand.casefold()
    )


def _word_in_word(atoms: Atoms) -> None:
    """A word holds the words inside it; what follows from those of the longest is left out."""
    words = list(atoms.words)
    found = Inside(zip(words, range(len(words)), strict=True))
    inside = [{*found.anywhere(word)} - {number} for number, word in enumerate(words)]
    for word, others in zip(words, inside, strict=True):
        followed: set[int] = set()
        for one in sorted(others, key=lambda one: (-len(words[one]), one)):
            if one not in followed:
                followed |= inside[one]
                atoms.space.forbid((atoms.words[word], 0b10), (atoms.words[words[one]], 0b01))


def _explicit(atoms: Atoms, offers: Mapping[str, frozenset[str] | None]) -> None:
    """A model written as an offered `provider,model` is a choice."""
    model = atoms.axes.get("model")
    if not isinstance(model, Texts) or len(atoms.choices) < 2:
        return
    chosen = 0
    for number, piece in enumerate(model.pieces):
        if piece.only and piece.text is not None and "," in piece.text:
            provider, _, name = (part.strip() for part in piece.text.partition(","))
            if provider in offers and name and (offers[provider] is None or name in (offers[provider] or ())):
                chosen |= 1 << number
    atoms.space.forbid((model.variable, chosen), (atoms.choice, 1))


def _tags(atoms: Atoms, tags: frozenset[str]) -> None:
    """Only filters give tags."""
    axis = atoms.axes.get("tags")
    if not isinstance(axis, Members):
        return
    for one, variable in axis.asked.values():
        if not any(one == tag if isinstance(one, str) else holds_for(one, tag) for tag in tags):
            atoms.space.forbid((variable, 0b10))
    if axis.size is not None:
        spans = enumerate(axis.size.spans)
        more = sum(1 << number for number, span in spans if span is not None and span[0] > len(tags))
        atoms.space.forbid((axis.size.variable, more))


def _below(scale: Scale, least: float) -> int:
    """The pieces all of whose numbers are below a number."""
    return sum(1 << number for number, span in enumerate(scale.spans) if span is not None and span[1] < least)


def _at_least(space: Space, larger: Scale, smaller: Scale, cost: Callable[[float], float]) -> None:
    """One number is at least what `cost` makes of another, which grows with it."""
    ends = sorted((span[1], number) for number, span in enumerate(larger.spans) if span is not None)
    below, passed = 0, 0
    from_here = sum(1 << number for number, span in enumerate(smaller.spans) if span is not None)
    for number, span in enumerate(smaller.spans):
        if span is None:
            continue
        least, known = cost(span[0]), passed
        while passed < len(ends) and ends[passed][0] < least:
            below |= 1 << ends[passed][1]
            passed += 1
        if passed != known:
            space.forbid((larger.variable, below), (smaller.variable, from_here))
        from_here &= ~(1 << number)
