"""What tokens cost, by the prices of the configuration. Pure.

A price stands in `usage.prices` under `provider,model`, `provider,pattern` or `provider`, or with the model in the
provider's `settings.models`. The nearest one counts: that name, the first pattern that fits, the model's own, the
provider's.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from fnmatch import fnmatchcase

from msgspec import Struct, field

from providers.messages.parts import Usage
from providers.spec import ProviderSpec
from schemas.document import Mapping as MappingNode
from schemas.document import Node, Scalar, node_at

MILLION = Decimal(1_000_000)
KINDS = ("input", "output", "cacheRead", "cacheWrite", "thinking")
_WILD = frozenset("*?[")


class Price(Struct, frozen=True):
    """Money for a million tokens of each kind. None: not known, but for those that stand for another.

    What the cache gave or took costs as `input` where it has no price of its own, thinking as `output`, of which it is
    a part.
    """

    input: Decimal | None = None
    output: Decimal | None = None
    cache_read: Decimal | None = None
    cache_write: Decimal | None = None
    thinking: Decimal | None = None


class Prices(Struct, frozen=True):
    """All prices of a configuration, in one `currency`."""

    models: Mapping[tuple[str, str], Price] = field(default_factory=dict)
    patterns: tuple[tuple[str, str, Price], ...] = ()
    listed: Mapping[tuple[str, str], Price] = field(default_factory=dict)
    providers: Mapping[str, Price] = field(default_factory=dict)
    currency: str = "USD"

    def of(self, provider: str, model: str) -> Price | None:
        """The price of a model at a provider, None where the configuration says none."""
        named = self.models.get((provider, model))
        if named is not None:
            return named
        for at, pattern, price in self.patterns:
            if at == provider and fnmatchcase(model, pattern):
                return price
        return self.listed.get((provider, model)) or self.providers.get(provider)

    def __bool__(self) -> bool:
        """Whether there is any."""
        return bool(self.models or self.patterns or self.listed or self.providers)


def cost_of(prices: Prices, provider: str, model: str, usage: Usage) -> Decimal | None:
    """What the tokens of a reply cost, in `prices.currency`. None: not known, which is not nothing.

    Not known is also the cost where the upstream counted nothing, or tokens of a kind that has no price.
    """
    price = prices.of(provider, model)
    if price is None or (usage.input is None and usage.output is None):
        return None
    thinking = min(usage.thinking or 0, usage.output or 0)
    rows = (
        (usage.input, price.input),
        (usage.cache_read, _first(price.cache_read, price.input)),
        (usage.cache_write, _first(price.cache_write, price.input)),
        (thinking, _first(price.thinking, price.output)),
        ((usage.output or 0) - thinking, price.output),
    )
    total = Decimal(0)
    for tokens, each in rows:
        if tokens and each is None:
            return None
        total += (tokens or 0) * (each or 0)
    return total / MILLION


def prices_of(root: Node, providers: Mapping[str, ProviderSpec]) -> Prices:
    """The prices of a checked document; what is misspelt there was reported, and is no price here."""
    models: dict[tuple[str, str], Price] = {}
    whole: dict[str, Price] = {}
    patterns: list[tuple[str, str, Price]] = []
    written = node_at(root, ["usage", "prices"])
    for entry in written if isinstance(written, MappingNode) else ():
        name, price = str(entry.key.value), _price(entry.value)
        provider, comma, model = (part.strip() for part in name.partition(","))
        if not comma:
            whole[provider] = price
        elif _WILD.isdisjoint(model):
            models[provider, model] = price
        else:
            patterns.append((provider, model, price))
    listed = {
        (spec.name, model.name): _of({name: Decimal(str(amount)) for name, amount in model.price.items()})
        for spec in providers.values()
        for model in spec.models
        if model.price
    }
    currency = node_at(root, ["usage", "currency"])
    return Prices(
        models,
        tuple(patterns),
        listed,
        whole,
        currency.value if isinstance(currency, Scalar) and isinstance(currency.value, str) else "USD",
    )


def _price(node: Node) -> Price:
    amounts: dict[str, Decimal] = {}
    for entry in node if isinstance(node, MappingNode) else ():
        value = entry.value.value if isinstance(entry.value, Scalar) else None
        if isinstance(value, int | float) and not isinstance(value, bool):
            amounts[str(entry.key.value)] = Decimal(str(value))
    return _of(amounts)


def _of(amounts: Mapping[str, Decimal]) -> Price:
    return Price(*(amounts.get(kind) for kind in KINDS))


def _first(price: Decimal | None, other: Decimal | None) -> Decimal | None:
    return other if price is None else price
