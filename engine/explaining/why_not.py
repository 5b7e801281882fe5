"""What an explanation says of the rules that did not decide: what of the request would have to be different, or that
nothing could be. Every change said was made to the request and decided again by the production evaluator.

    nearest          the counterfactual with the least changes, None where there is none
    asked            the rules and categories that were asked about by name
    counterfactuals  [{rule, provider, model, changes: [{fact, from, to}], verified}     such a request is decided so
                      {rule, impossible: true, blockers: [rule], conflict: [predicate]}  no request at all is
                      {rule, notProven: why}]                                            neither was shown
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, assert_never

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from engine.explaining.explanation import shown_decision
from engine.explaining.question import Question
from engine.explaining.shown import keywords_in, shown_case, shown_value
from rules.analysis.barred import Barred
from rules.analysis.budget import Budget
from rules.analysis.counterfactual import (
    Changed,
    Prepared,
    Reached,
    Subject,
    Unreachable,
    Unsettled,
    counterfactual,
    prepared,
)
from rules.analysis.listing import Outcome
from rules.analysis.nearest import price_of
from rules.analysis.offered import Providers
from rules.analysis.prove import Prover
from rules.analysis.ready import prover_of
from rules.analysis.unreached import conflict_of
from rules.analysis.wording import said_of
from rules.evaluate import EXPLICIT
from rules.facts import MISSING, UNKNOWN, Facts, Seen
from rules.filters import tag_of
from rules.nodes import Filter, RuleSet
from rules.requests.shapes import Shape
from schemas.request import Envelope
from schemas.suggest import nearest as nearest_word
from schemas.surrogates import text_of_body
from schemas.wording import quoted

FEW = 12
"""As many rules and categories are all asked about; of more, only the likeliest."""

LIKELIEST = 6

QUESTION = 10_000
TOTAL = 40_000
"""Steps that one question and all about one request may take: some 5 and 20 MB of requests read, or a second or two."""


class NoSuchRule(ValueError):  # noqa: N818 - says what there is not
    """Nothing in the configuration has that name or leads to that target; blame: the asker."""


class Wish(Struct, frozen=True):
    """What is asked besides the usual: `why` not these rules, categories or targets; `everything`: none of all of them."""

    why: tuple[str, ...] = ()
    everything: bool = False


def with_reasons(
    question: Question, explanation: Mapping[str, Any], ready: Prepared, wish: Wish | None = None
) -> dict[str, Any]:
    """The explanation with the reasons of the rules that did not decide. Raises `NoSuchRule`."""
    last = ("unknownFacts", "stats")
    first = {key: value for key, value in explanation.items() if key not in last}
    if question.blocked is not None:
        reasons = _behind_the_filter(question, question.blocked, ready, wish or Wish())
    else:
        reasons = _reasons(question, explanation, ready, wish or Wish())
    return first | reasons | {key: explanation[key] for key in last}


def _behind_the_filter(question: Question, blocked: Filter, ready: Prepared, wish: Wish) -> dict[str, Any]:
    """No rule was asked: said of those asked about is only whether any request gets past the filters to them."""
    barred, by_name = Barred(question.rules, ready.prover.providers), _outcomes(ready.prover)
    asked = list(dict.fromkeys(name for one in wish.why for name in _named(one, ready.prover, question.rules, by_name)))
    waiting = {"notProven": f"filter {quoted(blocked.name)} blocks the request before a rule is asked"}
    found = [_impossible(name, barred.blockers(name)) or {"rule": name, **waiting} for name in asked]
    return {"nearest": None, "asked": asked, "counterfactuals": found}


def _impossible(name: str, blockers: list[str] | None) -> dict[str, Any] | None:
    """What is said of a rule that filters, with earlier rules, leave no request."""
    if blockers is None:
        return None
    reason = "filters and earlier rules take every request it accepts"
    return {"rule": name, "impossible": True, "blockers": blockers, "conflict": [], "reason": reason}


def _reasons(question: Question, explanation: Mapping[str, Any], ready: Prepared, wish: Wish) -> dict[str, Any]:
    prover = ready.prover
    prover.budget.used = 0
    by_name = _outcomes(prover)
    decided = _decided(explanation)
    facts = Facts(question.envelope)
    asked = [name for one in wish.why for name in _named(one, prover, question.rules, by_name)]
    if wish.everything:
        asked += [*by_name, *_switched_off(question.rules)]
    others = [name for name in by_name if name not in decided and name != EXPLICIT]
    subject = Subject(lambda: shape_of(question.sent), facts, ready.locator.point_of(facts))
    least = _least_changes(ready, subject.point, by_name)
    others.sort(key=lambda name: least[name])
    looked_at = others if len(others) <= FEW else others[:LIKELIEST]
    order = [entry["name"] for entry in explanation["rules"]]
    names = sorted(dict.fromkeys([*asked, *looked_at]), key=order.index)
    budget = Budget(total=TOTAL if not wish.everything else 1_000_000, question=QUESTION)
    first = sorted(names, key=lambda name: (name not in asked, least.get(name, 0)))
    barred = Barred(question.rules, ready.prover.providers)
    said = {
        name: _counterfactual(question, ready, subject, name, by_name.get(name, []), decided, budget) for name in first
    }
    said |= {name: _impossible(name, barred.blockers(name)) or one for name, one in said.items() if "notProven" in one}
    found = [said[name] for name in names]
    reached = [one for one in found if one.get("changes") and one["rule"] != EXPLICIT and "refused" not in one]
    return {
        "nearest": min(reached, key=lambda one: price_of(change["fact"] for change in one["changes"]), default=None),
        "asked": list(dict.fromkeys(asked)),
        "counterfactuals": found,
    }


def ready_for(rules: RuleSet, providers: Providers) -> Prepared:
    """A rule set ready to be asked, again and again but one question at a time."""
    return prepared(prover_of(rules, providers, Budget(), behind=True))


def shape_of(envelope: Envelope) -> Shape:
    """An envelope as the JSON that it was read from."""
    text, _ = text_of_body(envelope.request.raw)
    shape: Shape = {"request": msgspec.json.decode(text), "path": envelope.path}
    if envelope.headers is not None:
        shape["headers"] = dict(envelope.headers)
    shape |= {"clientIp": envelope.client_ip, "clientKey": envelope.client_key}
    if envelope.tags:
        shape["tags"] = sorted(envelope.tags)
    if envelope.now is not None:
        shape["now"] = datetime.fromtimestamp(envelope.now, UTC).isoformat()
    state: dict[str, Any] = {
        f"provider.{name}.{kind}": value
        for name, values in (envelope.provider_state or {}).items()
        for kind, value in values.items()
    }
    state |= {f"budget.{name}.state": value for name, value in (envelope.budget_state or {}).items()}
    if state:
        shape["state"] = state
    return shape


def _outcomes(prover: Prover) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for number, outcome in enumerate(prover.listing.outcomes):
        if outcome.kind != "refusing":
            found.setdefault(outcome.name, []).append(number)
    return found


def _decided(explanation: Mapping[str, Any]) -> set[str]:
    one = explanation["decision"]
    return {one["rule"]} if one is not None else set()


def _switched_off(rules: RuleSet) -> list[str]:
    return [rule.name for rule in rules.rules if not rule.enabled]


def _named(wanted: str, prover: Prover, rules: RuleSet, by_name: Mapping[str, list[int]]) -> list[str]:
    """The rules and categories of that name, else those that lead to that target, provider or model."""
    names = [*by_name, *_switched_off(rules)]
    if wanted in names:
        return [wanted]
    provider, _, model = (part.strip() for part in wanted.replace("/", ",", 0 if "," in wanted else 1).partition(","))
    led: dict[str, None] = {}
    places: dict[str, None] = {}
    for outcome in prover.listing.outcomes:
        if outcome.places:
            place = outcome.places[0]
            said = (place[0], place[1] or "")
            places.update({place[0]: None, ",".join(said): None})
            if wanted in said or (provider, model) == said:
                led[outcome.name] = None
    if led:
        return list(led)
    near = nearest_word(wanted, [*names, *places])
    hint = f", did you mean {quoted(near)}?" if near else ""
    raise NoSuchRule(f"no rule or category is called {quoted(wanted)} or leads there{hint}")


def _least_changes(ready: Prepared, point: Mapping[int, int], by_name: Mapping[str, list[int]]) -> dict[str, int]:
    """By name, how many changes there must be at least, by the condition alone."""
    return {
        name: min(
            (
                len({ready.owners[one] for one, mask in box.items() if not point.get(one, mask) & mask})
                for number in numbers
                for box in ready.prover.listing.outcomes[number].region
            ),
            default=1_000,
        )
        for name, numbers in by_name.items()
    }


def _counterfactual(
    question: Question,
    ready: Prepared,
    subject: Subject,
    name: str,
    numbers: Sequence[int],
    decided: set[str],
    budget: Budget,
) -> dict[str, Any]:
    if not numbers:
        return {"rule": name, "impossible": True, "blockers": [], "conflict": [], "reason": "it is switched off"}
    if name in decided and name != EXPLICIT:
        return {"rule": name, "changes": [], "verified": True}
    outcomes = ready.prover.listing.outcomes
    found = counterfactual(ready, subject, numbers, budget)
    match found:
        case Reached():
            changes = [_change(one, question) for one in found.changes]
            return {
                "rule": name,
                **_where(question, found, outcomes[found.number]),
                "changes": changes,
                "verified": True,
            }
        case Unreachable():
            blockers = list(dict.fromkeys(outcomes[one].name for one in found.blockers))
            entry = outcomes[numbers[0]].entry
            conflict = [] if blockers or entry is None else conflict_of(ready.prover, entry.condition)
            return {
                "rule": name,
                "impossible": True,
                "blockers": blockers,
                "conflict": [said_of(part) for part in conflict],
                "reason": "earlier rules take every request it accepts"
                if blockers
                else "no request meets its condition",
            }
        case Unsettled():
            return {"rule": name, "notProven": found.reason}
        case _:
            assert_never(found)


def _where(question: Question, found: Reached, outcome: Outcome) -> dict[str, Any]:
    """The target of a changed request, or that its router key may use none of those there are."""
    changed = replace(question, envelope=found.facts.envelope)
    if changed.key is None:
        provider, model = outcome.places[0] if outcome.places else (None, None)
        return {"provider": provider, "model": model}
    shown = shown_decision(changed, found.facts, found.decision)
    refused = {"refused": shown["reject"]} if "reject" in shown and outcome.places else {}
    return {"provider": shown["provider"], "model": shown["model"], **refused}


def _change(one: Changed, question: Question) -> dict[str, Any]:
    before, after = (_value(one.fact, seen, question) for seen in (one.before, one.after))
    shown = {"fact": one.fact, "from": before, "to": after}
    if one.fact != "tags" or not isinstance(one.before, frozenset) or not isinstance(one.after, frozenset):
        return shown
    tags = one.before ^ one.after
    by = [filter_ for filter_ in question.rules.filters if filter_.action == "tag" and tag_of(filter_) in tags]
    return shown | {
        "setBy": [{"filter": one.name, "file": one.span.file, "line": one.span.line} for one in by],
    }


def _value(fact: str, seen: Seen, question: Question) -> Any:
    if fact == "contentKeywords":
        return keywords_in(str(seen), question.rules) if isinstance(seen, str) else []
    if seen is MISSING or seen is UNKNOWN:
        return None
    return shown_case({fact: seen})[fact] if fact == "time" else shown_value(fact, seen, question.full)
