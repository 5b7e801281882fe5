"""The page in a real Chromium: it loads, follows, explains, asks for a key, and speaks to nobody else.

Screenshots go to `tests/output/`.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from engine.live.rows import MOST_ROWS
from tests.e2e.asking import body, post
from tests.fakes.router import Router, configuration
from tests.fakes.upstream import Say, Upstream, failing

CHROMIUM = shutil.which("chromium")
if CHROMIUM is None:
    pytest.skip("needs chromium (Debian: `apt install chromium`)", allow_module_level=True)
playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright (`make .venv/.stamp-dev`)")

pytestmark = pytest.mark.e2e

FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
OUTPUT = Path(__file__).resolve().parent.parent / "output"
KEY = "dummy-router-key-1234"
MARKUP = "<img src=x onerror=\"document.title='broken in'\">"
WITHIN_MS = 10_000


def rules(*endpoints: str, **sections: Any) -> dict[str, Any]:
    """A configuration with a rule whose name is markup, and one with a fallback."""
    config = configuration(*endpoints, **sections)
    config["providers"]["spare"] = {"type": "static", "settings": {"models": ["small"]}}
    config["routing"]["customRules"] = [
        {"name": MARKUP, "condition": {"model": {"contains": "img"}}, "target": "spare,small"},
        {
            "name": "thinkers",
            "condition": {"model": {"contains": "opus"}},
            "target": "fake,fake-model",
            "fallbacks": ["spare,small"],
        },
    ]
    return config


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    with Upstream() as one:
        one.always(Say("ok"))
        yield one


@pytest.fixture(scope="module")
def router(upstream: Upstream) -> Iterator[Router]:
    with Router(rules(upstream.url)) as one:
        yield one


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """One browser for all tests here; each has a profile of its own."""
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield browser
        browser.close()


@dataclass(slots=True)
class Opened:
    """A page with what went wrong on it and whom it asked."""

    page: Any
    wrong: list[str] = field(default_factory=list)
    hosts: set[str] = field(default_factory=set)

    def heard(self, said: Any) -> None:
        """What the page tells its console: complaints count."""
        if said.type in ("error", "warning"):
            self.wrong.append(said.text)

    def text(self, selector: str) -> str:
        return str(self.page.locator(selector).first.inner_text())

    def shot(self, name: str) -> None:
        OUTPUT.mkdir(exist_ok=True)
        self.page.evaluate("scrollTo(0, 0)")
        self.page.screenshot(path=str(OUTPUT / f"{name}.png"), full_page=True)


@pytest.fixture
def opened(chromium: Any) -> Iterator[Any]:
    """Opens a page; at the end nothing may have gone wrong and nobody else may have been asked."""
    made: list[tuple[Any, Opened]] = []

    def open_page(url: str, ready: str = "#tree li", **how: Any) -> Opened:
        profile = chromium.new_context(**{"viewport": {"width": 1280, "height": 900}, **how})
        profile.set_default_timeout(WITHIN_MS)
        one = Opened(profile.new_page())
        made.append((profile, one))
        one.page.on("console", lambda said: one.heard(said))
        one.page.on("pageerror", lambda problem: one.wrong.append(str(problem)))
        one.page.on("request", lambda asked: one.hosts.add(urlsplit(asked.url).hostname))
        one.page.goto(url + "/ui")
        one.page.wait_for_selector(ready)
        return one

    yield open_page
    for profile, one in made:
        profile.close()
        assert one.wrong == []
        assert one.hosts == {"127.0.0.1"}


def test_the_page_follows_what_happens(router: Router, opened: Any) -> None:
    """What ended before it was opened is there, and what ends now appears by itself, with counts on the branches."""
    post(router.url, body())
    one = opened(router.url)
    one.page.wait_for_selector("#rows tbody tr")
    before = one.page.locator("#rows tbody tr").count()

    post(router.url, body())
    one.page.wait_for_function("n => document.querySelectorAll('#rows tbody tr').length > n", arg=before)

    assert "thinkers" in one.text("#rows tbody tr:first-child")
    assert "fake / fake-model" in one.text("#tree > li:nth-child(2)")
    assert one.page.locator("#latency circle").count() > before
    assert one.page.locator("#tokens rect").count() > 0
    assert "no prices" in one.text("#cost-said") or "since the start" in one.text("#cost-said")
    one.shot("page-light")


def test_figures_say_how_far_back_they_reach(upstream: Upstream, opened: Any) -> None:
    """Of many exchanges the last ones are kept: what is counted of them is not said to be of five minutes."""
    with Router(rules(upstream.url)) as one:
        for _ in range(MOST_ROWS - 1):
            post(one.url, body())
        page = opened(one.url, "#tiles dt").page
        assert "failed in 5 min" in page.locator("#tiles dt").all_inner_texts()
        post(one.url, body())
        page.wait_for_selector("#tiles dt:text-matches('^failed in (?!5 min$)')")
        page.goto("about:blank")


def test_a_failover_and_its_cause_are_seen(router: Router, upstream: Upstream, opened: Any) -> None:
    """The branch of the fallback counts, and the instance says what went wrong with it."""
    upstream.then(*[failing(500, "the disk is full")] * 3)
    answered = post(router.url, body())
    assert answered.headers["x-ccr-target"] == "spare,small"
    one = opened(router.url)

    one.page.wait_for_selector("#providers :text('the disk is full')")

    assert "fallback" in one.text("#tree > li:nth-child(2)")
    assert "tries" in one.text("#rows tbody tr:first-child")


def test_names_are_text_and_never_markup(router: Router, opened: Any) -> None:
    """A rule's name, a client's model and a pasted request that are markup are shown as what they are."""
    post(router.url, body(model=MARKUP))
    one = opened(router.url)
    one.page.fill("#question", f'{{"model": {MARKUP!r}, "max_tokens": 1, "messages": []'.replace("'", '"'))
    one.page.click("#ask button[type=submit]")
    one.page.wait_for_selector("#answer .bad")
    one.page.fill(
        "#question", '{"model": "img", "max_tokens": 1, "messages": [{"role": "user", "content": "<script>"}]}'
    )
    one.page.click("#ask button[type=submit]")
    one.page.wait_for_selector("#answer .verdict")

    assert MARKUP in one.text("#tree > li:first-child")
    assert MARKUP in one.text("#rows tbody tr:first-child")
    assert MARKUP in one.text("#answer")
    assert one.page.locator("main img").count() == 0
    assert one.page.title() == "ccr"
    one.wrong[:] = [said for said in one.wrong if "400" not in said]  # the refused question, as the browser logs it


def test_the_playground_explains(router: Router, opened: Any) -> None:
    """The decision of a pasted request, and why; nothing is sent on."""
    one = opened(router.url)
    rows = one.page.locator("#rows tbody tr").count()
    one.page.click("#example")
    one.page.wait_for_selector("#answer .verdict")

    assert "fake / fake-model" in one.text("#answer .verdict")
    assert "thinkers" in one.text("#answer .steps")
    assert one.page.locator("#rows tbody tr").count() == rows


def test_a_row_opens_and_the_filter_narrows(router: Router, opened: Any) -> None:
    """By keyboard too: the details name the request id that the log has."""
    answered = post(router.url, body())
    one = opened(router.url)
    one.page.fill("#filter", answered.headers["request-id"])
    one.page.wait_for_function("document.querySelectorAll('#rows tbody tr').length === 1")
    one.page.focus("#rows button.more")
    one.page.keyboard.press("Enter")
    one.page.wait_for_selector("#rows tr.detail")

    assert answered.headers["request-id"] in one.text("#rows tr.detail")
    assert one.page.get_attribute("#rows button.more", "aria-expanded") == "true"
    one.page.click("#rows tbody tr td:nth-child(3)")
    assert one.page.locator("#rows tr.detail").count() == 0, "a click anywhere on a row closes it again"
    one.page.fill("#filter", "nothing that is there")
    one.page.wait_for_selector("#rows-empty:visible")


def test_a_key_is_asked_for_and_kept_in_the_tab_only(upstream: Upstream, opened: Any) -> None:
    """Without it there is no data; a wrong one says so; a right one opens, lasts over a reload, and can be forgotten."""
    keyed = rules(upstream.url, server={"apiKeys": [{"name": "team", "key": KEY}]})
    with Router(keyed) as router:
        one = opened(router.url, "#gate-key:visible")
        assert not one.page.is_visible("#board")
        one.page.fill("#gate-key", "wrong-key-wrong-key")
        one.page.keyboard.press("Enter")
        one.page.wait_for_selector("#gate-said:text('not a key')")
        one.shot("page-key")
        one.page.fill("#gate-key", KEY)
        one.page.keyboard.press("Enter")
        one.page.wait_for_selector("#tree > li")
        one.page.reload()
        one.page.wait_for_selector("#tree > li")
        held = one.page.evaluate(
            "[Object.values({...localStorage}), Object.values({...sessionStorage}), document.cookie]"
        )
        assert held == [[], [KEY], ""]
        assert KEY not in one.page.url
        one.page.click("#forget")
        one.page.wait_for_selector("#gate-key:visible")
        assert one.page.evaluate("sessionStorage.length") == 0
    one.wrong[:] = [said for said in one.wrong if "401" not in said]  # each refusal, as the browser logs it


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_colours_follow_the_system_and_the_switch(router: Router, opened: Any, scheme: str) -> None:
    """The system's choice first; the switch goes on to light and dark, and is remembered."""

    def lightness() -> int:
        colour = one.page.evaluate("getComputedStyle(document.body).backgroundColor")
        return int(colour.removeprefix("rgb(").split(",")[0])

    one = opened(router.url, color_scheme=scheme)
    assert (lightness() > 128) == (scheme == "light")
    one.shot(f"page-{scheme}")
    one.page.click("#theme")
    assert lightness() > 128
    one.page.click("#theme")
    assert lightness() < 128
    one.page.reload()
    one.page.wait_for_selector("#tree > li")
    assert lightness() < 128


@pytest.mark.parametrize("width", [320, 768])
def test_nothing_is_cut_off_on_small_screens(router: Router, opened: Any, width: int) -> None:
    """A phone scrolls in one direction only."""
    post(router.url, body(model="a-model-with-a-name-that-is-long-and-has-no-place-to-break-" + "x" * 80))
    one = opened(router.url, viewport={"width": width, "height": 700})
    one.page.click("#example")
    one.page.wait_for_selector("#answer .verdict")
    one.shot(f"page-{width}")

    assert one.page.evaluate("document.documentElement.scrollWidth") == width


def test_the_page_is_walked_by_keyboard(router: Router, opened: Any) -> None:
    """The first stop leads past the head; every stop is seen and has a name."""
    post(router.url, body())
    one = opened(router.url)
    one.page.wait_for_selector("#rows tbody tr")
    one.page.keyboard.press("Tab")
    assert one.page.evaluate("document.activeElement.className") == "skip"
    one.page.keyboard.press("Enter")
    assert one.page.evaluate("document.activeElement.id") == "main"
    stops = []
    for _ in range(12):
        one.page.keyboard.press("Tab")
        stops.append(one.page.evaluate(FOCUSED))

    assert {stop["id"] for stop in stops} >= {"filter", "pause", "question"} - {"question"}
    assert [stop for stop in stops if not stop["name"] or not stop["seen"]] == []


FOCUSED = """() => {
  const at = document.activeElement, look = getComputedStyle(at);
  const label = at.labels && at.labels[0] ? at.labels[0].textContent : "";
  const by = at.getAttribute("aria-labelledby");
  const name = at.getAttribute("aria-label") || (by && document.getElementById(by).textContent) || label || at.textContent;
  return {id: at.id, name: name.trim(), seen: look.outlineStyle !== "none" && parseFloat(look.outlineWidth) > 0};
}"""


def test_the_router_ends_while_the_page_is_open(upstream: Upstream, opened: Any) -> None:
    """An open page does not hold up the end; the page says that the router is gone."""
    with Router(rules(upstream.url)) as router:
        one = opened(router.url)
        router.stop()
        one.page.wait_for_selector("#link[data-state=bad]")
    gone = ("ERR_CONNECTION", "INCOMPLETE", "503")  # while it ends it still says so
    one.wrong[:] = [said for said in one.wrong if not any(word in said for word in gone)]
    assert router.stopped_with == 0


def test_many_rules_are_folded_away(upstream: Upstream, opened: Any) -> None:
    """Of many, only those that decided something are shown, each with its place, until all are asked for."""
    config = rules(upstream.url)
    config["routing"]["customRules"] += [
        {"name": f"rule {number}", "condition": {"model": f"m{number}"}, "target": "spare,small"}
        for number in range(60)
    ]
    with Router(config) as router:
        post(router.url, body())
        one = opened(router.url)
        assert one.page.locator("#tree > li").count() == 1
        assert one.page.get_attribute("#tree > li", "data-place") == "2"
        one.page.click("#tree-more button")
        assert one.page.locator("#tree > li").count() > 60
        assert one.page.evaluate("document.activeElement.textContent") == "Hide what never decided"
        one.page.goto("about:blank")
