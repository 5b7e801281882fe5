"""The real client under `ccr code`, whose own credentials go to the upstream (`make e2e`)."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.fakes import claude_code
from tests.fakes.anthropic_upstream import AnthropicUpstream, Reply
from tests.fakes.router import Router, ccr_command
from tests.fakes.upstream import UPSTREAM_KEY

pytestmark = [
    pytest.mark.e2e_client,
    pytest.mark.skipif(claude_code.npm() is None, reason="npm is not installed: the real client cannot be tried"),
]

ROUTER_KEY = "dummy-router-key-0123456789"


def configuration(url: str, *, keyed: bool) -> dict[str, Any]:
    config: dict[str, Any] = {
        "providers": {
            "vendor": {
                "type": "anthropic",
                "endpoint": url,
                "authentication": {"type": "forward"},
                "settings": {"models": ["claude-fake"]},
            }
        },
        "routing": {"defaultProvider": "vendor"},
    }
    return config | ({"server": {"apiKeys": [{"name": "me", "key": ROUTER_KEY}]}} if keyed else {})


@pytest.mark.parametrize("keyed", [False, True], ids=["open", "keyed"])
@pytest.mark.parametrize(
    ("own", "header", "value"),
    [
        ({"ANTHROPIC_API_KEY": UPSTREAM_KEY}, "x-api-key", UPSTREAM_KEY),
        ({"ANTHROPIC_AUTH_TOKEN": UPSTREAM_KEY}, "authorization", f"Bearer {UPSTREAM_KEY}"),
    ],
    ids=["key", "token"],
)
def test_the_upstream_gets_the_clients_own_credential_and_nothing_of_ours(
    tmp_path: Path, keyed: bool, own: dict[str, str], header: str, value: str
) -> None:
    """Its key or token arrives as it is; the router's key, which the client sends beside it, goes no further than the router."""
    work = tmp_path / "work"
    work.mkdir()
    with AnthropicUpstream() as upstream, Router(configuration(upstream.url, keyed=keyed)) as router:
        upstream.always(Reply("forwarded"))
        done = subprocess.run(
            [
                *ccr_command("code", "--port", str(router.port)),
                *("-p", "say it", "--output-format", "json", "--dangerously-skip-permissions"),
            ],
            env={
                **router.environment,
                **own,
                **({"CCR_KEY": ROUTER_KEY} if keyed else {}),
                "CLAUDE_PATH": str(claude_code.installed()),
                "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
                "CLAUDE_CODE_MAX_RETRIES": "1",
                "IS_SANDBOX": "1",
                "HTTP_PROXY": claude_code.NOBODY,
                "HTTPS_PROXY": claude_code.NOBODY,
            },
            cwd=work,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )
        assert done.returncode == 0, (done.stderr[-2000:], done.stdout[-2000:], router.logs()[-2000:])
        assert json.loads(done.stdout)["result"] == "forwarded"
        received = upstream.received[-1]
    assert received.headers[header] == value
    assert ROUTER_KEY not in repr(received)
    assert UPSTREAM_KEY not in router.logs()
