"""What newcomers write for a fact or an operator, and what it is called here."""

from __future__ import annotations

from collections.abc import Mapping

_FACTS: Mapping[str, tuple[str, ...]] = {
    "inputTokens": (
        "tokens", "token", "tokencount", "inputtoken", "inputtokencount", "prompttokens", "totaltokens", "contextlength",
        "contextsize", "contexttokens", "context", "longcontext",
    ),
    "messageLength": ("length", "size", "chars", "characters", "promptlength", "textlength", "inputlength"),
    "lastUserText": (
        "prompt", "message", "messages", "text", "content", "usertext", "usermessage", "userprompt", "lastmessage", "query",
        "input", "question", "keyword",
    ),
    "systemText": ("system", "systemprompt", "systemmessage"),
    "toolNames": ("tools", "tool", "toolname", "usestool"),
    "hasImages": ("images", "image", "vision", "picture", "pictures"),
    "hasDocuments": ("documents", "document", "pdf", "files"),
    "thinking": ("think", "reasoning", "reason", "isthinking"),
    "serverTools": ("websearch", "search"),
    "stream": ("streaming", "isstream", "isstreaming"),
    "time": ("hour", "hours", "weekday", "day", "days", "date", "now", "timeofday", "schedule"),
    "clientKey": ("user", "username", "key", "apikey", "client", "team", "consumer"),
    "clientIp": ("ip", "address", "remoteaddr", "sourceip", "ipaddress"),
    "rollout": ("percent", "percentage", "share", "random", "canary", "weight"),
    "requestClass": ("background", "auxiliary", "kind", "class", "calltype"),
    "sessionId": ("session", "conversation", "conversationid"),
    "agentType": ("agent", "agentname"),
    "model": ("modelname", "requestedmodel", "modelid"),
    "path": ("endpoint", "url", "route"),
}  # fmt: skip
_OPERATORS: Mapping[str, tuple[str, ...]] = {
    "prefix": ("startswith", "beginswith", "starts"),
    "suffix": ("endswith", "ends"),
    "glob": ("like", "wildcard"),
    "regex": ("matches", "match", "pattern", "re"),
    "eq": ("equals", "equal", "is", "=", "=="),
    "in": ("oneof", "anyof", "isin"),
    "gt": ("greaterthan", "above", "over", "morethan", ">"),
    "gte": ("atleast", "greaterorequal", "greaterthanorequal", "min", ">="),
    "lt": ("lessthan", "below", "under", "fewerthan", "<"),
    "lte": ("atmost", "lessorequal", "lessthanorequal", "max", "<="),
    "between": ("range",),
    "contains": ("includes", "include", "containing"),
    "exists": ("present", "defined", "isset"),
}


ELSEWHERE: Mapping[str, str] = {
    "condition": "write the facts here, without `condition`",
    "target": "a target stands beside a rule's `condition`, that of a category in `routing.rules`",
    "fallbacks": "`fallbacks` stand beside a rule's `condition` or in a target",
}
"""Keys that are none of a condition, and where what they say belongs."""


def fact_meant(written: str) -> str | None:
    """The fact that a word of another language stands for, or None."""
    return _meant(_FACTS, written)


def operator_meant(written: str) -> str | None:
    """The same for an operator."""
    return _meant(_OPERATORS, written)


def _meant(words: Mapping[str, tuple[str, ...]], written: str) -> str | None:
    folded = written.lower().replace("_", "").replace("-", "")
    return next((name for name, others in words.items() if folded in others), None)
