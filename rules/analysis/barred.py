"""Rules to which filters that block let no request through, as far as conditions alone decide that."""

from __future__ import annotations

from rules.analysis.behind import blocking
from rules.analysis.budget import Budget
from rules.analysis.offered import Providers
from rules.analysis.prove import Never, Prover
from rules.analysis.ready import prover_of
from rules.nodes import RuleSet


class Barred:
    """Asked of rules by name; the proofs with filters are made ready once it is asked for the first."""

    def __init__(self, rules: RuleSet, providers: Providers) -> None:
        self._rules, self._providers = rules, providers
        self._prover: Prover | None = None

    def blockers(self, name: str) -> list[str] | None:
        """The filters and earlier rules that together take every request a rule or category accepts; None: not proved."""
        if not blocking(self._rules):
            return None
        self._prover = self._prover or prover_of(self._rules, self._providers, Budget())
        prover, found = self._prover, list[str]()
        outcomes = prover.listing.outcomes
        for number, outcome in enumerate(outcomes):
            if outcome.name != name or outcome.kind in ("filter", "refusing"):
                continue
            answer = prover.never(number)
            shown = prover.blockers(number, answer.boxes) if isinstance(answer, Never) else None
            if shown is None:
                return None
            kinds = ((outcomes[one].name, outcomes[one].kind) for one in shown[0])
            found += (f"filter {blocker}" if kind == "filter" else blocker for blocker, kind in kinds)
        return list(dict.fromkeys(found)) or None
