"""Messages requests for Bedrock: every rule a row, the bytes that stay, a refusal that is mended."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from providers.dialects.bedrock.requests import encode, mended
from providers.dialects.bedrock.settings import region_of
from providers.dialects.seams import Unencodable
from providers.errors import KINDS, ProviderError
from tests.conftest import Golden
from tests.providers.dialects.asking import BASE, REQUESTS, ask_of, lost_of, row_ask, rows

ROWS = rows("bedrock_requests")


@pytest.mark.parametrize("row", ROWS, ids=[row["name"] for row in ROWS])
def test_a_rule_of_the_translation(row: dict[str, Any]) -> None:
    """What the row says is sent, absent and lost is exactly so; never a model or a stream."""
    encoded = encode(row_ask(row, "bedrock"))
    body = json.loads(encoded.body)
    assert {name: body.get(name) for name in row.get("sent", {})} == row.get("sent", {})
    assert [name for name in (*row.get("absent", ()), "model", "stream") if name in body] == []
    assert lost_of(encoded) == row.get("lost", {})
    assert row.get("body", body) == body
    assert row.get("url", encoded.path) == encoded.path


@pytest.mark.parametrize("name", ["claude-code-1.0-main", "claude-code-2.1-main", "claude-code-2.1-history"])
def test_what_is_not_changed_stays_as_it_came(name: str) -> None:
    """System (but for the line that is for the vendor), messages and tools of the real client are passed on byte for byte."""
    raw = (REQUESTS / f"{name}.json").read_bytes()
    ask = ask_of(raw, kind="bedrock")
    sent = encode(ask).body
    assert b"x-anthropic-billing-header" not in sent
    for block in msgspec.json.decode(ask.request.fields["system"], type=list[msgspec.Raw]):
        assert bytes(block) in sent or b"x-anthropic-billing-header" in bytes(block)
    for member in ("tools", "messages"):
        for one in msgspec.json.decode(ask.request.fields[member], type=list[msgspec.Raw]):
            said = bytes(one)
            assert said in sent or b'"role": "system"' in said or b'"signature"' in said
    json.loads(sent)


@pytest.mark.parametrize("name", ["claude-code-1.0-main", "claude-code-2.1-main", "claude-code-2.1-history"])
def test_a_whole_request_of_the_client(name: str, golden: Golden) -> None:
    """What of the real client's request is sent changed or not at all, beside what passes as it came."""
    raw = (REQUESTS / f"{name}.json").read_bytes()
    beta = {"anthropic-beta": "claude-code-20250219,interleaved-thinking-2025-05-14,context-management-2025-06-27"}
    model = {"maxOutputTokens": 32000, "capabilities": ["tools", "images", "thinking"]}
    ask = ask_of(raw, kind="bedrock", headers=beta, model=model, settings={"modelIds": {"up": "eu.anthropic.up-v1:0"}})
    encoded = encode(ask)
    came, sent = json.loads(raw), json.loads(encoded.body)
    produced = {
        "path": encoded.path,
        "headers": dict(encoded.headers),
        "members": list(sent),
        "changed": {name: sent[name] for name in sent if sent[name] != came.get(name, ...)},
        "leftOut": [name for name in came if name not in sent],
        "lost": {f"{lost.field}: {lost.why}": lost.count for lost in encoded.lost},
    }
    golden.json(f"bedrock/{name}.json", produced)


def test_only_what_json_needs_stands_in_the_headers() -> None:
    """The client's headers stay with us; betas travel in the body."""
    encoded = encode(ask_of(BASE, kind="bedrock", headers={"anthropic-version": "x", "x-app": "cli"}))
    assert dict(encoded.headers) == {"content-type": "application/json", "accept": "application/json"}


@pytest.mark.parametrize("name", [".", "..", ""])
def test_a_model_that_no_path_can_name_is_refused(name: str) -> None:
    """A dot segment would be another path."""
    with pytest.raises(Unencodable):
        encode(ask_of(BASE, kind="bedrock", name=name))


def test_a_refused_signature_is_mended_once() -> None:
    """After a 400 that is about thinking, the request goes out without any, and then no more."""
    thought = {"type": "thinking", "thinking": "a", "signature": "foreign"}
    turns = [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": [thought, {"type": "text", "text": "b"}]},
        {"role": "user", "content": "c"},
    ]
    ask = ask_of({**BASE, "messages": turns}, kind="bedrock")
    first = encode(ask)
    refusal = ProviderError(KINDS["bad_request"], "messages.1.content.0: Invalid `signature` in `thinking` block", 400)
    again = mended(ask, first, refusal)
    assert again is not None
    assert json.loads(again.encoded.body)["messages"][1]["content"] == [{"type": "text", "text": "b"}]
    assert mended(ask, again.encoded, refusal) is None
    assert mended(ask, first, ProviderError(KINDS["bad_request"], "something else", 400)) is None


def test_a_refused_beta_is_mended_once() -> None:
    """Which betas a model takes is said nowhere: after the refusal all go, with what needs one; a signature may be refused besides."""
    thought = {"type": "thinking", "thinking": "a", "signature": "foreign"}
    turns = [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": [thought, {"type": "text", "text": "b"}]},
        {"role": "user", "content": "c"},
    ]
    betas = {"anthropic-beta": "context-management-2025-06-27,effort-2025-11-24"}
    cleared = {**BASE, "messages": turns, "context_management": {"edits": []}}
    ask = ask_of(cleared, kind="bedrock", headers=betas)
    first = encode(ask)
    assert json.loads(first.body)["anthropic_beta"] == betas["anthropic-beta"].split(",")
    beta = ProviderError(KINDS["bad_request"], "`p` answered 400: invalid beta flag", 400)
    again = mended(ask, first, beta)
    assert again is not None
    assert again.fix == "betas-removed"
    body = json.loads(again.encoded.body)
    assert not {"anthropic_beta", "context_management"} & set(body)
    assert lost_of(again.encoded) == {"header.anthropic-beta": 2, "context_management": 1}
    assert mended(ask, again.encoded, beta) is None
    signature = ProviderError(KINDS["bad_request"], "Invalid `signature` in `thinking` block", 400)
    last = mended(ask, again.encoded, signature)
    assert last is not None
    assert "anthropic_beta" not in json.loads(last.encoded.body)
    assert mended(ask, last.encoded, signature) is None
    assert mended(ask, last.encoded, beta) is None


@pytest.mark.parametrize(
    ("endpoint", "settings", "region"),
    [
        ("https://bedrock-runtime.eu-central-1.amazonaws.com", {}, "eu-central-1"),
        ("https://bedrock-runtime-fips.us-gov-west-1.amazonaws.com/x", {}, "us-gov-west-1"),
        ("https://bedrock-runtime.eu-central-1.amazonaws.com", {"region": "us-east-1"}, "eu-central-1"),
        ("https://vpce-1.example", {"region": "us-east-1"}, "us-east-1"),
        ("https://vpce-1.example", {}, ""),
        ("http://[broken", {"region": 7}, ""),
        ("", {}, ""),
    ],
)
def test_the_region_is_set_or_in_the_name(endpoint: str, settings: dict[str, Any], region: str) -> None:
    """The host wins: a signature for another region would be refused there."""
    assert region_of(endpoint, settings) == region
