"""What is asked of a text: which of many predicates hold for it, which follow from one another, a text that one wants."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import assert_never

from rules.analysis.acceptors import acceptor_of, alphabet_for
from rules.analysis.budget import Budget
from rules.analysis.inside import Inside
from rules.analysis.letters import NICE
from rules.analysis.walks import walk
from rules.nodes import Test
from rules.operators import holds_for
from rules.patterns.automaton import within
from rules.patterns.compiled import Glob, Pattern
from rules.patterns.regex import Chars, Concat, Edge, Either, Repeat, Tree

A_GLOB = 4
"""Operations that a glob's look at a text costs, and one more for each part of it."""

A_PATTERN = 15
"""Operations that a pattern's look at a text costs."""

STATES = 50
"""States of an automaton above which a look costs more, by their square: texts for long patterns are long, too."""

A_STATE = 10
"""Operations that making what matches costs for each state of a pattern's automaton."""

_PLAIN = ("contains", "prefix", "suffix")
_GAP, _CHAR = "\ue000", "\ue001"
"""What stands for any text, and for any one character, in a text that stands for many."""


class Asked:
    """Predicates on one text fact by number; texts are asked all of them in few steps."""

    def __init__(self, tests: Sequence[Test]) -> None:
        self.tests = tests
        # operator, whether case does not count -> words with their numbers
        plain: dict[tuple[str, bool], list[tuple[str, int]]] = {}
        self._others: list[tuple[Test, int]] = []
        # what trying a glob costs
        self._globs: dict[int, int] = {}
        for number, test in enumerate(tests):
            match test.operand:
                case Glob(source=source) if part := max(source.replace("?", "*").split("*"), key=len):
                    # what a text must hold, so that most globs need not be tried
                    words, operator = [part], "glob"
                    self._globs[number] = cost_of(test)
                case str() as word if test.operator in _PLAIN:
                    words, operator = [word], test.operator
                case str() as word if test.operator == "eq":
                    words, operator = [word], "whole"
                case frozenset() as some if test.operator == "in":
                    words, operator = sorted(map(str, some)), "whole"
                case _:
                    if test.operator != "rollout":
                        self._others.append((test, number))
                    continue
            folded = [word.casefold() for word in words] if test.ignore_case else words
            plain.setdefault((operator, test.ignore_case), []).extend((word, number) for word in dict.fromkeys(folded))
        self._inside = {key: Inside(words) for key, words in plain.items()}
        # operations that all asking has cost so far
        self.worked = 0
        self._looks = sum(cost_of(test) for test, _ in self._others)
        self._making = sum(map(_cost_of_making, (test for test, _ in self._others)))
        self._made = False

    @property
    def always(self) -> int:
        """Operations that asking costs at least, whatever the text; what matches is made when first asked."""
        return self._looks if self._made else self._looks + self._making

    def holding(self, text: str) -> set[int]:
        """The predicates that hold for a text; shares are left out."""
        self.worked += self.always
        self._made = True
        return self._plainly(text).union([number for test, number in self._others if holds_for(test, text)])

    def _plainly(self, text: str) -> set[int]:
        """The predicates but for patterns that hold for a text."""
        held: set[int] = set()
        for (operator, folded), words in self._inside.items():
            asked = text.casefold() if folded else text
            self.worked += words.cost(asked) if operator in ("contains", "glob") else 1
            match operator:
                case "contains":
                    held.update(words.anywhere(asked))
                case "prefix":
                    held.update(words.at_start(asked))
                case "suffix":
                    held.update(words.at_end(asked))
                case "whole":
                    held.update(words.whole(asked))
                case _:
                    possible = words.anywhere(asked)
                    self.worked += sum([self._globs[number] for number in possible])
                    held.update([number for number in possible if holds_for(self.tests[number], text)])
        return held

    def implied(self) -> Iterator[tuple[int, list[int]]]:
        """Each predicate with those that hold where it does, as far as their words show it, but for what follows from others of them."""
        listed = ((number, _image_of(test)) for number, test in enumerate(self.tests))
        images = {number: image for number, image in listed if image is not None}
        for number, image in images.items():
            found = [
                other
                for other in self._plainly(image)
                if other != number and self._follows(self.tests[number], image, other)
            ]
            kept: list[int] = []
            for other in sorted(found, key=lambda one: (-len(images.get(one, "")), one)):
                known = (one for one in kept if one in images)
                if not any(self._follows(self.tests[one], images[one], other) for one in known):
                    kept.append(other)
            yield number, kept

    def _follows(self, test: Test, image: str, other: int) -> bool:
        """Whether a predicate, holding for the image of another one, holds wherever that does."""
        also = self.tests[other]
        if test.ignore_case and not also.ignore_case:
            return False
        if isinstance(also.operand, Glob) and "?" in also.operand.source and (_GAP in image or _CHAR in image):
            # it would take what stands for any text as one character
            return False
        return holds_for(also, image)


def _image_of(test: Test) -> str | None:
    """A text that stands for all for which a predicate holds; None where there is none such."""
    if isinstance(test.operand, Glob):
        image, source = test.operand.source.replace("*", _GAP).replace("?", _CHAR), test.operand.source
    elif isinstance(test.operand, str) and test.operator in (*_PLAIN, "eq"):
        source = test.operand
        before = _GAP if test.operator in ("contains", "suffix") else ""
        image = before + source + (_GAP if test.operator in ("contains", "prefix") else "")
    else:
        return None
    return None if _GAP in source or _CHAR in source else image


def sample_of(test: Test, budget: Budget) -> str:
    """A text for which a predicate holds, if it is easily found. Raises `Spent`."""
    if isinstance(test.operand, Glob):
        return test.operand.source.replace("*", "").replace("?", "x")
    if isinstance(test.operand, Pattern):
        budget.work(_cost_of_making(test))
        plain = _plain_sample(test.operand.tree)
        if test.operand.search(plain):
            return plain
        alphabet = alphabet_for([test])
        acceptor = acceptor_of(test, alphabet, budget)
        return next((text for verdicts, text in walk([acceptor], alphabet, budget) if verdicts), "")
    return min(map(str, test.operand)) if isinstance(test.operand, frozenset) else str(test.operand)


def _plain_sample(tree: Tree) -> str:
    """A text that a pattern matches if its edges stand where they may."""
    match tree:
        case Chars(ranges):
            return next((char for char in NICE if within(ord(char), ranges)), chr(ranges[0][0]) if ranges else "")
        case Edge():
            return ""
        case Concat(items):
            return "".join(map(_plain_sample, items))
        case Either(items):
            return _plain_sample(items[0]) if items else ""
        case Repeat(item, least):
            return _plain_sample(item) * least
        case _:
            assert_never(tree)


def is_end(test: Test) -> bool:
    """Whether a predicate is about the end of a text alone."""
    if isinstance(test.operand, Glob):
        return (
            test.operand.source.startswith("*") and "*" not in test.operand.source[1:] and len(test.operand.source) > 1
        )
    return test.operator == "suffix"


def is_start(test: Test) -> bool:
    """Whether a predicate is about the start of a text alone, or about the whole with nothing in it left open."""
    if isinstance(test.operand, Glob):
        return "*" not in test.operand.source[:-1]
    return test.operator in ("prefix", "eq")


def is_anywhere(test: Test) -> bool:
    """Whether a predicate asks for something anywhere in the text, so that others hardly ever decide it."""
    if isinstance(test.operand, Glob):
        return test.operand.source.startswith("*") and test.operand.source.endswith("*")
    if isinstance(test.operand, Pattern):
        return not test.operand.source.startswith("^")
    return test.operator == "contains" or (test.ignore_case and test.operator == "in")


def _cost_of_making(test: Test) -> int:
    """The operations of making what matches a pattern."""
    return A_STATE * test.operand.states if isinstance(test.operand, Pattern) else 0


def cost_of(test: Test) -> int:
    """The operations of asking a predicate once."""
    if isinstance(test.operand, Glob):
        return A_GLOB + test.operand.source.count("*")
    if isinstance(test.operand, Pattern):
        return A_PATTERN * (1 + (test.operand.states // STATES) ** 2)
    return 1
