"""What this process has done so far, in numbers: for `/status` and the page."""

from __future__ import annotations

from collections import Counter, defaultdict

from msgspec import Struct, field

from engine.telemetry.meters import OTHER, tally
from providers.messages.parts import Usage

MOST_TARGETS = 2000
"""So many are told apart; clients may name models of their own."""


class Counters(Struct):
    """Counts since start. `by_rule`, `by_target` and `by_key` count decided requests, `by_status` every answered one;
    `lossy` those whose translation lost something."""

    started_at: float
    exchanges: int = 0
    open_exchanges: int = 0
    attempts: int = 0
    failovers: int = 0
    client_gone: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    tool_calls: int = 0
    lossy: int = 0
    by_status: defaultdict[int, int] = field(default_factory=tally)
    by_rule: defaultdict[str, int] = field(default_factory=tally)
    by_target: defaultdict[str, int] = field(default_factory=tally)
    by_key: defaultdict[str, int] = field(default_factory=tally)
    fixes: defaultdict[str, int] = field(default_factory=tally)
    not_let_in: defaultdict[int, int] = field(default_factory=tally)

    def add_target(self, target: str) -> None:
        """Counts a request that came to a target, `provider,model`."""
        is_told_apart = target in self.by_target or len(self.by_target) < MOST_TARGETS
        self.by_target[target if is_told_apart else OTHER] += 1

    def add_usage(self, usage: Usage) -> None:
        """Adds the tokens of one reply; cached input counts as input."""
        self.input_tokens += (usage.input or 0) + (usage.cache_read or 0) + (usage.cache_write or 0)
        self.output_tokens += usage.output or 0

    def plain(self) -> dict[str, object]:
        """As JSON for `/status`."""
        return {
            "exchanges": self.exchanges,
            "open": self.open_exchanges,
            "attempts": self.attempts,
            "failovers": self.failovers,
            "clientGone": self.client_gone,
            "inputTokens": self.input_tokens,
            "outputTokens": self.output_tokens,
            "toolCalls": self.tool_calls,
            "lossy": self.lossy,
            "byStatus": {str(status): count for status, count in sorted(self.by_status.items())},
            "byRule": dict(Counter(self.by_rule).most_common(100)),
            "byTarget": dict(Counter(self.by_target).most_common(100)),
            "byKey": dict(Counter(self.by_key).most_common(100)),
            "fixes": dict(self.fixes),
            "notLetIn": {str(status): count for status, count in sorted(self.not_let_in.items())},
        }
