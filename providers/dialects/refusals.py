"""What a refusal of an upstream that speaks JSON over HTTP means, as tables.

By the codes of the body first, then its wording, then the status, since the same status hides different faults.
Sources: the error guides of the OpenAI and Gemini APIs, and what compatible servers send.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from providers.dialects.overflow_text import prompt_too_long
from providers.dialects.refusal_text import Said, redacted, said_in, said_of
from providers.dialects.retry_after import retry_after_of
from providers.dialects.seams import Ask, Head
from providers.errors import KINDS, ProviderError

STATUS_KINDS: Mapping[int, str] = {
    400: "bad_request",
    401: "credential",
    402: "billing",
    403: "permission",
    404: "model",
    405: "path",
    408: "request_timeout",
    409: "conflict",
    413: "too_large",
    422: "unprocessable",
    425: "conflict",
    429: "rate_limit",
    498: "unavailable",
    500: "server",
    501: "server",
    502: "server",
    503: "unavailable",
    504: "timeout",
    508: "loop",
    524: "timeout",
    529: "overloaded",
}
"""HTTP status -> kind; other 4xx are `bad_request`, everything else is `server`."""

CODE_KINDS: Mapping[str, str] = {
    "context_length_exceeded": "context_length",
    "string_above_max_length": "context_length",
    "exceed_context_size_error": "context_length",
    "tokens_limit_reached": "context_length",
    "model_max_prompt_tokens_exceeded": "context_length",
    "insufficient_quota": "quota",
    "billing_hard_limit_reached": "quota",
    "billing_not_active": "billing",
    "quota_exceeded": "quota",
    "exceeded_current_quota_error": "quota",
    "insufficient_balance_error": "quota",
    "insufficient_user_quota": "quota",
    "pre_consume_token_quota_failed": "quota",
    "budget_exceeded": "quota",
    "arrearage": "billing",
    "rate_limit_exceeded": "rate_limit",
    "rate_limit_error": "rate_limit",
    "tokens": "rate_limit",
    "requests": "rate_limit",
    "too_many_requests_error": "rate_limit",
    "model_not_found": "model",
    "unknown_model": "model",
    "invalid_api_key": "credential",
    "invalid_authentication": "credential",
    "overloaded_error": "overloaded",
    "server_overloaded": "overloaded",
    "engine_overloaded": "overloaded",
    "engine_overloaded_error": "overloaded",
    "queue_exceeded": "overloaded",
    "tool_use_failed": "bad_reply",
    "data_inspection_failed": "bad_request",
    "invalid_prompt": "bad_request",
    "bio_policy": "bad_request",
    "cyber_policy": "bad_request",
    "misalignment_policy_violation": "bad_request",
    "image_content_policy_violation": "bad_request",
    "data_residency_mismatch": "bad_request",
    "invalid_image": "bad_request",
    "invalid_image_format": "bad_request",
    "invalid_image_mode": "bad_request",
    "invalid_image_url": "bad_request",
    "invalid_base64_image": "bad_request",
    "image_too_large": "bad_request",
    "image_too_small": "bad_request",
    "image_parse_error": "bad_request",
    "image_file_too_large": "bad_request",
    "image_file_not_found": "bad_request",
    "empty_image_file": "bad_request",
    "unsupported_image_media_type": "bad_request",
    "failed_to_download_image": "bad_request",
    "resource_exhausted": "rate_limit",
    "unauthenticated": "credential",
    "permission_denied": "permission",
    "failed_precondition": "permission",
    "deadline_exceeded": "timeout",
    "1113": "quota",
    "1211": "model",
    "1261": "context_length",
    "1308": "quota",
    "1309": "billing",
    "1310": "quota",
    "base_resp.1001": "timeout",
    "base_resp.1002": "rate_limit",
    "base_resp.1004": "credential",
    "base_resp.1008": "quota",
    "base_resp.1026": "bad_request",
    "base_resp.1027": "bad_request",
    "base_resp.1039": "rate_limit",
    "base_resp.2013": "bad_request",
    "base_resp.2049": "credential",
    "base_resp.2056": "quota",
}
"""The body's `code`, `type`, `status` or `error_code` -> kind; it wins over the status of the answer.

The five from `resource_exhausted` on are Google's words, the numbers Zhipu's, those of `base_resp` MiniMax's.
"""

WORDINGS: tuple[tuple[re.Pattern[str], frozenset[int], str], ...] = (
    (
        re.compile(
            r"maximum (?:context|prompt|model) length|context (?:length|size) (?:is |was |has been )?exceeded|context length of only"
            r"|reached context length|longer than the model's context|exceeds? (?:the )?(?:available )?context|context ?window"
            r"|(?:prompt|input) is too (?:long|large)|prompt exceeds max|too many (?:input )?tokens|(?:input|prompt) token count"
            r"|exceeded model token limit|n_keep.{0,20}n_ctx|range of input length|`inputs` (?:tokens \+|must have less)"
            r"|max_tokens must be at least 1, got -|reduce the length of",
            re.IGNORECASE,
        ),
        frozenset((400, 413, 422, 500)),
        "context_length",
    ),
    (
        re.compile(r"model .{0,200}(?:not found|does not exist|not exist|is not available|not supported)", re.I | re.S),
        frozenset((400, 404)),
        "model",
    ),
    (
        re.compile(r"api[ _-]?key.{0,40}(?:not valid|invalid|expired|incorrect)", re.I),
        frozenset((400, 403)),
        "credential",
    ),
    (
        re.compile(r"exceeded your current quota|insufficient (?:balance|credits|quota)", re.I),
        frozenset((400, 403, 429, 500)),
        "quota",
    ),
    (re.compile(r"overloaded", re.I), frozenset((500, 503)), "overloaded"),
    (
        re.compile(
            r"\A(?:error )?(?:404:? ?)?(?:(?:the )?(?:requested )?(?:page|file|path|url|route|resource|endpoint) )?"
            r"(?:was |could )?not (?:be )?found\.?(?: 404)?(?: nginx.*)?\Z|\Amethod not allowed\.?\Z|unexpected endpoint"
            r"|(?:invalid|unknown|unrecognized) (?:request )?url|cannot post /|no (?:such )?(?:route|endpoint|path)\b(?!s)"
            r"|requested (?:url|resource).{0,200} not found",
            re.IGNORECASE | re.DOTALL,
        ),
        frozenset((404, 500)),
        "path",
    ),
)
"""What a message says, under which statuses -> kind; for upstreams that give no code."""


def error_of(ask: Ask, head: Head, body: bytes) -> ProviderError:
    """What a non-2xx answer means for the router and for the client."""
    return _error(ask, said_in(body), head.status, head)


def error_in_reply(ask: Ask, head: Head, value: object) -> ProviderError:
    """What an error inside a 200 means: `value` is the decoded body or stream chunk that has an `error`.

    The status is the one that the error names, else 500; `ProviderError.status` stays the answer's own.
    """
    said = said_of(value)
    return _error(ask, said, said.status or 500, head)


def _error(ask: Ask, said: Said, status: int, head: Head) -> ProviderError:
    kind = kind_of(status, said.codes, said.message)
    if kind == "path" and ask.path == "count_tokens":
        kind = "model"  # it need not be able to count
    if kind == "credential" and all(one.credentials.type == "forward" for one in ask.provider.instances):
        kind = "forwarded_credential"
    shown = redacted(said.message, ask)
    where = f"`{ask.provider.name}` answered {status}"
    if kind == "context_length":
        shown = prompt_too_long(shown)
    elif shown:
        shown = f"{where}: {shown}"
    return ProviderError(
        kind=KINDS[kind],
        message=shown or where,
        status=head.status,
        retry_after_s=retry_after_of({**said.headers, **head.headers}, limited=kind in ("rate_limit", "quota")),
        model_only=kind == "rate_limit" and ask.model in said.message,
    )


def kind_of(status: int, codes: tuple[str, ...], message: str) -> str:
    """The kind's name, from codes, then wording, then status."""
    for code in codes:
        if code in CODE_KINDS:
            return CODE_KINDS[code]
    for wording, statuses, kind in WORDINGS:
        if status in statuses and wording.search(message):
            return kind
    if status in STATUS_KINDS:
        return STATUS_KINDS[status]
    return "bad_request" if 400 <= status < 500 else "server"
