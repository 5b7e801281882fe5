"""A fake of Bedrock's runtime on loopback: the binary stream, signatures checked by botocore, bearer keys, its rules, its faults.

>>> with Bedrock() as service:
...     service.then(refused("ThrottlingException"), Invoke("hello"))   # the next two requests
...     service.always(Invoke("ok"))                                    # and all others
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.fakes.loopback import LoopbackServer
from tests.fakes.upstream import Call, pieces_of
from tests.fakes.wire import Answer, Received, Script, chunked, json_answer
from tests.vectors.codewhisperer import cwvectors

ACCESS_KEY, SECRET_KEY, SESSION_TOKEN = "AKIADUMMYDUMMYDUMMY0", "dummy-secret-key", "dummy-session-token"
BEARER = "bedrock-api-key-dummy"
REGION = "eu-central-1"
MODEL = "eu.anthropic.claude-test-v1:0"
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": ACCESS_KEY,
    "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
    "AWS_SESSION_TOKEN": SESSION_TOKEN,
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": "/dev/null",
    "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
}
"""What a router is started with so that botocore finds these keys and asks nobody else."""

EVENT_STREAM = "application/vnd.amazon.eventstream"
_PATH = re.compile(r"/model/([^/]+)/(invoke|invoke-with-response-stream)")
_MEMBERS = frozenset(
    [
        "anthropic_version",
        "anthropic_beta",
        "messages",
        "system",
        "max_tokens",
        "tools",
        "tool_choice",
        "temperature",
        "top_p",
        "top_k",
        "stop_sequences",
        "thinking",
        "metadata",
        "output_config",
        "context_management",
    ]
)

Event = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Invoke:
    """An answer, streamed or whole as the path asks: a responder. `exception` ends the stream instead of its last event."""

    text: str | None = None
    calls: tuple[Call, ...] = ()
    fragment: int = 8
    exception: tuple[str, str] | None = None
    cut_bytes: int = 0

    def __call__(self, request: Received) -> Answer:
        if request.path.endswith("/invoke"):
            return json_answer(200, self.message())
        return chunked(self.blobs(), headers={"content-type": EVENT_STREAM})

    def message(self) -> dict[str, Any]:
        """The reply as one message."""
        content: list[Event] = [{"type": "text", "text": self.text}] if self.text is not None else []
        content += [{"type": "tool_use", "id": one.id, "name": one.name, "input": one.arguments} for one in self.calls]
        return {
            "id": "msg_bdrk_1",
            "type": "message",
            "role": "assistant",
            "model": "claude-test",
            "content": content,
            "stop_reason": "tool_use" if self.calls else "end_turn",
            "stop_sequence": None,
            "usage": {
                "input_tokens": 25,
                "cache_read_input_tokens": 5,
                "cache_creation_input_tokens": 0,
                "output_tokens": 7,
            },
        }

    def events(self) -> Iterator[Event]:
        """The reply as Anthropic's events."""
        message = self.message()
        usage = message["usage"]
        opened = {**message, "content": [], "stop_reason": None, "usage": {**usage, "output_tokens": 1}}
        yield {"type": "message_start", "message": opened}
        for index, block in enumerate(message["content"]):
            if block["type"] == "text":
                start: dict[str, Any] = {"type": "text", "text": ""}
                member, kind, text = "text", "text_delta", block["text"]
            else:
                start = {**block, "input": {}}
                member, kind, text = "partial_json", "input_json_delta", json.dumps(block["input"])
            yield {"type": "content_block_start", "index": index, "content_block": start}
            for piece in pieces_of(text, self.fragment):
                yield {"type": "content_block_delta", "index": index, "delta": {"type": kind, member: piece}}
            yield {"type": "content_block_stop", "index": index}
        yield {
            "type": "message_delta",
            "delta": {"stop_reason": message["stop_reason"], "stop_sequence": None},
            "usage": usage,
        }
        yield {"type": "message_stop", "amazon-bedrock-invocationMetrics": {"inputTokenCount": 25}}

    def blobs(self) -> list[bytes]:
        """The binary frames."""
        frames: list[Mapping[str, Any]] = [chunk(event) for event in self.events()]
        if self.exception is not None:
            kind, message = self.exception
            frames[-2:] = [{"exception": kind, "payload": {"message": message}}]
        blobs: list[bytes] = cwvectors.encode_frames(frames)
        if self.cut_bytes:
            blobs[-1] = blobs[-1][: -self.cut_bytes]
        return blobs


def chunk(event: Any) -> Mapping[str, Any]:
    """One chunk frame that carries an event."""
    encoded = base64.b64encode(json.dumps(event).encode()).decode()
    return {"event": "chunk", "payload": {"bytes": encoded, "p": "abcdefgh"}}


STATUSES = {
    "ThrottlingException": 429,
    "ValidationException": 400,
    "AccessDeniedException": 403,
    "ServiceUnavailableException": 503,
    "ExpiredTokenException": 403,
}


def refused(kind: str, message: str = "refused") -> Answer:
    """A refusal before any stream."""
    headers = {"x-amzn-errortype": f"{kind}:http://internal.amazon.com/coral/com.amazon.bedrock/"}
    return json_answer(STATUSES[kind], {"message": message}, headers)


class Bedrock(LoopbackServer):
    """Answers both invocations from a queue, then with what `always` was told."""

    def __init__(self, port: int = 0) -> None:
        super().__init__(self._respond, port)
        self.broken_rules: list[str] = []
        self.script = Script(Invoke("ok"))
        self.then, self.always = self.script.then, self.script.always

    def _respond(self, request: Received) -> Answer:
        found = _PATH.fullmatch(request.path)
        if request.method != "POST" or found is None or unquote(found[1]) != MODEL:
            return refused("ValidationException", "The provided model identifier is invalid.")
        if not self._is_proven(request):
            return refused("AccessDeniedException", "The security token included in the request is invalid.")
        broken = _broken_rule(request.json)
        if broken is not None:
            self.broken_rules.append(broken)
            return refused("ValidationException", broken)
        return self.script(request)

    def _is_proven(self, request: Received) -> bool:
        authorization = request.headers.get("authorization", "")
        if authorization == f"Bearer {BEARER}":
            return True
        return authorization == signature_for(f"{self.url}{request.path}", request)


def signature_for(url: str, request: Received) -> str:
    """The `authorization` that botocore would have made for exactly this request, at the time that it names."""
    authorization = request.headers.get("authorization", "")
    names = re.search(r"SignedHeaders=([^,]+)", authorization)
    date = request.headers.get("x-amz-date")
    if names is None or date is None:
        return "no signature"
    signed = {name: request.headers.get(name, "") for name in names[1].split(";")}
    again = AWSRequest("POST", url, signed, request.body)
    again.context["timestamp"] = date
    signer = SigV4Auth(Credentials(ACCESS_KEY, SECRET_KEY, SESSION_TOKEN), "bedrock", REGION)
    canonical = signer.canonical_request(again)
    text = signer.string_to_sign(again, canonical)
    scope = signer.scope(again)
    return f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders={names[1]}, Signature={signer.signature(text, again)}"


def _broken_rule(body: dict[str, Any]) -> str | None:
    if not isinstance(body.get("anthropic_version"), str):
        return "anthropic_version: Field required"
    unknown = set(body) - _MEMBERS
    if unknown:
        return f"{sorted(unknown)[0]}: Extra inputs are not permitted"
    if any(
        not re.match(r"interleaved-|context-|fine-grained-|effort-|tool-", beta)
        for beta in body.get("anthropic_beta", ())
    ):
        return "invalid beta flag"
    return None
