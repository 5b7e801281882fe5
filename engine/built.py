"""What building a configuration gives: the values of `engine/build.py`, apart from its stages."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct, field

from engine.reporting.masking import Masks
from engine.settings import Settings
from engine.usage.prices import Prices
from providers.spec import ProviderSpec
from rules.nodes import RuleSet
from schemas.diagnostics import Diagnostic
from schemas.document import Document
from schemas.too_many import INCOMPLETE


class Built(Struct, frozen=True):
    """A configuration that may run: everything a gateway is made of.

    INVARIANT: none of `diagnostics` is blocking. They are what the start logs and `/status` shows: not what comments
    suppress. `document` has its `${...}` replaced; never show values of it that stand under `authentication`.
    """

    rules: RuleSet
    providers: Mapping[str, ProviderSpec]
    settings: Settings
    revision: str
    document: Document
    diagnostics: tuple[Diagnostic, ...] = ()
    prices: Prices = field(default_factory=Prices)

    def __repr__(self) -> str:
        """Its revision: what the configuration says may be secret."""
        return f"<configuration {self.revision}>"


class Routing(Struct, frozen=True):
    """What decides where requests go."""

    rules: RuleSet
    providers: Mapping[str, ProviderSpec]

    def __repr__(self) -> str:
        """How much of it there is: what it says may be secret."""
        return f"<routing of {len(self.rules.rules)} rules>"


class Checked(Struct, frozen=True):
    """One configuration after all checks. `document` None: no tree. `built` None: something blocks.

    `routing` is there also where all that blocks lies in sections that say nothing of where requests go.
    `file` is the main file's name as diagnostics show it; `texts` are the sources by file name, for excerpts;
    `unread` are included files that could not be read, or have no tree. `masks` know what of the texts must not be shown.
    """

    file: str
    document: Document | None
    built: Built | None
    diagnostics: tuple[Diagnostic, ...]
    texts: Mapping[str, str]
    unread: tuple[str, ...] = ()
    routing: Routing | None = None
    masks: Masks = field(default_factory=lambda: Masks(None))

    @property
    def is_incomplete(self) -> bool:
        """Whether more may be wrong than was found: a stage gave up after too many mistakes, and none followed."""
        return any(INCOMPLETE in one.data for one in self.diagnostics)

    @property
    def is_whole(self) -> bool:
        """Whether each of its files could be read and has a tree."""
        return self.document is not None and not self.unread

    def __repr__(self) -> str:
        """The file's name: its texts may hold credentials."""
        return f"<checked {self.file}: {len(self.diagnostics)} findings>"
