"""What test-config says of a `bedrock` provider before its first request."""

from __future__ import annotations

from typing import Any

import pytest

from engine.build import build
from engine.configuration.checks import bedrock

HEAD = "providers:\n  b:\n    type: bedrock\n"
TAIL = "routing: {defaultProvider: b, rules: {default: 'b,m'}}\n"


def codes(text: str) -> list[tuple[str, str]]:
    """The codes and help of what stops a start."""
    checked = build(f"{HEAD}{text}{TAIL}".encode(), "c.yaml", read_file=lambda path: b"", env={}, secrets="keep")
    return [(one.code, one.message) for one in checked.diagnostics if one.severity.value == "error"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("    settings: {models: [m], region: eu-central-1}\n", []),
        ("    settings: {models: [m]}\n", ["CCR102"]),
        ("    endpoint: https://bedrock-runtime.eu-central-1.amazonaws.com\n    settings: {models: [m]}\n", []),
        ("    endpoint: https://proxy.test\n    settings: {models: [m]}\n", ["CCR102"]),
        (
            "    endpoint: https://proxy.test\n    authentication: {token: '${T}'}\n    settings: {models: [m]}\n",
            [],
        ),
        ("    authentication: {token: '${T}'}\n    settings: {models: [m]}\n", ["CCR102"]),
    ],
)
def test_a_region_is_wanted_where_it_is_needed(text: str, found: list[str]) -> None:
    """To sign, and to know the endpoint where none is written."""
    assert [code for code, _ in codes(text)] == found


def test_a_missing_botocore_is_found_before_a_request_needs_it(monkeypatch: Any) -> None:
    """Only where requests are to be signed."""
    monkeypatch.setattr(bedrock, "can_sign", lambda: False)
    region = "    settings: {models: [m], region: eu-central-1}\n"
    assert [code for code, _ in codes(region)] == ["CCR104"]
    assert codes("    authentication: {token: '${T}'}\n" + region) == []
