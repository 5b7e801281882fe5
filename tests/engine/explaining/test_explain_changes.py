"""Changes of a request in words."""

from __future__ import annotations

from typing import Any

import pytest

from engine.explaining.changes import changed_text

ROWS: list[tuple[list[tuple[str, Any, Any]], str]] = [
    ([("hasImages", False, True), ("stream", True, False)], "add an image, do not stream the answer"),
    ([("toolNames", ["Bash"], ["Bash", "Read"]), ("toolCount", 1, 2)], "add tool `Read`"),
    ([("toolNames", ["Bash"], ["Read"]), ("toolCount", 1, 4)], "add tool `Read`, leave out tool `Bash`, more tools: 4 instead of 1"),
    ([("toolNames", [], ["web_search"]), ("toolCount", 0, 1), ("serverTools", [], ["web_search"])], "add a server tool of type `web_search`"),
    ([("toolCount", 0, 5), ("serverTools", [], ["web_search"])], "more tools: 5 instead of 0, add a server tool of type `web_search`"),
    ([("inputTokens", 9, 60001), ("messageLength", 2, 99999)], "make it longer, in tokens: 60,001 instead of 9"),
    ([("stream", False, None), ("path", "messages", "count_tokens")], "only count its tokens"),
    ([("model", "a", "p,m"), ("explicit", None, "p,m")], "ask for `p,m`"),
    ([("explicit", "p,m", None)], "name no provider and model"),
    ([("header.x-team", None, "red")], "give header `x-team` as `red`"),
    ([("header.x-team", "red", None)], "leave out header `x-team`"),
    ([("contentKeywords", [], ["deploy"])], "say the word `deploy`"),
    ([("contentKeywords", ["a b", "deploy", "x"], ["x"])], "do not say the words `a b` and `deploy`"),
    ([("systemText", "falcon", "")], "leave out `systemText`"),
    ([("maxTokens", 10, 2000)], "`maxTokens` 2,000 instead of 10"),
    ([("requestClass", None, "subagent"), ("subagent", False, True)], "give `requestClass` as `subagent`"),
    ([("clientKey", "red", "team")], "come with router key `team`"),
    ([("clientKey", "red", None)], "come without a router key"),
    ([("tags", [], ["pii"])], "be tagged `pii`"),
    ([("tags", ["a", "b"], ["a", "pii"])], "be tagged `pii`, not be tagged `b`"),
    ([("time", None, "2026-01-05T22:00Z")], "at 2026-01-05T22:00Z"),
    ([], ""),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "said"), ROWS, ids=[row[1] for row in ROWS])
def test_changes_are_said_in_words(changes: list[tuple[str, Any, Any]], said: str) -> None:
    """Each row: facts before and after, and the sentence; what follows from something said is not said again."""
    assert changed_text([{"fact": fact, "from": before, "to": after} for fact, before, after in changes]) == said
