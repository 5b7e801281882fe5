"""The bytes of another router's configuration as the text of one of ours."""

from __future__ import annotations

from msgspec import Struct

from engine.importing.draft import Draft, Note
from engine.importing.musistudio import is_musistudio, read_musistudio
from engine.importing.original import is_original, read_original
from engine.importing.values import variables_in
from engine.importing.write import written
from providers.read_spec import DEFAULT_ENDPOINTS
from schemas.document import Mapping, plain
from schemas.json_reader import read_json
from schemas.read import read


class Imported(Struct, frozen=True):
    """The text of the new file, what was read, and what is to be told."""

    text: str
    format: str
    providers: int
    notes: tuple[Note, ...]
    variables: tuple[str, ...]


class NotImportable(ValueError):  # noqa: N818 - named as `BadEnvelope` is
    """The file is none that can be imported; `str()` says why. `has_tree` is False where it could not be read at all."""

    def __init__(self, message: str, *, has_tree: bool = True) -> None:
        super().__init__(message)
        self.has_tree = has_tree


def imported(data: bytes, source: str, served: frozenset[str]) -> Imported:
    """The import of a file named `source`; `served` are the provider types of this version. Raises `NotImportable`.

    JSON may be as people write it: with comments, trailing commas, single quotes and names without quotes.
    """
    value = plain(_root(data, source))
    assert isinstance(value, dict)
    if is_musistudio(value):
        draft: Draft = read_musistudio(value, served, variables_in(data))
    elif is_original(value):
        draft = read_original(value, served, variables_in(data))
    else:
        raise NotImportable("this is no configuration that can be imported: it has neither `Providers` nor `routing`")
    for name, provider in draft.providers.items():
        has_address = provider.endpoint or (provider.instances and all("endpoint" in one for one in provider.instances))
        if not has_address and provider.type not in DEFAULT_ENDPOINTS:
            draft.note(f"address of `{name}`", "there is none: write its `endpoint`")
    if not draft.providers:
        raise NotImportable(
            "no provider of this file can be imported" + "".join(f"\n  {n.place}: {n.text}" for n in draft.notes)
        )
    return Imported(
        written(draft, source), draft.format, len(draft.providers), tuple(draft.notes), tuple(draft.variables)
    )


def _root(data: bytes, source: str) -> Mapping:
    document, findings = read(data, source)
    if document is None and findings and findings[0].code not in ("CCR002", "CCR003"):
        document, findings = read_json(data.decode("utf-8").removeprefix("\ufeff"), source)
    if document is None:
        last = findings[-1]
        raise NotImportable(f"{source}:{last.span.line}:{last.span.column}: {last.message}", has_tree=False)
    if not isinstance(document.root, Mapping):
        raise NotImportable("a configuration is a mapping")
    return document.root
