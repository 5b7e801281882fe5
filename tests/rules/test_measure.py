"""The estimate of tokens: its bounds, its laziness, what it counts."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules import measure
from rules.evaluate import decide
from rules.facts import Facts, tokens_counted
from rules.measure import BOUNDS, input_tokens
from schemas.decode_request import decode_request
from schemas.request import Envelope, MessagesRequest
from tests.bench.bodies import big_anthropic, small_anthropic
from tests.rules.compiling import BASE, envelope, ruleset
from tests.rules.test_facts import BILLING, DOCUMENT, IMAGE, PLACEHOLDER, result, text, tool, user


def request(**members: Any) -> MessagesRequest:
    return envelope(members).request


EMPTY = input_tokens(request(messages=[user("")]))
COUNTED: list[tuple[str, dict[str, Any], int]] = [
    ("a message", {"messages": [user(""), user("")]}, measure.CONSTANTS["message"]),
    ("an image", {"messages": [user(IMAGE)]}, measure.CONSTANTS["image"]),
    ("an image in a tool result", {"messages": [user(result([IMAGE]))]}, measure.CONSTANTS["image"]),
    ("a page", {"messages": [user(DOCUMENT)]}, measure.CONSTANTS["page"]),
    ("the billing line", {"messages": [user("")], "system": [text(BILLING)]}, 0),
    ("the placeholder", {"messages": [user("")], "tools": [PLACEHOLDER]}, 0),
    ("thinking", {"messages": [{"role": "assistant", "content": [{"type": "thinking", "thinking": "hm" * 99, "signature": ""}]}]}, 0),
]  # fmt: skip


@pytest.mark.parametrize(("what", "members", "more"), COUNTED, ids=[row[0] for row in COUNTED])
def test_constants_and_what_weighs_nothing(what: str, members: dict[str, Any], more: int) -> None:
    """Each row: members, and how many tokens more than an empty message they weigh."""
    assert input_tokens(request(**members)) == EMPTY + more


@pytest.mark.parametrize(
    "members",
    [
        {"system": "some words here"},
        {"messages": [user("some words here")]},
        {"messages": [user(result("some words here"))]},
        {"messages": [user(result([text("some words here")]))]},
        {"messages": [user({"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "some words"}})]},
        {"messages": [{"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "n", "input": {"path": "some words"}}]}]},
        {"tools": [tool("some_words")]},
        {"tools": [{**tool("t"), "description": "some words here"}]},
    ],
)  # fmt: skip
def test_every_place_of_text_is_counted(members: dict[str, Any]) -> None:
    """Text weighs wherever it stands."""
    longer = json.loads(json.dumps(members).replace("some", "some other and yet more"))
    assert input_tokens(request(**longer)) > input_tokens(request(**members))


words = st.text(st.sampled_from("ab AB.,;{}\n19é字😀\t"), max_size=300)


@given(st.lists(words, min_size=1, max_size=4), words, st.booleans())
def test_bounds_hold_and_come_closer(texts: list[str], system: str, picture: bool) -> None:
    """Each pair of bounds contains the estimate and lies inside the one before."""
    blocks = [text(one) for one in texts] + [IMAGE] * picture + [result([DOCUMENT, text(system)])] * picture
    one = request(messages=[user(*blocks, text(""))], system=system, tools=[tool("t")])
    measured = input_tokens(one)
    low, high = 0, 10**9
    for closer_low, closer_high in (bounds(one) for bounds in BOUNDS):
        assert low <= closer_low <= measured <= closer_high <= high
        low, high = closer_low, closer_high


def test_every_value_is_reached_by_some_text() -> None:
    """From the empty text on, letter by letter, no number of tokens is passed over."""
    values = [input_tokens(request(messages=[user("a" * length)])) for length in range(400)]
    assert all(after - before in (0, 1) for before, after in pairwise(values))
    assert values[-1] > values[0] + 30


@pytest.mark.parametrize("body", [small_anthropic, big_anthropic], ids=["1 kB", "126 kB"])
def test_ordinary_requests_are_not_counted(body: Any) -> None:
    """The built-in threshold is settled by bounds, so that no ordinary request is measured."""
    facts = Facts(Envelope(decode_request(json.dumps(body()).encode())))
    assert decide(ruleset("routing: {defaultProvider: a}"), facts).rule == "default"
    assert not tokens_counted(facts)


@pytest.mark.parametrize(
    ("words", "category"), [(60_000, "longcontext"), (600_000, "longcontext"), (20_000, "default")]
)
def test_long_requests_are_long_context(words: int, category: str) -> None:
    """A text of that many short words is above or below the threshold."""
    one = decode_request(json.dumps({**BASE, "messages": [user("word " * words)]}).encode())
    assert decide(ruleset("routing: {defaultProvider: a}"), Facts(Envelope(one))).rule == category


def test_a_comparison_that_bounds_cannot_settle_is_counted_once() -> None:
    """Two rules near the true value need the count, and share it."""
    counted: list[int] = []
    one = Facts(envelope({"messages": [user("some words and more " * 400)]}))
    tokens = input_tokens(envelope({"messages": [user("some words and more " * 400)]}).request)
    real = measure.input_tokens

    def counting(request: MessagesRequest) -> int:
        counted.append(1)
        return real(request)

    rules = ruleset(
        "routing:\n  defaultProvider: a\n  customRules:\n"
        f'    - {{condition: {{inputTokens: "> {tokens}"}}, target: "a,a1"}}\n'
        f'    - {{condition: {{inputTokens: ">= {tokens}"}}, target: "a,a1"}}\n'
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(measure, "input_tokens", counting)
        assert decide(rules, one).rule == "customRules[1]"
    assert counted == [1]
