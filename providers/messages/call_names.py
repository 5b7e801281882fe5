"""A call's name with what a model's own format left on it taken off, where the rest is the name of a tool that was offered."""

from __future__ import annotations

import re
from collections.abc import Mapping

_LEFT_ON = re.compile(r"\s*(?:functions[.:]|default_api[.:])?(?P<name>.*?)(?::[0-9]{1,3})?\s*(?:<\|.*)?", re.DOTALL)


def offered_name(name: str, offered: Mapping[str, str]) -> str | None:
    """The client's name of the tool that is meant; None where that is `name` itself, or no tool of the request.

    `offered` maps what the upstream may call a tool to what the client calls it. Taken off are control tokens
    (`f<|channel|>final`), the namespace in which a model has its tools (`functions.f`), the number of the call (`f:0`)
    and white space.
    """
    if name in offered:
        return None
    found = _LEFT_ON.fullmatch(name)
    return offered.get(found["name"]) if found is not None else None
