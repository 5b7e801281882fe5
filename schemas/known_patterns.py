"""The patterns that filters, the log and messages know: credentials of well-known makers, private keys, tokens, addresses.

Each shape is looked for only where one of its hints stands, and is bounded there: what one place costs does not grow with
the text, and no run of characters is read again from each of its places.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache, lru_cache

from msgspec import Struct

Span = tuple[int, int]

MOST_BEHIND = 64
"""How many characters before a hint may belong to a match."""


class Shape(Struct, frozen=True):
    """How one kind of it looks: `ahead` from a hint on, `behind` up to it. Of groups the first is what counts."""

    hints: tuple[str, ...]
    ahead: str
    behind: str | None = None

    def spans(self, text: str) -> Iterator[Span]:
        """Where it is, for each hint from left to right."""
        for hint in self.hints:
            at = text.find(hint)
            while at >= 0:
                ahead = compiled(self.ahead)
                found = ahead.match(text, at)
                if found is not None:
                    start, end = found.span(1 if ahead.groups else 0)
                    yield self._start(text, start), end
                at = text.find(hint, at + 1 if found is None else found.end())

    def _start(self, text: str, start: int) -> int:
        if self.behind is None:
            return start
        found = compiled(self.behind).search(text, max(0, start - MOST_BEHIND), start)
        return start if found is None else found.start()


class Known(Struct, frozen=True):
    """One named pattern."""

    name: str
    says: str
    shapes: tuple[Shape, ...]

    def may_be_in(self, text: str) -> bool:
        """Whether it is worth to look closer."""
        return any(hint in text for shape in self.shapes for hint in shape.hints)

    def spans(self, text: str) -> list[Span]:
        """Where it is, from left to right, those that touch or overlap as one."""
        return joined(span for shape in self.shapes for span in shape.spans(text))


def joined(spans: Iterable[Span]) -> list[Span]:
    """The stretches from left to right, those that touch or overlap as one."""
    found: list[Span] = []
    for start, end in sorted(spans):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return found


def shape_of(hints: str, ahead: str, behind: str | None = None) -> Shape:
    """The shape with these hints (words with blanks between; a blank in a hint is written `·`)."""
    words = tuple(word.replace("·", " ") for word in hints.split())
    return Shape(words, ahead, None if behind is None else behind + r"\Z")


@cache  # most runs meet none of the hints
def compiled(pattern: str) -> re.Pattern[str]:
    """The expression of a shape."""
    return re.compile(pattern, re.ASCII | re.DOTALL)


def _row(name: str, says: str, *shapes: Shape) -> Known:
    return Known(name, says, shapes)


_ROWS = (
    _row("aws-key", "access keys of AWS, secret ones behind their name, refresh tokens of its sign-in",
         shape_of("AKIA ASIA ABIA ACCA", r"\b(?:AKIA|ASIA|ABIA|ACCA)[0-9A-Z]{16}\b"),
         shape_of("aws Aws AWS", r"(?i:aws_?(?:secret|session)_?(?:access_?)?(?:key|token))[\"']?\s{0,4}[:=]\s{0,4}[\"']?[A-Za-z0-9/+=]{40,2048}"),
         shape_of("aoaAAAA", r"\baoaAAAA[A-Za-z0-9_.:+/=-]{16,8192}")),
    _row("gcp-key", "API keys and access tokens of Google Cloud",
         shape_of("AIza", r"\bAIza[0-9A-Za-z_-]{35}"),
         shape_of("ya29.", r"\bya29\.[0-9A-Za-z_-]{20,2048}")),
    _row("azure-key", "account keys and client secrets of Azure",
         shape_of("AccountKey= SharedAccessKey=", r"(?:AccountKey|SharedAccessKey)=[A-Za-z0-9+/]{43,88}={0,2}"),
         shape_of("8Q~", r"(?<=[A-Za-z0-9_~.-]{3})8Q~[A-Za-z0-9_~.-]{31,34}", r"[A-Za-z0-9_~.-]{3}"),
         shape_of("sig=", r"\bsig=[A-Za-z0-9%]{43,63}%3[dD]")),
    _row("anthropic-key", "keys of Anthropic", shape_of("sk-ant-", r"\bsk-ant-[A-Za-z0-9_-]{16,512}")),
    _row("openai-key", "keys of OpenAI, and of others that begin with `sk-`",
         shape_of("sk-", r"\bsk-(?!ant-|ccr-)(?:proj-|svcacct-|admin-|or-v1-)?[A-Za-z0-9_-]{20,512}")),
    _row("ccr-key", "keys of this router", shape_of("sk-ccr-", r"\bsk-ccr-[0-9a-f]{8}-[A-Za-z0-9_-]{32,64}")),
    _row("github-token", "tokens of GitHub",
         shape_of("ghp_ gho_ ghu_ ghs_ ghr_", r"\bgh[pousr]_[A-Za-z0-9]{30,255}"),
         shape_of("github_pat_", r"\bgithub_pat_[A-Za-z0-9_]{22,255}")),
    _row("gitlab-token", "tokens of GitLab",
         shape_of("glpat- gldt- glrt- glcbt-", r"\bgl(?:pat|dt|rt|cbt)-[A-Za-z0-9_.-]{20,255}")),
    _row("slack-token", "tokens and webhooks of Slack",
         shape_of("xox", r"\bxox[abeoprs]-[A-Za-z0-9-]{10,255}"),
         shape_of("xapp-", r"\bxapp-[A-Za-z0-9-]{10,255}"),
         shape_of("hooks.slack.com", r"hooks\.slack\.com/(?:services|workflows)/[A-Za-z0-9/_-]{20,255}")),
    _row("stripe-key", "keys of Stripe",
         shape_of("sk_ rk_", r"\b[sr]k_(?:live|test)_[0-9A-Za-z]{16,255}"),
         shape_of("whsec_", r"\bwhsec_[0-9A-Za-z]{24,255}")),
    _row("package-token", "tokens of package registries and model hubs",
         shape_of("npm_", r"\bnpm_[A-Za-z0-9]{36}"),
         shape_of("pypi-", r"\bpypi-[A-Za-z0-9_-]{50,255}"),
         shape_of("hf_", r"\bhf_[A-Za-z0-9]{30,255}"),
         shape_of("gsk_", r"\bgsk_[A-Za-z0-9]{20,255}"),
         shape_of("rubygems_", r"\brubygems_[0-9a-f]{48}"),
         shape_of("dckr_pat_", r"\bdckr_pat_[A-Za-z0-9_-]{20,255}")),
    _row("jwt", "JSON web tokens",
         shape_of("eyJ", r"(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{8,8192}\.eyJ[A-Za-z0-9_-]{8,8192}\.[A-Za-z0-9_-]{8,8192}")),
    _row("private-key", "private keys in PEM form; one without its end counts to the end of the text",
         shape_of("-----BEGIN·", r"-----BEGIN (?:[A-Z0-9]{1,20} ){0,3}PRIVATE KEY(?: BLOCK)?-----.*?(?:-----END (?:[A-Z0-9]{1,20} ){0,3}PRIVATE KEY(?: BLOCK)?-----|\Z)")),
    _row("url-password", "passwords in URLs", shape_of("://", r"://([^\s/:@\"'<>]{0,64}:[^\s/@\"'<>]{1,128})(?=@)")),
    _row("e-mail", "addresses of people",
         shape_of("@", r"(?<=[A-Za-z0-9._%+-])@(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,24}\b", r"[A-Za-z0-9._%+-]{1,64}")),
)  # fmt: skip

KNOWN: Mapping[str, Known] = {row.name: row for row in _ROWS}

GROUPS: Mapping[str, tuple[str, ...]] = {
    "cloud-keys": ("aws-key", "gcp-key", "azure-key"),
    "secrets": tuple(row.name for row in _ROWS if row.name != "e-mail"),
}
"""Names that stand for several."""

HIDDEN: tuple[Shape, ...] = (
    *(shape for name in GROUPS["secrets"] for shape in KNOWN[name].shapes),
    shape_of("sk-", r"(?<![A-Za-z0-9])sk-[A-Za-z0-9_-]{8,512}"),
    shape_of("eyJ", r"(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{10,8192}\.[A-Za-z0-9_-]{10,8192}(?:\.[A-Za-z0-9_-]{1,8192})?"),
    shape_of("earer EARER", r"(?<=[bB])(?i:earer)\s{1,8}([A-Za-z0-9._~+/-]{8,8192}=*)"),
    shape_of(
        "uthorization UTHORIZATION",
        r"(?i:uthorization)[\"']?\s{0,4}[:=]\s{0,4}[\"']?(?i:basic|digest|token|apikey)\s{1,4}([A-Za-z0-9+/._~-]{6,8192}=*)",
    ),
    shape_of("api-key Api-Key API-KEY", r"(?i:api-key)[\"']?\s{0,4}[:=]\s{0,4}[\"']?([A-Za-z0-9._~+/-]{8,512}=*)"),
    shape_of("? &", r"[?&](?i:api_?key|key|token|access_token)=([^&\s\"']{1,8192})"),
)
"""The secrets, and what is worth hiding from a log or a message though a request may well hold it."""

_HINTS = frozenset(hint for shape in HIDDEN for hint in shape.hints)
_SHORTEST = tuple(sorted(hint for hint in _HINTS if not any(other in hint for other in _HINTS - {hint})))


def is_hinted(text: str) -> bool:
    """Whether any hint stands in the text; where none does, nothing of `HIDDEN` is in it: sooner asked than each shape."""
    return _is_name_hinted(text) if len(text) <= _NAME else _is_hinted(text)


_NAME = 100
"""Characters up to which the answer is remembered: names of models, rules and sessions come again with each request."""


def _is_hinted(text: str) -> bool:
    for hint in _SHORTEST:  # noqa: SIM110 - asked with each request, and `any` takes half as long again
        if hint in text:
            return True
    return False


_is_name_hinted = lru_cache(maxsize=1024)(_is_hinted)
