"""The one way in for configurations: bytes to `Checked`, in named stages (`test-config`, `start`, `explain`, reload).

bytes -> sources -> substitute -> shape -> rules, providers -> check -> Built, unless something blocks
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Literal

from engine.built import Built, Checked, Routing
from engine.configuration.check import check
from engine.configuration.sources import beside, read_sources
from engine.configuration.tls_paths import with_tls_paths
from engine.reporting.masking import Masks, scrubbed
from engine.reporting.suppress import judged
from engine.settings import settings_of
from engine.usage.prices import prices_of
from providers.read_spec import read_providers
from providers.spec import ProviderSpec
from rules.builtin import FILE, categories_text
from rules.compile import Offer, compile_rules
from schemas.codes import is_blocking
from schemas.diagnostics import Diagnostic, Severity, Span
from schemas.document import Entry, node_at
from schemas.document import Mapping as MappingNode
from schemas.read import read
from schemas.revision import revision_of
from schemas.shape import shape
from schemas.substitute import Sources, substitute
from schemas.too_many import INCOMPLETE

__all__ = ["Built", "Checked", "build"]


def build(
    data: bytes,
    file: str,
    *,
    read_file: Callable[[str], bytes],
    env: Mapping[str, str],
    secrets: Literal["resolve", "keep"],
    allow_missing_env: bool = False,
    public: bool = False,
    decrypt: Callable[[str], str] | None = None,
) -> Checked:
    """The configuration in `data`, checked and, where nothing blocks, built.

    `read_file` reads what `include` and `${file:...}` name (raises OSError where it cannot). `secrets="keep"` leaves
    everything inside `authentication` unresolved (test-config, explain); `"resolve"` is for start and reload.
    `public`: the user allowed an address that other machines reach. `decrypt` reads `${enc:...}` (see `substitute`);
    without it these stay as written.
    """
    sources = read_sources(data, file, read_file)
    found = list(sources.diagnostics)
    if sources.document is None:
        return Checked(file, None, None, _in_order(found, Masks(None), sources.texts), sources.texts)
    values = Sources(
        env=env,
        read_file=lambda path: read_file(beside(file, path)),
        decrypt=decrypt,
        keep_credentials=secrets == "keep",
        allow_missing=allow_missing_env,
    )
    document, missing = substitute(sources.document, values)
    document, misshapen = shape(with_tls_paths(document, file))
    found += missing
    found += without_echoes(found, misshapen)
    masks = Masks(document)
    if not isinstance(document.root, MappingNode) or any(INCOMPLETE in one.data for one in found):
        told = _in_order(found, masks, sources.texts)
        return Checked(file, document, None, told, sources.texts, sources.unread, masks=masks)
    providers, odd = read_providers(document.root)
    rules, wrong = compile_rules(document.root, builtin_categories(), offers_of(providers))
    found += without_echoes(found, [*odd, *wrong, *check(document.root, providers, public=public, texts=sources.texts)])
    if any(one.code == "CCR401" for one in found):
        found = [one for one in found if one.code not in _NEED_SOUND_NAMES]
    diagnostics = _in_order(found, masks, sources.texts)
    blocking = [one.span for one in diagnostics if is_blocking(one)]
    aside = (
        sorted(part.span for entry in _aside(document.root) for part in (entry.key, entry.value)) if blocking else []
    )
    hurt = sources.unread or not all(_is_in_one(span, aside) for span in blocking)
    routing = None if rules is None or hurt else Routing(rules, providers)
    if rules is None or blocking:
        return Checked(file, document, None, diagnostics, sources.texts, sources.unread, routing, masks)
    prices = prices_of(document.root, providers)
    told = judged(diagnostics, document, sources.texts, None).kept
    revision = revision_of(sources.document.root)
    built = Built(rules, providers, settings_of(document.root), revision, document, told, prices)
    return Checked(file, document, built, diagnostics, sources.texts, routing=routing, masks=masks)


_ASIDE = ("server", "debug", "state", "usage", "audit", "telemetry", "tests", "invariants")
_ASIDE_IN_PROVIDERS = (
    "endpoint", "authentication", "instances", "loadBalancing", "concurrency", "timeouts", "connectionPool", "tls",
)  # fmt: skip
"""Sections and keys that say nothing of where requests go."""


def _aside(root: MappingNode) -> Iterator[Entry]:
    yield from (entry for entry in root if entry.key.value in _ASIDE)
    for path in (("providers",), ("routing", "providers")):
        providers = node_at(root, path)
        for provider in providers if isinstance(providers, MappingNode) else ():
            if isinstance(provider.value, MappingNode):
                yield from (entry for entry in provider.value if entry.key.value in _ASIDE_IN_PROVIDERS)


def _is_in_one(span: Span, places: list[Span]) -> bool:
    """Whether the last of the sorted places that begins before it holds it."""
    number = bisect_right(places, (span.file, span.line, span.column), key=lambda one: (one.file, one.line, one.column))
    return number > 0 and places[number - 1].holds(span)


def builtin_categories() -> MappingNode:
    """The built-in categories as a tree."""
    document, found = read(categories_text(), FILE)
    assert document is not None
    assert not found
    assert isinstance(document.root, MappingNode)
    return document.root


def offers_of(providers: Mapping[str, ProviderSpec]) -> dict[str, Offer]:
    """What the rules must know of the providers, in file order."""
    return {
        name: Offer(
            models=tuple(model.name for model in spec.models),
            default_model=spec.default_model,
            categories=frozenset(category for category, serves in spec.category_mappings.items() if serves),
        )
        for name, spec in providers.items()
    }


def without_echoes(earlier: Iterable[Diagnostic], later: Iterable[Diagnostic]) -> list[Diagnostic]:
    """Findings of a later stage, but those about a text in which an earlier stage found an error.

    Nothing is called unused or unserved while something is wrong: a misspelt key may be what would use it.
    """
    errors = sorted(one.span for one in earlier if one.severity is Severity.ERROR)
    return [
        one for one in later if not (errors and one.code in _NEED_SOUND_SHAPES) and not any_within(errors, one.span)
    ]


def any_within(spans: list[Span], outer: Span) -> bool:
    """Whether one of the sorted spans lies in that one."""
    first = bisect_left(spans, Span(outer.file, outer.line, outer.column, 0, 0))
    last = bisect_right(spans, Span(outer.file, outer.end_line, outer.end_column, outer.end_line, outer.end_column))
    return any(map(outer.holds, spans[first:last]))


_NEED_SOUND_SHAPES = ("CCR404", "CCR407")
_NEED_SOUND_NAMES = ("CCR404",)


def _in_order(found: Iterable[Diagnostic], masks: Masks, texts: Mapping[str, str]) -> tuple[Diagnostic, ...]:
    """Each finding once, by place, without any word that may be a credential."""
    unique = {(one.code, one.span, one.message): one for one in scrubbed(found, masks, texts)}
    return tuple(sorted(unique.values(), key=lambda one: one.sort_key))
