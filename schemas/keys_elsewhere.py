"""Keys of other routers' configurations, and keys one level off, with what this language has instead."""

from __future__ import annotations

import re
from functools import cache

_PROVIDER = r"(?:routing\.)?providers\.[^.\[]+"

# a pattern over the key's whole path -> the help line
_TABLE: tuple[tuple[str, str], ...] = (
    (r"(?:host|HOST)", "write it as `server.host`"),
    (r"(?:port|PORT)", "write it as `server.port`"),
    (r"(?:apikey|APIKEY|apiKeys)", "write it as `server.apiKeys`"),
    (r"(?:log|LOG|LOG_LEVEL|logLevel|DEBUG|logDir)", "logging is set under `debug`"),
    (r"(?:Providers|Router)", "`ccr import FILE -o ccr.yaml` turns the other router's configuration into one of ccr"),
    (r"provider", "write `providers`, a mapping from name to provider"),
    (r"router", "write `routing.rules`, a mapping from category to target"),
    (r"(?:rules|customRules|defaultProvider|categories|longContextThreshold|explicitModels)", "it belongs under `routing`"),
    (r"(?:loadBalancing|routing\.loadBalancing)", "it belongs in each provider, beside its `instances`"),
    (r"(?:fallback|Fallback|failover|routing\.fallbacks?)", "`fallbacks` belongs in a target"),
    (r"health", "`/health` is set by `server.health`, probes by `loadBalancing.healthCheck` of a provider"),
    (r"(?:security|AuthConfig)", "access and limits come under `server`, in a later version"),
    (r"(?:monitoring|Monitoring)", "`/status` and the log are always there; leave it out"),
    (r"(?:hooks|plugins|transformers|debug\.hooks|input|output|testing)", "there is nothing like it here; leave it out"),
    (r"(?:name|description|version|comment)", "write a comment instead"),
    (r"server\.(?:name|description)", "write a comment instead"),
    (r"debug\.(?:level|log_level|loglevel)", "write `logLevel`"),
    (r"routing\.(?:strategy|mode)", "leave it out: custom rules decide in their order, then the categories"),
    (r"routing\.(?:default|background|thinking|longcontext|search)", "targets of categories belong under `routing.rules`"),
    (r"routing\.rules\.[^.]+\.(?:reason|description|name)", "write a comment instead"),
    (r"routing\.(?:rules\.[^.]+|customRules\[\d+\])\.priority", "leave it out: custom rules are tried in file order"),
    (r"routing\.rules\.[^.]+\.condition", "a category's condition belongs under `routing.categories`"),
    (r"routing\..*\.(?:fallback|backup|backups|failover)", "write `fallbacks`, a list of targets"),
    (r"routing\.customRules\[\d+\]\.(?:provider|model)", "it belongs in `target`"),
    (r"routing\.customRules\[\d+\]\.(?:when|if|match|conditions)", "write `condition`"),
    (r"routing\.customRules\[\d+\]\.(?:to|then|route|use|action|destination)", "write `target`"),
    (r"routing\.customRules\[\d+\]\.(?:category|description|reason)", "leave it out; `name` names the rule"),
    (rf"{_PROVIDER}\.(?:name|description)", "a provider's name is its key; write a comment for the rest"),
    (rf"{_PROVIDER}(?:\.instances\[\d+\])?\.(?:baseURL|baseUrl|base_url|api_base_url|url|host)", "write `endpoint`"),
    (rf"{_PROVIDER}\.(?:models|defaultModel|categoryMappings|profileArn)", "it belongs under `settings`"),
    (rf"{_PROVIDER}\.(?:api_key|apiKey|token|tokenPath|key|credentials)", "it belongs under `authentication`"),
    (rf"{_PROVIDER}\.instances\[\d+\]\.(?:api_key|apiKey|token|tokenPath|key|credentials)", "it belongs under `authentication`"),
    (rf"{_PROVIDER}\.healthCheck", "it belongs under `loadBalancing`"),
    (rf"{_PROVIDER}\.(?:weight|priority)", "it belongs in each of `instances`"),
    (rf"{_PROVIDER}\.(?:timeout|timeoutMs)", "write `timeouts`"),
    (rf"{_PROVIDER}\.transformer", "the type's `settings` say what an upstream is like"),
    (rf"{_PROVIDER}(?:\.instances\[\d+\])?\.authentication.*\.(?:api_key|api-key|apikey|key|value|secret)", "write `apiKey`"),
    (rf"{_PROVIDER}(?:\.instances\[\d+\])?\.authentication.*\.profileArn", "write it as `settings.profileArn`"),
    (rf"{_PROVIDER}\.settings\.maxConcurrentRequests", "write `connectionPool.maxConnections`"),
    (rf"{_PROVIDER}\.settings\.(?:timeoutMs|timeout)", "write `timeouts`"),
    (rf"{_PROVIDER}\.settings\.(?:retryAttempts|maxRetries)", "leave it out: more `instances` and `fallbacks` are tried instead"),
    (rf"{_PROVIDER}\.settings\.loadBalancing", "it belongs in the provider, beside `settings`"),
    (rf"{_PROVIDER}\.settings\.(?:model)", "write `defaultModel` or `models`"),
    (rf"{_PROVIDER}\.settings\.(?:outputFormat|convertToAnthropic|transformer|enableSSEParsing|validateResponses|specialties)", "leave it out: it is always done"),
)  # fmt: skip


def elsewhere(path: str) -> str | None:
    """The help line for the unknown key at `path` (`routing.customRules[0].priority`), or None."""
    found = _all_paths().fullmatch(path)
    return None if found is None else _TABLE[(found.lastindex or 0) - 1][1]


@cache
def _all_paths() -> re.Pattern[str]:
    """The patterns as one, a group for each: there may be thousands of unknown keys."""
    return re.compile("|".join(f"({pattern})" for pattern, _ in _TABLE))
