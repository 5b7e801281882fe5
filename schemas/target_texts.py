"""A target in a form of another program, `provider/model`, or one of both names alone: what was probably meant."""

from __future__ import annotations

import re

from schemas.document import Mapping, Node, Scalar, Sequence, node_at

_SEPARATORS = re.compile(r"[/:|;.]|\s+|->")


def target_meant(root: Node, text: str) -> str | None:
    """`provider,model` for a text that names a provider, a model that one provider alone lists, or both with another separator.

    A provider alone stands for its first model. None where there is nothing of the kind, or several.
    """
    offered = _offered(root)
    text = text.strip()
    if text in offered:
        return f"{text},{offered[text][0]}" if offered[text] else None
    owners = [name for name, models in offered.items() if text in models]
    if owners:
        return f"{owners[0]},{text}" if len(owners) == 1 else None
    for found in _SEPARATORS.finditer(text):
        provider, model = text[: found.start()].strip(), text[found.end() :].strip()
        if provider in offered and model and "," not in text:
            return f"{provider},{model}"
    return None


def _offered(root: Node) -> dict[str, list[str]]:
    """Provider -> the models it lists."""
    return {
        str(entry.key.value): _models(entry.value)
        for at in (["providers"], ["routing", "providers"])
        if isinstance(providers := node_at(root, at), Mapping)
        for entry in providers
    }


def _models(provider: Node) -> list[str]:
    listed = node_at(provider, ["settings", "models"])
    names = []
    for item in listed.items if isinstance(listed, Sequence) else ():
        name = item.get("name") if isinstance(item, Mapping) else item
        if isinstance(name, Scalar) and isinstance(name.value, str):
            names.append(name.value)
    return names
