"""What `ccr doctor` finds: checks with a verdict, and what to do. Pure.

INVARIANT: no check holds a secret: values of variables and settings are never said, only their names.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, TypeAlias

from msgspec import Struct
from msgspec.structs import asdict

from schemas.wording import counted

Area: TypeAlias = Literal["environment", "configuration", "providers", "client"]
Verdict: TypeAlias = Literal["ok", "note", "warn", "fail"]

AREAS: tuple[Area, ...] = ("environment", "configuration", "providers", "client")
_LOOKS: dict[Verdict, str] = {"ok": "32", "note": "36", "warn": "33", "fail": "31"}
_PLAINLY = {"ok": "ok  ", "note": "note", "warn": "warn", "fail": "FAIL"}


class Check(Struct, frozen=True):
    """One thing looked at. `note`: nothing is wrong, but it is not proved or good to know; `advice` is what to do."""

    area: Area
    name: str
    verdict: Verdict
    said: str
    advice: str = ""


def exit_status(checks: Iterable[Check]) -> int:
    """1 where something fails."""
    return int(any(check.verdict == "fail" for check in checks))


def report(checks: Sequence[Check]) -> dict[str, object]:
    """All of it as JSON."""
    counts = {verdict: sum(check.verdict == verdict for check in checks) for verdict in _LOOKS}
    return {"ok": exit_status(checks) == 0, "counts": counts, "checks": [asdict(check) for check in checks]}


def lines_of(checks: Sequence[Check], colour: bool) -> list[str]:
    """All of it for people, area by area, and a last line that sums it up."""
    lines: list[str] = []
    size = max((len(check.name) for check in checks), default=0)
    for area in AREAS:
        found = [check for check in checks if check.area == area]
        if found:
            lines += ["", area] if lines else [area]
        for check in found:
            word = _PLAINLY[check.verdict]
            shown = f"\x1b[{_LOOKS[check.verdict]}m{word}\x1b[0m" if colour else word
            lines.append(f"  {shown}  {_plain(check.name).ljust(size)}  {_plain(check.said)}")
            if check.advice:
                lines.append(f"        {' ' * size}  -> {_plain(check.advice)}")
    return [*lines, "", _summary(checks)]


def _summary(checks: Sequence[Check]) -> str:
    failed, warned = (sum(check.verdict == verdict for check in checks) for verdict in ("fail", "warn"))
    if not failed and not warned:
        return f"{len(checks)} checks, all well"
    return f"{counted(len(checks), 'check')}: {failed} failed, {warned} to look at"


def _plain(text: str) -> str:
    return "".join(sign if sign.isprintable() else "�" for sign in text)


def configuration_checks(name: str, codes: Sequence[tuple[str, str, str]]) -> list[Check]:
    """The findings of a configuration, summed up; `codes` are (severity, code, message)."""
    errors = [one for one in codes if one[0] == "error"]
    warnings = [one for one in codes if one[0] == "warning"]
    if not errors and not warnings:
        return [
            Check(
                "configuration",
                "findings",
                "ok",
                f"{name}: none" + (f", {counted(len(codes), 'note')}" if codes else ""),
            )
        ]
    first = (errors or warnings)[0]
    said = f"{name}: {counted(len(errors), 'error')}, {counted(len(warnings), 'warning')}; first {first[1]}: {first[2]}"
    verdict: Verdict = "fail" if errors else "warn"
    return [Check("configuration", "findings", verdict, said, _ADVICE.get(first[1], _ALL_SHOWN))]


_ALL_SHOWN = "`ccr test-config` shows all of them with their places"
_ADVICE = {"CCR017": "set it where the router is started from; `ccr start` shows where it stands"}
"""Code of the first finding -> what to do, where `ccr test-config` does not look: it reads nothing inside `authentication`."""


CLOCK_SKEW_S = 300.0
"""Signed requests (Amazon Bedrock) are refused beyond that, and so are certificates that are new."""


def clock_check(now: float, newest_file: float, heard: Mapping[str, float]) -> Check:
    """Whether the clock is right: by the newest file of the program, and by the `date` of upstreams (host -> difference)."""
    if now < newest_file - 86_400:
        return Check("environment", "clock", "fail", "it is before the program was installed", "set the clock (NTP)")
    wrong = {host: off for host, off in heard.items() if abs(off) > CLOCK_SKEW_S}
    if wrong:
        host, off = max(wrong.items(), key=lambda one: abs(one[1]))
        side = "behind" if off > 0 else "ahead of"
        said = f"it is {abs(off) / 60:.0f} min {side} that of {host}"
        return Check("environment", "clock", "warn", said, "set the clock (NTP): signatures and logins depend on it")
    return Check("environment", "clock", "ok", f"agrees with {len(heard)} upstreams" if heard else "plausible")
