"""Findings against the comments that suppress some of them, and the comments that do so in vain."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from msgspec import Struct

from schemas.codes import CODES, finding, is_blocking
from schemas.comments import Comment, comments_of
from schemas.diagnostics import Diagnostic, Edit, Fix
from schemas.document import Document
from schemas.suggest import did_you_mean
from schemas.wording import quoted

IGNORE = "ignore"


class Suppressed(Struct, frozen=True):
    """A finding that a comment suppresses, with the reason the comment gives."""

    finding: Diagnostic
    reason: str


class Judged(Struct, frozen=True):
    """`kept`: what is to be reported, findings about the comments among it."""

    kept: tuple[Diagnostic, ...]
    suppressed: tuple[Suppressed, ...] = ()


def judged(
    found: Iterable[Diagnostic], document: Document | None, texts: Mapping[str, str], made: Iterable[str] | None
) -> Judged:
    """The findings without the suppressed ones.

    `made` are the codes whose findings were looked for, None where something stopped the checks early: then no comment
    is called useless. An error that refuses the start cannot be suppressed, since the start does not ask the comment.
    """
    found = tuple(found)
    if document is None:
        return Judged(found)
    comments = [one for file, text in texts.items() for one in comments_of(text, file, document.root)]
    if not comments:
        return Judged(found)
    ignoring: dict[tuple[str, int, str], list[Comment]] = {}
    for comment in comments:
        for line in comment.covers if comment.word == IGNORE else ():
            for code in comment.codes:
                ignoring.setdefault((comment.span.file, line, code.text.upper()), []).append(comment)
    kept: list[Diagnostic] = []
    suppressed: list[Suppressed] = []
    # comments by id: one may be long
    used: set[tuple[int, str]] = set()
    vain: list[Diagnostic] = []
    for one in found:
        by = ignoring.get((one.span.file, one.span.line, one.code), [])
        used.update((id(comment), one.code) for comment in by)
        if by and not is_blocking(one):
            suppressed.append(Suppressed(one, by[0].reason))
            continue
        kept.append(one)
        vain += [_powerless(comment, one) for comment in by]
    for comment in comments:
        vain += _unclear(comment)
        if made is not None:
            vain += _unused(comment, used, frozenset(made))
    said = {(one.code, one.span, one.message): one for one in vain}
    return Judged(tuple(sorted([*kept, *said.values()], key=lambda one: one.sort_key)), tuple(suppressed))


def _powerless(comment: Comment, found: Diagnostic) -> Diagnostic:
    return finding(
        "CCR902",
        f"{found.code} cannot be suppressed here: it refuses the start",
        comment.span,
        help="mend what it reports, then remove the comment",
    )


def _unclear(comment: Comment) -> Iterator[Diagnostic]:
    if comment.word != IGNORE:
        if not any(code.text.upper() in CODES for code in comment.codes):
            return  # a remark about this program, not to it
        yield finding(
            "CCR902",
            f"{quoted('ccr: ' + comment.word)} is no instruction",
            comment.span,
            help="write `ccr: ignore CODE -- reason`",
        )
        return
    if not comment.codes:
        yield finding(
            "CCR902", "the suppression names no code", comment.span, help="write `ccr: ignore CODE -- reason`"
        )
    for code in comment.codes:
        if code.text.upper() not in CODES:
            yield finding(
                "CCR902",
                f"there is no finding {quoted(code.text)}",
                code.span,
                help=did_you_mean(code.text.upper(), CODES),
            )


def _unused(comment: Comment, used: set[tuple[int, str]], made: frozenset[str]) -> Iterator[Diagnostic]:
    known = [code for code in comment.codes if code.text.upper() in made]
    idle = [code for code in known if (id(comment), code.text.upper()) not in used] if comment.word == IGNORE else []
    whole = len(idle) == len(comment.codes)
    for code in idle:
        removal = Fix(safe=True, edits=(Edit(comment.removal, ""),)) if whole and code is idle[0] else None
        yield finding(
            "CCR901", f"nothing here is reported as {code.text.upper()}", code.span, help="remove it", fix=removal
        )
