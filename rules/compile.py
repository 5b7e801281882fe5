"""A document's rules, categories and named conditions to a `RuleSet`, with everything that is wrong at once."""

from __future__ import annotations

from collections.abc import Collection
from collections.abc import Mapping as MappingType
from typing import Literal

from msgspec import Struct

from rules.conditions import Conditions, budgets_in
from rules.evaluate import EXPLICIT
from rules.filter_reader import filters_in
from rules.nodes import Category, Route, Rule, RuleSet
from rules.operands import LiteralError, literal_text, number_in
from rules.routes import Routes
from schemas.codes import finding
from schemas.diagnostics import Diagnostic, Label, Severity, Span
from schemas.document import Mapping, Node, Scalar, Sequence, node_at

DEFAULT_LONG_CONTEXT = 60_000


class Offer(Struct, frozen=True):
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

    `builtin` is the root of `rules/categories.yaml`; `offers` are the providers in file order. Whether names in targets
    exist is checked elsewhere, as is the shape: what the schema refuses is passed over here.
    """
    conditions = conditions_in(root, offers)
    conditions.compile_named()
    routes = Routes(conditions.diagnostics)
    rules = _rules(root, conditions, routes)
    categories = _categories(root, builtin, conditions, routes, offers)
    filters = filters_in(root, conditions)
    _check_names(_written_rules(root), categories, conditions.diagnostics)
    result = RuleSet(
        tuple(rules),
        tuple(categories),
        {name: frozenset(offer.models) if offer.models else None for name, offer in offers.items()},
        _flag(node_at(root, ("routing", "explicitModels")), True),
        tuple(filters),
    )
    wrong = any(diagnostic.severity is Severity.ERROR for diagnostic in conditions.diagnostics)
    return (None if wrong or conditions.broken or routes.broken else result), conditions.diagnostics


def conditions_in(root: Mapping, providers: Collection[str]) -> Conditions:
    """The reader of a document's conditions, which knows its named ones, its settings and its budgets."""
    named = root.get("conditions")
    settings = {"longContextThreshold": _threshold(root)}
    return Conditions(named if isinstance(named, Mapping) else None, providers, settings, budgets_in(root))


def _threshold(root: Mapping) -> int | float:
    """The setting `longContextThreshold`; the schema judges its form."""
    node = node_at(root, ("routing", "longContextThreshold"))
    if isinstance(node, Scalar):
        if isinstance(node.value, str):
            try:
                return number_in(node.value)
            except LiteralError:
                return DEFAULT_LONG_CONTEXT
        if isinstance(node.value, int | float) and not isinstance(node.value, bool):
            return node.value
    return DEFAULT_LONG_CONTEXT


def _rules(root: Mapping, conditions: Conditions, routes: Routes) -> list[Rule]:
    rules = []
    for index, node in enumerate(_written_rules(root)):
        if not isinstance(node, Mapping):
            routes.broken = True
            continue
        condition, target = node.get("condition"), node.get("target")
        if condition is None or target is None:
            routes.broken = True
        predicate = None if condition is None else conditions.condition(condition)
        route = None if target is None else routes.route(target, node.entry("fallbacks"))
        if predicate is None or route is None:
            continue
        name, span = _name_of(node, index)
        on_error: Literal["skip", "reject"] = "reject" if _word(node.get("onError")) == "reject" else "skip"
        rules.append(Rule(name, index, predicate, route, span, _flag(node.get("enabled"), True), on_error))
    return rules


def _written_rules(root: Mapping) -> tuple[Node, ...]:
    written = node_at(root, ("routing", "customRules"))
    return written.items if isinstance(written, Sequence) else ()


def _name_of(node: Mapping, index: int) -> tuple[str, Span]:
    """A rule's name and the place to show for it: the written name, else the condition's key."""
    name = node.get("name")
    if isinstance(name, Scalar) and isinstance(name.value, str) and name.value:
        return name.value, name.span
    entry = node.entry("condition")
    return f"customRules[{index}]", node.span if entry is None else entry.key.span


def _categories(
    root: Mapping, builtin: Mapping, conditions: Conditions, routes: Routes, offers: MappingType[str, Offer]
) -> list[Category]:
    """Added categories in file order, then the built-in ones, each with its own condition or the file's."""
    written = node_at(root, ("routing", "categories"))
    own = {str(entry.key.value): entry for entry in (written if isinstance(written, Mapping) else ())}
    given = {str(entry.key.value): entry for entry in builtin}
    order = [*(name for name in own if name not in given), *given]
    targets = _targets(root, routes)
    last_resort = _last_resort(root)
    serving: dict[str, str] = {}
    for provider, offer in offers.items():
        for name in offer.categories:
            serving.setdefault(name, provider)
    categories = []
    for name in order:
        entry = own.get(name) or given[name]
        served = serving.get(name)
        route = targets.get(name)
        if route is None and name not in targets:
            leads = served or (last_resort.value if last_resort is not None else None)
            span = None if served or last_resort is None else last_resort.span
            route = routes.to_provider(str(leads), span) if leads else None
        predicate = conditions.condition(entry.value)
        categories.append(Category(name, predicate, route, entry.key.span, builtin=name not in own))
    return categories


def _targets(root: Mapping, routes: Routes) -> dict[str, Route | None]:
    """`routing.rules`: category -> route, None where the target is wrong. Names of no category change nothing."""
    written = node_at(root, ("routing", "rules"))
    entries = written if isinstance(written, Mapping) else ()
    return {str(entry.key.value): routes.route(entry.value, None) for entry in entries}


def _last_resort(root: Mapping) -> Scalar | None:
    node = node_at(root, ("routing", "defaultProvider"))
    return node if isinstance(node, Scalar) and isinstance(node.value, str) and node.value else None


def _check_names(written: tuple[Node, ...], categories: list[Category], diagnostics: list[Diagnostic]) -> None:
    """Of all rules, those with mistakes in them, too."""
    taken = {category.name: "a category" for category in categories} | {EXPLICIT: "the client's explicit choice"}
    first: dict[str, Span] = {}
    for name, span in (_name_of(node, index) for index, node in enumerate(written) if isinstance(node, Mapping)):
        if name in taken:
            message = f"a rule cannot be called `{literal_text(name)}`: that is {taken[name]}"
            diagnostics.append(finding("CCR108", message, span))
        elif name in first:
            message = f"there are two rules called `{literal_text(name)}`"
            diagnostics.append(finding("CCR108", message, span, labels=(Label(first[name], "the first one"),)))
        else:
            first[name] = span


def _flag(node: Node | None, default: bool) -> bool:
    value = node.value if isinstance(node, Scalar) else None
    if isinstance(value, bool):
        return value
    return {"true": True, "false": False}.get(value, default) if isinstance(value, str) else default


def _word(node: Node | None) -> str | None:
    return node.value if isinstance(node, Scalar) and isinstance(node.value, str) else None
