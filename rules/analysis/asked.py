"""What is asked of a text: which of many predicates hold for it, which follow from one another, a text that one wants."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rules.analysis.acceptors import acceptor_of, alphabet_for
from rules.analysis.walks import walk
from rules.nodes import Test
from rules.operators import holds_for
from rules.patterns import Glob, Pattern

_PLAIN = ("contains", "prefix", "suffix")


class Asked:
    """Predicates on one text fact by number; texts are asked all of them in few steps."""

    def __init__(self, tests: Sequence[Test]) -> None:
        self.tests = tests
        # operator, whether case counts -> words with their numbers
        self._plain: dict[tuple[str, bool], list[tuple[str, int]]] = {}
        self._others: list[tuple[Test, int]] = []
        for number, test in enumerate(tests):
            if test.operator in _PLAIN and isinstance(test.operand, str):
                word = test.operand.casefold() if test.ignore_case else test.operand
                self._plain.setdefault((test.operator, test.ignore_case), []).append((word, number))
            elif test.operator != "rollout":
                self._others.append((test, number))
        # what asking costs, in globs: a pattern costs some
        self.weight = sum(5 if isinstance(test.operand, Pattern) else 1 for test, _ in self._others)

    def holding(self, text: str) -> set[int]:
        """The predicates that hold for a text; shares are left out."""
        held = {number for test, number in self._others if holds_for(test, text)}
        for (operator, folded), words in self._plain.items():
            asked = text.casefold() if folded else text
            match operator:
                case "contains":
                    held.update([number for word, number in words if word in asked])
                case "prefix":
                    held.update([number for word, number in words if asked.startswith(word)])
                case _:
                    held.update([number for word, number in words if asked.endswith(word)])
        return held

    def implied(self) -> Iterator[tuple[int, int]]:
        """Pairs of predicates: where the first holds, the second does, as far as their words show it; no pair that follows from two others."""
        exact = self._plain.get(("contains", False), [])
        folded = self._plain.get(("contains", True), [])
        for number, test in enumerate(self.tests):
            parts = _words_of(test)
            whole = [] if test.ignore_case else parts
            lower = [part.casefold() for part in parts]
            inside = [(word, False, other) for word, other in exact if any(word in one for one in whole)]
            inside += [(word, True, other) for word, other in folded if any(word in one for one in lower)]
            kept: list[tuple[str, bool, int]] = []
            for word, any_case, other in sorted(inside, key=lambda one: -len(one[0])):
                if other != number and not any(_is_in(word, any_case, *known[:2]) for known in kept):
                    kept.append((word, any_case, other))
            yield from ((number, other) for _, _, other in kept)


def _is_in(word: str, any_case: bool, known: str, known_in_any_case: bool) -> bool:
    """Whether a text that contains the known word contains the other one."""
    return word in known.casefold() if any_case else not known_in_any_case and word in known


def _words_of(test: Test) -> list[str]:
    """Texts that are in every text a predicate holds for."""
    if isinstance(test.operand, Glob):
        return test.operand.source.replace("?", "*").split("*")
    if isinstance(test.operand, str) and test.operator in (*_PLAIN, "eq"):
        return [test.operand]
    return []


def sample_of(test: Test) -> str:
    """A text for which a predicate holds, if it is easily found."""
    if isinstance(test.operand, Glob):
        return test.operand.source.replace("*", "").replace("?", "x")
    if isinstance(test.operand, Pattern):
        alphabet = alphabet_for([test])
        return next((text for verdicts, text in walk([acceptor_of(test, alphabet)], alphabet) if verdicts), "")
    return str(test.operand)


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
