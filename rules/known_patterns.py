"""The patterns that filters know by name: credentials of well-known makers, private keys, tokens, addresses of people.

Each is bounded: no repetition in it can be tried in more than some hundred ways at one place. `hints` are words one of
which is in every match, so that most texts are never searched.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from msgspec import Struct

Span = tuple[int, int]


class Known(Struct, frozen=True):
    """One named pattern."""

    name: str
    says: str
    hints: tuple[str, ...]
    pattern: re.Pattern[str]

    def spans(self, text: str) -> list[Span]:
        """Where it is, from left to right."""
        if not any(hint in text for hint in self.hints):
            return []
        return [found.span() for found in self.pattern.finditer(text)]


def _row(name: str, says: str, hints: str, pattern: str) -> Known:
    return Known(name, says, tuple(hints.split()), re.compile(pattern, re.ASCII | re.DOTALL))


_ROWS = (
    _row("aws-key", "access keys of AWS, and secret ones behind their name", "AKIA ASIA ABIA ACCA aws AWS",
         r"\b(?:AKIA|ASIA|ABIA|ACCA)[0-9A-Z]{16}\b|(?i:aws_?(?:secret|session)_?(?:access_?)?(?:key|token))[\"']?\s{0,4}[:=]\s{0,4}[\"']?[A-Za-z0-9/+=]{40,2048}"),
    _row("gcp-key", "API keys and access tokens of Google Cloud", "AIza ya29.",
         r"\bAIza[0-9A-Za-z_-]{35}|\bya29\.[0-9A-Za-z_-]{20,2048}"),
    _row("azure-key", "account keys and client secrets of Azure", "AccountKey= SharedAccessKey= 8Q~ sig=",
         r"(?:AccountKey|SharedAccessKey)=[A-Za-z0-9+/]{43,88}={0,2}|\b[A-Za-z0-9_~.-]{3}8Q~[A-Za-z0-9_~.-]{31,34}|\bsig=[A-Za-z0-9%]{43,63}%3[dD]"),
    _row("anthropic-key", "keys of Anthropic", "sk-ant-", r"\bsk-ant-[A-Za-z0-9_-]{16,512}"),
    _row("openai-key", "keys of OpenAI, and of others that begin with `sk-`", "sk-",
         r"\bsk-(?!ant-|ccr-)(?:proj-|svcacct-|admin-|or-v1-)?[A-Za-z0-9_-]{20,512}"),
    _row("ccr-key", "keys of this router", "sk-ccr-", r"\bsk-ccr-[0-9a-f]{8}-[A-Za-z0-9_-]{32,64}"),
    _row("github-token", "tokens of GitHub", "ghp_ gho_ ghu_ ghs_ ghr_ github_pat_",
         r"\b(?:gh[pousr]_[A-Za-z0-9]{30,255}|github_pat_[A-Za-z0-9_]{22,255})"),
    _row("gitlab-token", "tokens of GitLab", "glpat- gldt- glrt- glcbt-", r"\bgl(?:pat|dt|rt|cbt)-[A-Za-z0-9_.-]{20,255}"),
    _row("slack-token", "tokens and webhooks of Slack", "xox xapp- hooks.slack.com",
         r"\bxox[abeoprs]-[A-Za-z0-9-]{10,255}|\bxapp-[A-Za-z0-9-]{10,255}|hooks\.slack\.com/(?:services|workflows)/[A-Za-z0-9/_-]{20,255}"),
    _row("stripe-key", "keys of Stripe", "sk_ rk_ whsec_", r"\b(?:[sr]k_(?:live|test)_[0-9A-Za-z]{16,255}|whsec_[0-9A-Za-z]{24,255})"),
    _row("package-token", "tokens of package registries and model hubs", "npm_ pypi- hf_ rubygems_ dckr_pat_",
         r"\b(?:npm_[A-Za-z0-9]{36}|pypi-[A-Za-z0-9_-]{50,255}|hf_[A-Za-z0-9]{30,255}|rubygems_[0-9a-f]{48}|dckr_pat_[A-Za-z0-9_-]{20,255})"),
    _row("jwt", "JSON web tokens", "eyJ", r"\beyJ[A-Za-z0-9_-]{8,8192}\.eyJ[A-Za-z0-9_-]{8,8192}\.[A-Za-z0-9_-]{8,8192}"),
    _row("private-key", "private keys in PEM form; one without its end counts to the end of the text", "PRIVATE KEY",
         r"-----BEGIN (?:[A-Z0-9]{1,20} ){0,3}PRIVATE KEY(?: BLOCK)?-----.*?(?:-----END (?:[A-Z0-9]{1,20} ){0,3}PRIVATE KEY(?: BLOCK)?-----|\Z)"),
    _row("url-password", "passwords in URLs", "://", r"(?<=://)[^\s/:@\"'<>]{0,64}:[^\s/@\"'<>]{1,128}(?=@)"),
    _row("e-mail", "addresses of people", "@", r"(?<![A-Za-z0-9._%+-])[A-Za-z0-9._%+-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,24}\b"),
)  # fmt: skip

KNOWN: Mapping[str, Known] = {row.name: row for row in _ROWS}

GROUPS: Mapping[str, tuple[str, ...]] = {
    "cloud-keys": ("aws-key", "gcp-key", "azure-key"),
    "secrets": tuple(row.name for row in _ROWS if row.name != "e-mail"),
}
"""Names that stand for several."""
