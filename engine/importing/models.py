"""Lists of models, and routes written `provider,model`, of the other routers' files."""

from __future__ import annotations

from typing import Any, TypeGuard

from engine.importing.draft import Draft, ProviderDraft, TargetDraft

_CAPABILITIES = {
    "tools": "tools", "tool_use": "tools", "function_calling": "tools", "vision": "images", "image": "images",
    "images": "images", "documents": "documents", "pdf": "documents", "thinking": "thinking", "reasoning": "thinking",
    "web_search": "webSearch", "webSearch": "webSearch",
}  # fmt: skip


def models_of(listed: object, place: str, draft: Draft, most: object = None) -> dict[str, dict[str, Any]]:
    """Model name -> what is said of it. `most` is the provider's own limit of output."""
    models: dict[str, dict[str, Any]] = {}
    if listed is not None and not isinstance(listed, list):
        draft.note(place, "this is no list of models, so it was left out")
    for index, item in enumerate(listed if isinstance(listed, list) else []):
        where = f"{place}[{index}]"
        if isinstance(item, str) and item.strip():
            if not item.lstrip().startswith("//"):
                models.setdefault(item.strip(), {})
        elif isinstance(item, dict) and isinstance(item.get("name"), str):
            models[item["name"]] = _said(item, where, draft)
        else:
            draft.note(where, "this is no model, so it was left out")
    for said in models.values():
        if is_count(most):
            said.setdefault("maxOutputTokens", most)
    return models


def without_blocked(models: dict[str, dict[str, Any]], blocked: object) -> dict[str, dict[str, Any]]:
    """The models that no entry of a black list names or is part of."""
    words = [word for word in (blocked if isinstance(blocked, list) else []) if isinstance(word, str)]
    words = [word.strip() for word in words if word.strip() and not word.lstrip().startswith("//")]
    return {name: said for name, said in models.items() if not any(word in name for word in words)}


def targets_of(route: object, place: str, draft: Draft) -> list[TargetDraft]:
    """The targets in `provider,model`, or in several of these with `;` between; those of unknown providers are noted.

    A model that its provider does not list is added to its list.
    """
    if not isinstance(route, str):
        draft.note(place, "this is no route, so it was left out")
        return []
    targets = []
    for one in route.split(";"):
        pieces = [piece.strip() for piece in one.split(",")]
        if pieces == [""]:
            continue
        target = target_of(pieces[0], pieces[1] if len(pieces) > 1 else "", place, draft)
        if target is not None:
            targets.append(target)
    return targets


def target_of(provider: object, model: object, place: str, draft: Draft) -> TargetDraft | None:
    """One target, None (and a note) where there is no such provider."""
    if not isinstance(provider, str) or provider not in draft.providers:
        draft.note(
            place, f"it names the provider `{provider}`, which is not there" if provider else "it names no provider"
        )
        return None
    if not isinstance(model, str) or not model:
        return TargetDraft(provider)
    listed = draft.providers[provider]
    if model not in listed.models:
        listed.models[model] = {} if listed.most_output is None else {"maxOutputTokens": listed.most_output}
        listed.remarks.append(f"`{model}` was not listed, but a route names it")
    return TargetDraft(provider, model)


def chained(targets: list[TargetDraft]) -> TargetDraft | None:
    """The first target with the others, each once, as its fallbacks."""
    if not targets:
        return None
    plain = list(dict.fromkeys(TargetDraft(one.provider, one.model) for one in targets))
    return TargetDraft(plain[0].provider, plain[0].model, tuple(plain[1:]))


def limit_output(provider: ProviderDraft, most: object) -> None:
    """Sets the limit of output of every model that has none."""
    if is_count(most):
        assert isinstance(most, int)
        provider.most_output = provider.most_output or most
        for said in provider.models.values():
            said.setdefault("maxOutputTokens", most)


def is_count(value: object) -> TypeGuard[int]:
    """Whether it is a number of tokens."""
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _said(item: dict[str, Any], where: str, draft: Draft) -> dict[str, Any]:
    said: dict[str, Any] = {}
    for theirs, ours in (
        ("contextWindow", "contextWindow"),
        ("maxTokens", "maxOutputTokens"),
        ("maxOutputTokens", "maxOutputTokens"),
    ):
        if is_count(item.get(theirs)):
            said[ours] = item[theirs]
    listed = item.get("capabilities")
    if isinstance(listed, list):
        known = {_CAPABILITIES[word] for word in listed if isinstance(word, str) and word in _CAPABILITIES}
        if known:
            said["capabilities"] = sorted(known)
        for word in listed:
            if not isinstance(word, str) or word not in _CAPABILITIES:
                draft.note(f"{where}.capabilities", "one of them is not known here")
    for key in item:
        if key not in ("name", "maxTokens", "maxOutputTokens", "contextWindow", "capabilities"):
            draft.note(f"{where}.{key}", "not known to this import")
    return said
