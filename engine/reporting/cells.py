"""Texts, numbers and times in the cells of a terminal. Pure."""

from __future__ import annotations

import unicodedata


def cells_of(text: str) -> int:
    """How many cells a text takes."""
    return len(text) if text.isascii() else sum(map(_cells, text))


def cut_to(text: str, cells: int) -> str:
    """As much of the text as so many cells hold; the last one is `…` where something is left out."""
    if cells_of(text) <= cells:
        return text
    left, kept = cells - 1, []
    for char in text:
        left -= _cells(char)
        if left < 0:
            break
        kept.append(char)
    return "".join(kept) + "…" if cells > 0 else ""


def fitted(text: str, cells: int) -> str:
    """The text in exactly so many cells."""
    shown = cut_to(plain(text), cells)
    return shown + " " * (cells - cells_of(shown))


def plain(text: str) -> str:
    """The text without what would steer a terminal."""
    return "".join(sign if sign.isprintable() else "�" for sign in text)


def number(count: int | None) -> str:
    """`12,345`, `1.2 M`; `-` where nothing is known."""
    if count is None:
        return "-"
    if count < 1_000_000:
        return f"{count:,}"
    return f"{count / 1e9:.2f} G" if count >= 1e9 else f"{count / 1e6:.2f} M"


def said_of_state(state: str) -> str:
    """What people read of an instance's health, here as on the page: a closed circuit is what serves."""
    return {"closed": "serving", "half-open": "on trial", "open": "resting"}.get(state, state)


def milliseconds(ms: float | None) -> str:
    """A latency."""
    if ms is None:
        return "-"
    if ms < 1000:
        return f"{ms:.1f} ms" if ms < 10 else f"{ms:.0f} ms"
    return f"{ms / 1000:.1f} s" if ms < 600_000 else span(ms / 1000)


def span(seconds: float) -> str:
    """A time, in its two largest units."""
    minutes, hours, days = int(seconds // 60), int(seconds // 3600), int(seconds // 86_400)
    if days:
        return f"{days} d {hours % 24} h"
    if hours:
        return f"{hours} h {minutes % 60} min"
    return f"{minutes} min" if minutes else f"{seconds:.0f} s"


def _cells(char: str) -> int:
    return 0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1
