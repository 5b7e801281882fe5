"""A router that speaks TLS: what clients and commands do, renewed certificates, and what is refused."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import time
from pathlib import Path

import httpx
import pytest

from tests.e2e.asking import body, post
from tests.fakes.certificates import Authority
from tests.fakes.router import Router, configuration
from tests.fakes.upstream import Say, Upstream

pytestmark = pytest.mark.e2e


class TlsRouter(Router):
    """A router whose certificate is for `localhost`; asked without regard to whose it is."""

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}"

    def connection(self) -> http.client.HTTPConnection:
        context = ssl._create_unverified_context()
        return http.client.HTTPSConnection("127.0.0.1", self.port, timeout=10, context=context)

    def serial(self) -> int:
        """The serial number of the certificate that is shown now."""
        from cryptography import x509

        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as plain:
            context = ssl._create_unverified_context()
            with context.wrap_socket(plain) as shown:
                return x509.load_der_x509_certificate(shown.getpeercert(binary_form=True) or b"").serial_number


def test_clients_and_commands_speak_tls(tmp_path: Path) -> None:
    """A client that trusts the authority is served; `status`, `health`, `reload`, `env` know how to ask; plain HTTP is not."""
    ours = Authority(tmp_path)
    leaf = ours.leaf("router", "localhost", "router.test")
    tls = {"certificate": str(leaf.certificate), "key": str(leaf.key), "ca": str(ours.ca)}
    with Upstream() as upstream:
        upstream.always(Say("over TLS"))
        with TlsRouter(configuration(upstream.url, server={"tls": tls})) as router:
            trusting = ssl.create_default_context(cafile=str(ours.ca))
            with httpx.Client(verify=trusting, trust_env=False) as client:
                got = client.post(router.url + "/v1/messages", json=body(), timeout=20)
                assert got.json()["content"][0]["text"] == "over TLS"
            with httpx.Client(trust_env=False) as wary, pytest.raises(httpx.ConnectError):
                wary.get(router.url + "/health/live", timeout=20)
            with pytest.raises((OSError, http.client.HTTPException)):
                post(f"http://127.0.0.1:{router.port}", body())

            assert f"serving on {router.url}" in router.output()
            for command in (["status"], ["health"], ["reload"]):
                said = router.run(*command, "--port", str(router.port))
                assert said.returncode == 0, said.stderr
            lines = router.run("env", "--port", str(router.port), "--shell", "sh").stdout
            assert f"export ANTHROPIC_BASE_URL={router.url}\n" in lines
            assert f"export NODE_EXTRA_CA_CERTS={ours.ca}\n" in lines

            elsewhere = {"HOME": str(tmp_path), "SSL_CERT_FILE": str(ours.ca)}
            url = f"https://localhost:{router.port}"
            asked = {
                words: router.run(*words, "--host", url, **elsewhere) for words in (("status",), ("top", "--once"))
            }
            assert [one.returncode for one in asked.values()] == [0, 0], asked
            assert asked["status",].stdout.startswith(f"running on {url} ")
            refused = router.run("status", "--host", url, HOME=str(tmp_path))
            assert "its certificate is not trusted" in refused.stderr
            given = router.run("env", "--host", url, "--shell", "sh", **elsewhere).stdout
            assert f"export ANTHROPIC_BASE_URL={url}\n" in given

            before = router.serial()
            ours.leaf("router", "localhost")
            end = time.monotonic() + 10
            while router.serial() == before:
                assert time.monotonic() < end, "the renewed certificate is not taken up"
                time.sleep(0.05)
            shown = router.serial()
            leaf.key.write_text("damaged")
            while "the certificate is not renewed" not in router.logs():
                assert time.monotonic() < end + 10
                time.sleep(0.05)
            assert router.serial() == shown


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        ("missing", "cannot be read: no such file"),
        ("other key", "they do not belong together"),
        ("no PEM", "no PEM file"),
        ("other authority", "is not to be trusted with"),
    ],
)
def test_a_certificate_that_cannot_be_used_is_a_finding(tmp_path: Path, spoil: str, words: str) -> None:
    """The router does not start without the protection that was asked for, and says where it is asked for."""
    ours = Authority(tmp_path)
    leaf, other = ours.leaf("router", "localhost"), ours.leaf("other", "localhost")
    tls = {"certificate": str(leaf.certificate), "key": str(leaf.key)}
    match spoil:
        case "missing":
            leaf.key.unlink()
        case "other key":
            tls["key"] = str(other.key)
        case "no PEM":
            leaf.key.write_text("nothing of the kind")
        case _:
            tls["ca"] = str(Authority(tmp_path, "stranger").ca)
    router = Router(configuration("http://127.0.0.1:9", server={"tls": tls}))
    try:
        said = router.run("start", "--config", str(router.config), "--port", str(router.port))
        assert said.returncode == 1
        assert "CCR808" in said.stderr
        assert words in said.stderr
    finally:
        router.stop()


def test_a_broken_upstream_authority_refuses_start_and_reload(tmp_path: Path) -> None:
    """A running router goes on with the configuration that works."""
    ours = Authority(tmp_path)
    config = configuration("https://127.0.0.1:9")
    config["providers"]["fake"]["tls"] = {"ca": "ca.pem"}
    with pytest.raises(AssertionError, match="CCR808"), Router(config):
        pass
    good = configuration("https://127.0.0.1:9")
    good["providers"]["fake"]["tls"] = {"ca": str(ours.ca)}
    with Router(good) as router:
        config["providers"]["fake"]["tls"] = {"ca": str(tmp_path / "none.pem")}
        router.config.write_text(json.dumps(config))
        said = router.run("reload", "--port", str(router.port))
        assert said.returncode != 0
        assert "CCR808" in said.stdout + said.stderr
        assert router.answers()


def test_clear_text_to_a_public_host_is_refused(tmp_path: Path) -> None:
    """Unless the provider allows it in so many words."""
    config = configuration("http://llm.example.com")
    with pytest.raises(AssertionError, match="CCR804"), Router(config):
        pass
    config["providers"]["fake"]["tls"] = {"allowCleartext": True}
    with Router(config) as router:
        assert router.answers()
