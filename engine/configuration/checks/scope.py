"""What the checks look at: the tree, the providers, and every target with what leads to it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from collections.abc import Mapping as MappingType

from msgspec import Struct, field
from msgspec.structs import replace

from providers.spec import ProviderSpec
from schemas.diagnostics import Fix, Span
from schemas.document import Entry, Mapping, Node, Scalar, Sequence, node_at
from schemas.edits import renaming
from schemas.places import inside
from schemas.substitute import is_unresolved
from schemas.suggest import Names
from schemas.wording import quoted

BUILTIN_CATEGORIES = ("search", "longcontext", "background", "thinking", "default")


class Named(Struct, frozen=True):
    """A name as written in the file; `scalar` is the text it is in, from `start` on."""

    name: str
    span: Span
    scalar: Scalar
    start: int = 0

    def renaming(self, known: Iterable[str]) -> Fix | None:
        """The fix that writes the one known name that is near."""
        return renaming(self.scalar, self.start, self.start + len(self.name), known)


class TargetPlace(Struct, frozen=True):
    """One target: `owner` is what leads to it, as a message names it; `category` is set for a category's own target.

    `item`: the list it is in and its number there.
    """

    owner: str
    provider: Named
    model: Named | None
    span: Span
    category: str | None = None
    item: tuple[Sequence, int] | None = None


class RoutePlace(Struct, frozen=True):
    """A target with its fallbacks."""

    target: TargetPlace
    fallbacks: tuple[TargetPlace, ...]


class Scope(Struct, frozen=True):
    """A configuration as the checks see it; `texts` are its files, for fixes."""

    root: Mapping
    providers: MappingType[str, ProviderSpec]
    texts: MappingType[str, str] = field(default_factory=dict)
    _routes: list[RoutePlace] = field(default_factory=list)
    _entries: dict[object, Entry] = field(default_factory=dict)
    _names: dict[str, Names] = field(default_factory=dict)
    _offering: dict[str, list[str]] = field(default_factory=dict)

    def at(self, path: str) -> Node | None:
        """The node at a dotted path."""
        return node_at(self.root, path.split("."))

    def mapping(self, path: str) -> Mapping:
        """The mapping at a dotted path; an empty one where there is none."""
        node = self.at(path)
        return node if isinstance(node, Mapping) else Mapping((), self.root.span)

    def provider_entries(self) -> Iterator[Entry]:
        """Every provider as written, in both places."""
        yield from self.mapping("routing.providers")
        yield from self.mapping("providers")

    def provider_entry(self, name: str) -> Entry | None:
        """The provider's entry, the first if it is in both places."""
        if not self._entries:
            for entry in self.provider_entries():
                self._entries.setdefault(entry.key.value, entry)
        return self._entries.get(name)

    def names(self, what: str, found: Callable[[], Iterable[str]]) -> Names:
        """The names of one kind, gathered once."""
        known = self._names.get(what)
        if known is None:
            known = self._names[what] = Names(found())
        return known

    def provider_names(self) -> Names:
        """Every provider's name, in both places."""
        return self.names("providers", lambda: (str(entry.key.value) for entry in self.provider_entries()))

    def categories(self) -> Names:
        """Every category: those the file adds, then the built-in ones."""
        added = self.mapping("routing.categories")
        return self.names("categories", lambda: (*(str(entry.key.value) for entry in added), *BUILTIN_CATEGORIES))

    def models(self, spec: ProviderSpec) -> Names:
        """The models that a provider lists."""
        return self.names(f"models of {spec.name}", lambda: (one.name for one in spec.models))

    def offering(self, model: str) -> list[str]:
        """The providers that list a model."""
        if not self._offering:
            for spec in self.providers.values():
                for name in self.models(spec):
                    self._offering.setdefault(name, []).append(spec.name)
        return self._offering.get(model, [])

    def routes(self) -> list[RoutePlace]:
        """The route of every rule and of every category that has one; refusals have none."""
        if not self._routes:
            self._routes.extend(self._all_routes())
        return self._routes

    def _all_routes(self) -> Iterator[RoutePlace]:
        for number, rule in enumerate(self._rules()):
            name = rule.get("name")
            owner = f"rule {quoted(str(name.value) if isinstance(name, Scalar) else f'customRules[{number}]')}"
            yield from _routes(owner, rule.get("target"), rule.get("fallbacks"), None)
        for entry in self.mapping("routing.rules"):
            category = str(entry.key.value)
            yield from _routes(f"category {quoted(category)}", entry.value, None, category)

    def _rules(self) -> Iterator[Mapping]:
        listed = self.at("routing.customRules")
        for item in listed if isinstance(listed, Sequence) else ():
            yield item if isinstance(item, Mapping) else Mapping((), self.root.span)


def _routes(owner: str, node: Node | None, more: Node | None, category: str | None) -> Iterator[RoutePlace]:
    target = _target(owner, node, category) if node is not None else None
    if target is None:
        return
    own = node.get("fallbacks") if isinstance(node, Mapping) else None
    listed = own if own is not None else more
    found = []
    for number, item in enumerate(listed.items if isinstance(listed, Sequence) else ()):
        fallback = _target(f"a fallback of {owner}", item, None)
        if fallback is not None and isinstance(listed, Sequence):
            found.append(replace(fallback, item=(listed, number)))
    yield RoutePlace(target, tuple(found))


def _target(owner: str, node: Node, category: str | None) -> TargetPlace | None:
    if isinstance(node, Scalar):
        if not isinstance(node.value, str) or is_unresolved(node) or "," not in node.value:
            return None
        comma = node.value.index(",")
        provider = _part(node, 0, comma)
        return TargetPlace(owner, provider, _part(node, comma + 1, len(node.value)), node.span, category)
    if not isinstance(node, Mapping):
        return None
    written, model = node.get("provider"), node.get("model")
    if not isinstance(written, Scalar) or not isinstance(written.value, str) or is_unresolved(written):
        return None
    named = None
    if isinstance(model, Scalar) and isinstance(model.value, str) and not is_unresolved(model):
        named = Named(model.value, model.span, model)
    return TargetPlace(owner, Named(written.value, written.span, written), named, written.span, category)


def _part(scalar: Scalar, start: int, end: int) -> Named:
    text = str(scalar.value)[start:end]
    left = start + len(text) - len(text.lstrip())
    name = text.strip()
    return Named(name, inside(scalar, left, left + len(name)), scalar, left)
