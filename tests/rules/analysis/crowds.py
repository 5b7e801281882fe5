"""Rule sets in which rules are in one another's way."""

from __future__ import annotations

from random import Random
from typing import Any

from tests.corpus.generate import PROVIDERS


def crowded(random: Random, count: int) -> dict[str, Any]:
    """Random rules over few facts: most are shadowed, many by several together."""
    targets = [f"{provider},{model}" for provider, one in PROVIDERS.items() for model in one["settings"]["models"]]
    rules = []
    for number in range(count):
        condition: dict[str, Any] = {}
        for _ in range(random.randint(2, 5)):
            condition |= random.choice(
                [
                    {"model": {"contains": random.choice(["opus", "sonnet", "haiku", "gpt"])}},
                    {"model": {"prefix": random.choice(["claude-", "gpt-", "o1"])}},
                    {"stream": random.choice([True, False])},
                    {"inputTokens": f"> {random.randint(1, 200)}k"},
                    {"toolCount": f">= {random.randint(0, 60)}"},
                    {"messageCount": f"< {random.randint(1, 100)}"},
                    {"thinking": random.choice(["enabled", "adaptive", "none"])},
                    {"header.x-a": random.choice("abcdef")},
                    {"header.x-b": random.choice("abcdef")},
                ]
            )
        rules.append({"name": f"r{number}", "condition": condition, "target": random.choice(targets)})
    return {"providers": PROVIDERS, "routing": {"defaultProvider": "cloud", "customRules": rules}}
