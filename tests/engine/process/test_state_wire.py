"""News between routers as bytes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.process.redis_state import shown, without_repeats
from engine.process.state_wire import kept_of, message_of, read_message, read_news
from providers.health import Circuit, Signal, State
from providers.secret import Secret
from providers.shared_state import Circuited, Loaded, News, Seated, Spent

TEXTS = st.text(max_size=12)
CIRCUITS = st.builds(
    Circuit,
    state=st.sampled_from(State),
    faults=st.integers(0, 9),
    trips=st.integers(0, 9),
    since=st.integers(0, 100_000).map(float),
    rest_until=st.integers(0, 150_000).map(float),
    cause=st.none() | st.sampled_from(Signal),
    reason=st.none() | TEXTS,
)
NEWS: st.SearchStrategy[News] = st.one_of(
    st.builds(Seated, TEXTS, TEXTS, TEXTS),
    st.builds(Circuited, TEXTS, st.none() | TEXTS, CIRCUITS),
    st.builds(Loaded, TEXTS, st.integers(0, 1000)),
    st.builds(Spent, st.integers(-100, 100).map(float)),
)


@given(st.lists(NEWS, max_size=8), st.integers(0, 2_000_000_000), st.integers(0, 2_000_000_000))
def test_what_is_told_is_heard(news: list[News], ahead: int, ahead_there: int) -> None:
    """The same news comes out, its times moved from the one clock to the other."""
    teller, heard = read_message(message_of("one", news, float(ahead)), float(ahead))
    assert (teller, heard) == ("one", news)
    _, elsewhere = read_message(message_of("one", news, float(ahead)), float(ahead_there))
    for told, got in zip(news, elsewhere, strict=True):
        if isinstance(told, Circuited) and isinstance(got, Circuited):
            assert got.circuit.rest_until - told.circuit.rest_until == ahead - ahead_there


@given(st.binary(max_size=80))
def test_any_bytes_are_read_without_harm(data: bytes) -> None:
    """Nothing raises; what is no message says nothing."""
    assert read_news(data, 0.0) is None
    read_message(data, 0.0)


@pytest.mark.parametrize(
    "data",
    [
        b'{"from": "x", "news": [{"type": "of the future"}, {"type": "load", "instance": "a", "inflight": 1}]}',
        b'{"from": "x", "news": [{"type": "spent", "retries": 1e300}, {"type": "load", "instance": "a", "inflight": 1}]}',
        b'{"from": "x", "news": [{"type": "circuit", "instance": "a", "model": null, "circuit": {"rest_until": 1e99}}, {"type": "load", "instance": "a", "inflight": 1}]}',
    ],
)
def test_one_odd_piece_does_not_spoil_the_rest(data: bytes) -> None:
    """What another version says, or nobody in his senses would, is left out."""
    assert read_message(data, 0.0) == ("x", [Loaded("a", 1)])


def test_what_lasts_is_kept_for_as_long() -> None:
    """A rest until its end, a seat for a day; the end of a rest takes it away; loads are of the moment."""
    resting = Circuit(State.OPEN, since=1.0, rest_until=12.5)

    assert kept_of(Circuited("k", "m", resting), 10.0) == ("ccr:1:circuit:k:m", "set", 2500)
    assert kept_of(Circuited("k", None, Circuit()), 10.0) == ("ccr:1:circuit:k:", "delete", 0)
    assert kept_of(Seated("p", "s", "a"), 10.0) == ("ccr:1:seat:p:s", "set", 86_400_000)
    assert kept_of(Loaded("k", 1), 10.0) is None


def test_only_the_last_word_on_a_load_is_sent() -> None:
    """A busy router does not tell of every request."""
    news: list[News] = [Loaded("a", 1), Seated("p", "s", "i"), Loaded("b", 1), Loaded("a", 2), Loaded("a", 1)]

    assert without_repeats(news) == [Seated("p", "s", "i"), Loaded("b", 1), Loaded("a", 1)]


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("redis://user:canary@cache.test:6380/2", "redis://cache.test:6380/2"),
        ("redis://:canary@[::1]", "redis://[::1]"),
        ("unix:///run/redis.sock", "unix:///run/redis.sock"),
        ("redis://:canary@host:99999999", "redis://host"),
    ],
)
def test_the_server_is_shown_without_its_password(url: str, said: str) -> None:
    """In the log and in `/status`."""
    assert shown(Secret(url)) == said
