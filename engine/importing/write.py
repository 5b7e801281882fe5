"""A draft as a commented YAML configuration."""

from __future__ import annotations

from typing import Any

from engine.importing.draft import CATEGORIES, Draft, ProviderDraft, TargetDraft
from engine.importing.yaml_text import Commented, comment, yaml_of

SCHEMA_LINE = "# yaml-language-server: $schema=ccr.schema.json"


def written(draft: Draft, source: str) -> str:
    """The text of the file. `source` is the name of the imported file, for its first comment."""
    lines = [SCHEMA_LINE, comment(f"Imported from {source}, a configuration of {draft.format}.")]
    lines.append("# `ccr test-config` checks this file, `ccr explain` shows where a request would go.")
    if draft.variables:
        lines += ["#", "# Keys were written in the imported file. They are not copied: put each into its variable."]
        lines += [comment(f"  {name}") for name in draft.variables]
    if draft.notes:
        lines += ["#", "# What has no equivalent, or is to be done by hand:"]
        lines += [comment(f"  {note.place}: {note.text}") for note in draft.notes]
    return "\n".join(lines) + "\n\n" + "\n".join(_sections(draft))


def _sections(draft: Draft) -> list[str]:
    members: dict[str, Any] = {
        "server": draft.server,
        "providers": {name: _provider(provider, draft) for name, provider in draft.providers.items()},
        "routing": _routing(draft),
        "debug": draft.debug,
    }
    return [yaml_of({name: value}) for name, value in members.items() if value]


def _provider(provider: ProviderDraft, draft: Draft) -> Commented:
    settings: dict[str, Any] = {"models": [_model(name, said) for name, said in provider.models.items()]}
    if len(provider.keys) > 1 and not provider.instances:
        instances = [
            _instance({"endpoint": provider.endpoint, "authentication": _key(provider, key)}) for key in provider.keys
        ]
    else:
        instances = provider.instances
    members: dict[str, Any] = {"type": provider.type}
    if not instances or not all("endpoint" in one for one in instances):
        members["endpoint"] = provider.endpoint
    if not (len(provider.keys) > 1 and not provider.instances):
        members["authentication"] = _authentication(provider, draft)
    members["instances"] = instances
    if len(instances) > 1:
        members["loadBalancing"] = {
            "strategy": provider.strategy or "round-robin",
            "healthCheck": provider.health_check,
        }
    members["timeouts"] = provider.timeouts
    members["settings"] = settings | provider.settings
    return Commented(members, tuple(provider.remarks))


def _instance(members: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}


def _authentication(provider: ProviderDraft, draft: Draft) -> dict[str, Any]:
    if provider.token_path is not None:
        return {"type": "bearer", "credentials": {"tokenPath": provider.token_path}}
    if provider.keys:
        made_here = provider.keys[0].strip("${}") in draft.variables
        remark = "the imported file had the key itself: put it into this variable" if made_here else ""
        secret = _key(provider, provider.keys[0])
        return {
            **secret,
            "credentials": {name: Commented(key, (), remark) for name, key in secret["credentials"].items()},
        }
    finds_its_own = provider.type == "codewhisperer"  # in the token file of the login, as that router did
    return {} if provider.instances or finds_its_own else {"type": "none"}


def _key(provider: ProviderDraft, key: str) -> dict[str, Any]:
    name = "token" if provider.type == "codewhisperer" else "apiKey"
    return {"type": provider.auth_type, "credentials": {name: key}}


def _model(name: str, said: dict[str, Any]) -> object:
    return {"name": name, **said} if said else name


def _routing(draft: Draft) -> dict[str, Any]:
    rules = {name: _target(draft.rules[name]) for name in CATEGORIES if name in draft.rules}
    default = draft.default_provider or next(iter(draft.providers), None)
    return {
        "defaultProvider": default,
        "longContextThreshold": draft.long_context_threshold,
        "rules": rules,
        "customRules": [{**rule, "target": _target(rule["target"])} for rule in draft.custom_rules],
    }


def _target(target: TargetDraft) -> object:
    if target.model is not None and not target.fallbacks:
        return f"{target.provider},{target.model}"
    made: dict[str, Any] = {"provider": target.provider}
    if target.model is not None:
        made["model"] = target.model
    if target.fallbacks:
        made["fallbacks"] = [_target(one) for one in target.fallbacks]
    return made
