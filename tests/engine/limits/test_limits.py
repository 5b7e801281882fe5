"""Limits: what is over one is refused and charged nothing, what is counted is corrected, and who counts with whom."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from engine.compose import gateway_of
from engine.limits.admission import Asker
from engine.limits.counts import AGAIN_S, MOST_WINDOWS, Counts, LocalCounts
from engine.limits.headers import Standing, headers_of
from engine.limits.limiter import Limiter
from engine.limits.settings import Limit, Rate, rate_of
from engine.log.journal import Journal
from engine.usage.budgets import Ledger, budgets_of, period_end
from providers.secret import Secret
from tests.engine.test_exchange import ASK, HELLO
from tests.fakes.gateway import Answer, FakeTransport, InProcess, checked, in_process, streamed
from tests.fakes.redis_server import RedisServer

pytestmark = pytest.mark.integration

NOW = 1_800_000_000.0
USED = {"prompt_tokens": 100, "completion_tokens": 50, "prompt_tokens_details": {"cached_tokens": 20}}
COUNTED = [
    *streamed({"content": "hello"})[:-1],
    b'data: {"choices": [], "usage": %s}\n\n' % str(USED).replace("'", '"').encode(),
    b"data: [DONE]\n\n",
]
KEYS = """
  apiKeys:
    - {name: one, key: dummy-router-key-one}
    - {name: two, key: dummy-router-key-two, limits: {requests: 1/hour}}
"""
ONE, TWO = {"x-ccr-key": "dummy-router-key-one"}, {"x-ccr-key": "dummy-router-key-two"}


def config(limits: str, keys: str = "", more: str = "") -> str:
    return f"""
server:
  port: 3456{keys}
  limits: [{limits}]
providers:
  a: {{type: openai, endpoint: "http://127.0.0.1:9/v1", settings: {{models: [m1]}}}}
  b: {{type: openai, endpoint: "http://127.0.0.1:9/v1", settings: {{models: [m2]}}}}
routing:
  rules: {{default: {{provider: a, model: m1, fallbacks: ["b,m2"]}}}}
  customRules:
    - {{name: never, condition: {{model: forbidden}}, target: {{reject: {{status: 403, message: no}}}}}}
usage: {{prices: {{a: {{input: 10, output: 20}}}}}}
{more}
"""


@dataclass
class Wall:
    """Seconds since the epoch that pass when told to."""

    now: float = NOW

    def __call__(self) -> float:
        return self.now


def limited(limits: str, keys: str = "", answer: Answer | None = None) -> tuple[InProcess, Wall]:
    one = in_process(config(limits, keys), {"a": [answer or Answer(COUNTED)], "b": [Answer(COUNTED)]})
    wall = Wall()
    one.router.wall = wall
    return one, wall


async def statuses(one: InProcess, *headers: dict[str, str] | None) -> list[int]:
    return [(await one.post(ASK, headers=each)).status for each in headers]


async def test_what_is_over_a_limit_is_refused_until_the_window_ends() -> None:
    """The error is Anthropic's and says when to come back; every answer says how much is left."""
    one, wall = limited("{name: small, per: router, requests: 2/minute}")
    first = await one.post(ASK)
    assert first.headers["anthropic-ratelimit-requests-limit"] == "2"
    assert first.headers["anthropic-ratelimit-requests-remaining"] == "1"
    assert first.headers["anthropic-ratelimit-requests-reset"] == "2027-01-15T08:01:00Z"
    wall.now += 20
    assert await statuses(one, None) == [200]
    over = await one.post(ASK)
    assert over.status == 429
    assert over.json()["error"]["type"] == "rate_limit_error"
    assert "limit `small` of 2/minute (requests) is reached" in over.json()["error"]["message"]
    assert over.headers["retry-after"] == "40"
    assert over.headers["anthropic-ratelimit-requests-remaining"] == "0"
    assert len(one.transports["a"].sent) == 2
    wall.now += 40
    assert await statuses(one, None) == [200]


SUBJECTS: list[tuple[str, str, list[dict[str, str]], list[int]]] = [
    ("each key has its own", "per: key, requests: 1/day", [ONE, TWO, ONE, TWO], [200, 200, 429, 429]),
    ("what a key says holds for it alone", "per: router, requests: 9/day", [TWO, TWO, ONE, ONE], [200, 429, 200, 200]),
    ("one for all", "per: router, requests: 1/day", [ONE, TWO], [200, 429]),
    (
        "each session has its own, who has none share one",
        "per: session, requests: 1/day",
        [ONE | {"x-claude-code-session-id": "s1"}, ONE | {"x-claude-code-session-id": "s2"}, ONE, ONE],
        [200, 200, 200, 429],
    ),
    ("each address has its own", "per: address, requests: 1/day", [ONE, ONE], [200, 429]),
    (
        "an address behind a proxy",
        "per: address, requests: 1/day",
        [ONE | {"x-forwarded-for": "192.0.2.1"}, ONE | {"x-forwarded-for": "192.0.2.2"}, ONE | {"x-forwarded-for": "192.0.2.1"}],
        [200, 200, 429],
    ),
    ("several windows", "per: router, requests: [5/minute, 1/day]", [ONE, ONE], [200, 429]),
    ("the narrowest of several limits", "per: key, requests: 3/day}, {per: router, requests: 2/day", [ONE, ONE, ONE], [200, 200, 429]),
]  # fmt: skip


@pytest.mark.parametrize(("limits", "asked", "wanted"), [row[1:] for row in SUBJECTS], ids=[row[0] for row in SUBJECTS])
async def test_whose_requests_are_counted_together(limits: str, asked: list[dict[str, str]], wanted: list[int]) -> None:
    """By key, address, session or all of them."""
    one, _ = limited(f"{{{limits}}}", KEYS + "  trustedProxies: [127.0.0.1]\n")
    assert await statuses(one, *asked) == wanted


async def test_tokens_are_charged_first_and_corrected_at_the_end() -> None:
    """What the cache served counts as input; the headers of the next answer show what was used, not what was guessed."""
    one, _ = limited("{per: router, inputTokens: 10k/minute, outputTokens: 5k/minute, requests: 10/minute}")
    first = await one.post(ASK)
    guessed = 10_000 - int(first.headers["anthropic-ratelimit-input-tokens-remaining"])
    assert 0 < guessed < 100
    assert first.headers["anthropic-ratelimit-output-tokens-remaining"] == str(5000 - ASK["max_tokens"])
    second = await one.post(ASK)
    assert int(second.headers["anthropic-ratelimit-input-tokens-remaining"]) == 10_000 - 100 - guessed
    assert int(second.headers["anthropic-ratelimit-output-tokens-remaining"]) == 5000 - 50 - ASK["max_tokens"]
    narrower = {name: second.headers[f"anthropic-ratelimit-tokens-{name}"] for name in ("limit", "remaining")}
    assert narrower == {"limit": "10000", "remaining": str(10_000 - 100 - guessed)} or narrower["limit"] == "5000"


async def test_an_answer_over_the_limit_ends_and_the_next_is_refused() -> None:
    """Nobody is cut off in the middle of an answer; what it took too much is missing then."""
    one, wall = limited("{per: router, outputTokens: 40/minute}")
    assert await statuses(one, None, None) == [200, 429]
    wall.now += 61
    assert await statuses(one, None) == [200]


async def test_what_failed_costs_a_request_and_no_tokens() -> None:
    """An upstream that answers nothing used nothing."""
    one, _ = limited("{per: router, requests: 3/day, inputTokens: 10k/day}", answer=Answer(status=400))
    assert await statuses(one, None) == [400]
    again = await one.post(ASK)
    assert again.headers["anthropic-ratelimit-requests-remaining"] == "1"
    first_guess = 10_000 - int(again.headers["anthropic-ratelimit-input-tokens-remaining"])
    assert 0 < first_guess < 100


async def test_who_is_refused_is_charged_nothing() -> None:
    """Neither by the limit that refused it nor by any other: knocking does not keep a door shut."""
    one, wall = limited("{per: router, requests: 1/minute}, {per: address, requests: 3/day, inputTokens: 1k/day}")
    assert await statuses(one, *[None] * 9) == [200, *[429] * 8]
    assert (await one.post(ASK)).headers["anthropic-ratelimit-input-tokens-remaining"] == "900"
    wall.now += 60
    assert await statuses(one, None) == [200]
    wall.now += 60
    assert await statuses(one, None) == [200]
    wall.now += 60
    assert await statuses(one, None) == [429]


async def test_a_request_that_is_larger_than_its_limit_is_told_so() -> None:
    """Waiting would not help, so the client is not asked to."""
    one, _ = limited("{name: tiny, per: router, inputTokens: 2/minute}")
    got = await one.post(ASK)
    assert got.status == 429
    assert "this request alone is over limit `tiny`" in got.json()["error"]["message"]
    assert got.headers["x-should-retry"] == "false"


async def test_money_is_counted_in_millionths() -> None:
    """80 tokens at 10, 20 of the cache at 10 and 50 at 20 a million are 0.002: the second request is the last one."""
    one, _ = limited("{per: router, money: 0.004/day}")
    assert await statuses(one, None, None, None) == [200, 200, 429]


async def test_a_provider_at_its_limit_is_passed_over() -> None:
    """The fallback answers while it has room, and is charged for it; then nobody does."""
    one, _ = limited("{per: provider, requests: 1/day}")
    got = [await one.post(ASK) for _ in range(3)]
    assert [each.headers.get("x-ccr-target") for each in got] == ["a,m1", "b,m2", None]
    assert [each.status for each in got] == [200, 200, 429]


async def test_who_answers_instead_is_charged() -> None:
    """A failover moves the tokens to the provider that gave them; the request counts for both."""
    limits = [Limit("each", "provider", (rate_of("100/day", "outputTokens"), rate_of("2/day", "requests")))]
    limiter, journal = Limiter(limits, Counts(None)), Journal(None)
    admission = await limiter.admit(Asker(provider="a"), {"requests": 1, "outputTokens": 60}, NOW, journal)
    await limiter.settle(admission, {"requests": 1, "outputTokens": 100}, "b", NOW, journal)

    assert not await limiter.has_room("b", NOW, journal)
    again = await limiter.admit(Asker(provider="a"), {"requests": 1, "outputTokens": 100}, NOW, journal)
    assert dict(again.headers)["anthropic-ratelimit-requests-remaining"] == "0"


async def test_so_many_are_open_at_once() -> None:
    """One more is refused; when one is over there is room again."""
    gate = asyncio.Event()
    one, _ = limited("{name: few, per: router, concurrent: 2}", answer=Answer(HELLO, until=(1, gate)))
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        held = [group.create_task(one.post({**ASK, "stream": True})) for _ in range(2)]
        while len(one.transports["a"].sent) < 2:
            await asyncio.sleep(0)
        over = await one.post(ASK)
        gate.set()
    assert over.status == 429
    assert over.headers["retry-after"] == "1"
    assert [each.result().status for each in held] == [200, 200]
    assert await statuses(one, None) == [200]
    assert one.router.gateway.limiter is not None
    assert not one.router.gateway.limiter.counts.open


async def test_a_client_that_goes_away_gives_its_seat_back() -> None:
    """However an exchange ends, it is over."""
    one, _ = limited("{per: router, concurrent: 1, outputTokens: 1k/day}", answer=Answer(HELLO, hang=True))
    await one.post({**ASK, "stream": True}, leave_after=1)
    assert one.router.gateway.limiter is not None
    assert not one.router.gateway.limiter.counts.open


LITTLE = b'data: {"choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": 1}}\n\n'
LONG = streamed({"content": "a" * 6400}, finish=None)


@pytest.mark.parametrize(
    ("pieces", "stream", "leave_after", "charged"),
    [
        ([], False, 0, (100, 100)),
        (HELLO[:1], False, 0, (100, 100)),
        ([*HELLO[:2], LITTLE], True, 1, (100, 100)),
        ([*LONG, LITTLE], True, 1, (101, 1000)),
    ],
)
async def test_who_leaves_before_the_end_pays(
    pieces: list[bytes], stream: bool, leave_after: int, charged: tuple[int, int]
) -> None:
    """What was estimated at least, or what was sent until then: leaving just before the end is no way around a limit."""
    answers = {"a": [Answer(pieces, hang=True), Answer(COUNTED)], "b": [Answer(COUNTED)]}
    one = in_process(config("{per: router, outputTokens: 10k/day}"), answers)
    one.router.wall = Wall()
    async with asyncio.timeout(5):
        await one.post({**ASK, "max_tokens": 100, "stream": stream}, leave_after=leave_after)
        after = await one.post({**ASK, "max_tokens": 1})
    left = 10_000 - 1 - int(after.headers["anthropic-ratelimit-output-tokens-remaining"])
    assert charged[0] <= left <= charged[1]


@pytest.mark.parametrize(
    ("path", "body", "kind"),
    [
        ("/v1/messages/count_tokens", ASK, "counts"),
        ("/v1/chat/completions", {"model": "x", "messages": ASK["messages"]}, "answers"),
        ("/v1/messages", {**ASK, "model": "forbidden"}, "refuses"),
        ("/v1/ccr/explain", ASK, "explains"),
    ],
)
async def test_what_counts_as_a_request(path: str, body: Any, kind: str) -> None:
    """Counting tokens and being refused by a rule do, and cost no tokens; an explanation costs nothing."""
    one, _ = limited("{per: router, requests: 1/day, inputTokens: 10k/day}")
    first, second = await one.post(body, path), await one.post(body, path)
    assert first.status == (403 if kind == "refuses" else 200)
    assert second.status == (200 if kind == "explains" else 429)
    assert ("anthropic-ratelimit-input-tokens-limit" in first.headers) == (kind == "answers")


async def test_an_upstreams_own_limits_are_not_the_clients() -> None:
    """Where the router limits, its headers replace those of the upstream."""
    text = """
server: {port: 3456, limits: [{per: router, requests: 5/day}]}
providers: {up: {type: anthropic, endpoint: "http://127.0.0.1:9", authentication: {type: forward}}}
routing: {defaultProvider: up}
"""
    headers = {
        "anthropic-ratelimit-requests-remaining": "999",
        "anthropic-ratelimit-tokens-remaining": "9",
        "x-api-key": "k",
    }
    one = in_process(text, {"up": [Answer(status=400, headers=headers)]})
    got = await one.post(ASK)
    assert got.headers["anthropic-ratelimit-requests-remaining"] == "4"
    assert "anthropic-ratelimit-tokens-remaining" not in got.headers


async def test_a_reload_goes_on_counting() -> None:
    """A new configuration begins no new windows, but for a limit that it changed."""
    one, _ = limited("{per: router, requests: 1/day}")
    assert await statuses(one, None) == [200]
    for text, wanted in ((config("{per: router, requests: 1/day}", more="conditions: {}"), 429), (config(""), 200)):
        built = checked(text).built
        assert built is not None
        old = one.router.gateway
        one.router.gateway = gateway_of(built, lambda spec: FakeTransport([Answer(HELLO)]), old)
        assert await statuses(one, None) == [wanted]


BUDGETS = """
budgets: {daily: {tokens: 1000, per: day, of: {key: [ci]}}}
"""


async def test_a_key_with_a_spent_budget_is_told_when_it_begins_anew() -> None:
    """Nothing is sent for it until then; other keys go on."""
    keys = """
  apiKeys:
    - {name: ci, key: dummy-router-key-one, budget: daily}
    - {name: two, key: dummy-router-key-two}"""
    one = in_process(config("", keys, BUDGETS), {"a": [Answer(COUNTED)], "b": [Answer(COUNTED)]})
    wall = one.router.wall = Wall()
    one.router.budgets = ledger = Ledger()
    ledger.follow(budgets_of(one.router.gateway.built.document.root), NOW)
    assert await statuses(one, ONE) == [200]
    (budget,) = ledger.budgets
    ledger.told([(budget, since, 1000) for _, since in ledger.wanted()])
    got = await one.post(ASK, headers=ONE)
    assert got.status == 429
    assert "budget `daily` of the router key `ci` is spent" in got.json()["error"]["message"]
    assert got.headers["retry-after"] == str(16 * 3600)
    assert await statuses(one, TWO) == [200]
    wall.now += 16 * 3600
    assert await statuses(one, ONE) == [200]


@pytest.mark.parametrize(("per", "until"), [("day", "2027-01-16"), ("week", "2027-01-18"), ("month", "2027-02-01")])
def test_when_a_period_ends(per: Any, until: str) -> None:
    """Days, weeks from Monday on and months of the calendar, in UTC; NOW is Friday 2027-01-15."""
    assert datetime.fromtimestamp(period_end(per, NOW), UTC).strftime("%Y-%m-%d") == until


def test_nobody_pays_for_limits_who_has_none() -> None:
    """A router without limits does not even load the library."""
    script = "import sys, engine.lifecycle, engine.answers; sys.exit('limits' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


@pytest.mark.parametrize(
    ("text", "kind", "amount", "window_s"),
    [
        ("60/minute", "requests", 60, 60),
        ("100k/hour", "inputTokens", 100_000, 3600),
        ("1.5k/day", "requests", 1500, 86_400),
        ("2M/week", "outputTokens", 2_000_000, 604_800),
        ("2.50/month", "money", 2_500_000, 2_592_000),
        ("0.000001/second", "money", 1, 1),
    ],
)
def test_rates(text: str, kind: Any, amount: int, window_s: int) -> None:
    """A number, its thousands or millions, and the window."""
    assert rate_of(text, kind) == Rate(kind, amount, window_s, text)


@pytest.mark.parametrize(
    "text", ["", "60", "0/minute", "-1/minute", "1.5/minute", "60/fortnight", "60 /minute", "1e3/day"]
)
def test_no_rates(text: str) -> None:
    """What cannot be read is no limit that lets everything through: it is an error of the configuration."""
    with pytest.raises(ValueError, match="is "):
        rate_of(text, "requests")


def test_of_several_windows_the_narrowest_is_shown() -> None:
    """By the share that is left of it."""
    rows = [
        Standing(Rate("requests", 10, 60, "10/minute"), 9, NOW),
        Standing(Rate("requests", 1000, 86_400, "1k/day"), 100, NOW + 5),
        Standing(Rate("money", 10, 60, "10/minute"), 0, NOW),
    ]
    assert headers_of(rows) == (
        ("anthropic-ratelimit-requests-limit", "1000"),
        ("anthropic-ratelimit-requests-remaining", "100"),
        ("anthropic-ratelimit-requests-reset", "2027-01-15T08:00:05Z"),
    )


async def test_memory_is_bounded() -> None:
    """Whoever invents sessions makes the oldest windows forgotten, over ones first."""
    counts = LocalCounts()
    await counts.incr("elsewhere", 60, -5)
    assert await counts.get("elsewhere") == 0
    await counts.clear("elsewhere")
    for number in range(MOST_WINDOWS + 10):
        await counts.incr(str(number), 60)
    assert await counts.get("0") == 0
    assert await counts.get("10") == 1
    counts.now = 61.0
    await counts.incr("new", 60)
    assert await counts.reset() == 1


@pytest.fixture(scope="module")
def redis() -> Iterator[RedisServer]:
    with RedisServer() as server:
        yield server


@pytest.fixture
async def routers(redis: RedisServer, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[Limiter, Limiter]]:
    """Two that count at the same server, and wait for it on a busy machine too; a server that is gone refuses at once."""
    monkeypatch.setattr("engine.limits.counts.ANSWER_WITHIN_S", 30.0)
    limits = [Limit(f"some {redis.port}", "router", (rate_of("3/hour", "requests"),))]
    found = [Limiter(limits, Counts(Secret(redis.url))) for _ in range(2)]
    yield found[0], found[1]
    for one in found:
        await one.counts.aclose()


async def admitted(limiter: Limiter, now: float = NOW) -> int:
    """How many of six requests at once are admitted."""
    asked = (limiter.admit(Asker(), {"requests": 1}, now, Journal(None)) for _ in range(6))
    return sum(not isinstance(one, BaseException) for one in await asyncio.gather(*asked, return_exceptions=True))


async def test_routers_count_together_and_alone_without_the_server(
    redis: RedisServer, routers: tuple[Limiter, Limiter]
) -> None:
    """Together they never admit more than one of them may; alone each goes on by itself, says so, and comes back."""
    one, other = routers
    both = await asyncio.gather(admitted(one), admitted(other))
    assert sum(both) <= 3
    assert await admitted(one) + sum(both) <= 3
    assert one.counts.standing()["counted"] == "together"
    redis.kill()
    assert await admitted(one) == 3
    assert one.counts.standing()["counted"] == "by this process"
    assert await admitted(one) == 0
    redis.start()
    assert await admitted(one, NOW + AGAIN_S) == 3
    assert one.counts.standing()["counted"] == "together"
    assert (await admitted(other, NOW + AGAIN_S), other.counts.standing()) == (
        0,
        {"counted": "together", "lastError": None},
    )
