"""A document's rules, categories and named conditions to a `RuleSet`, with everything that is wrong at once."""

from __future__ import annotations

from collections.abc import Mapping as MappingType
from dataclasses import dataclass

from rules.nodes import RuleSet
from schemas.diagnostics import Diagnostic
from schemas.document import Mapping


@dataclass(frozen=True, slots=True)
class Offer:
    """What routing must know of a provider. `models` empty: it lists none and so offers every model.

    `categories` are those whose `settings.categoryMappings` entry is true.
    """

    models: tuple[str, ...] = ()
    default_model: str | None = None
    categories: frozenset[str] = frozenset()


def compile_rules(
    root: Mapping, builtin: Mapping, offers: MappingType[str, Offer]
) -> tuple[RuleSet | None, list[Diagnostic]]:
    """The rule set of a whole document (its root), None where something in it cannot be compiled.

    `builtin` is the root of `rules/categories.yaml`; `offers` are the providers in file order.
    References to providers and models are checked elsewhere; here unknown ones just stay in the targets.
    """
    raise NotImplementedError
