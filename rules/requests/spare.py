"""Names for members of sets of which nothing in particular is wanted: tools, server tools, betas, tags."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import count

from rules.nodes import Test
from rules.requests.wanted import is_barred

_FORMS: Mapping[str, tuple[str, ...]] = {
    "toolNames": ("tool_{}", "Tool{}", "{}"),
    "serverTools": ("server_{}",),
    "betas": ("beta-{}",),
    "tags": ("tag-{}",),
}
_LETTERS = "xabcdefghijklmnopqrstuvwyzXABCDEFGHIJKLMNOPQRSTUVWYZ0123456789_-.+~!"
_BEYOND = "éя中"
"""Letters that a header cannot hold."""

_PATIENCE = 200
"""Names that are barred one after another before others are tried."""


def spare_names(fact: str, barred: Sequence[str | Test]) -> Iterator[str]:
    """Different names that may be in a set, the plainest first; they end where all are barred that are tried."""
    letters = _LETTERS if fact == "betas" else _LETTERS + _BEYOND
    plain = (form.format(number) for number in count(1) for form in _FORMS[fact])
    repeated = (letter * times for times in count(1) for letter in letters)
    seen: set[str] = set()
    for names in (plain, repeated):
        missed = 0
        for name in names:
            if is_barred(name, barred):
                missed += 1
                if missed == _PATIENCE:
                    break
            elif name not in seen:
                missed = 0
                seen.add(name)
                yield name
