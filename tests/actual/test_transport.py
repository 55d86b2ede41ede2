"""Proxies, certificates and slow connections, with real sockets where a socket makes the difference."""

import os
import ssl
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import anyio
import httpx
import pytest
import trustme
from anyio.abc import ByteStream
from support.loopback import Loopback, break_tls, collect_sockets, hang, trickle, use

from reconcile.actual.errors import FinalError, NotSentError, OutcomeUnknownError
from reconcile.actual.reader import Reader
from reconcile.actual.transport import proxy_for, transport_to
from reconcile.actual.writer import Writer
from reconcile.clock import StoppedError
from reconcile.diagnostics import UserError

SERVICE = httpx.URL("https://vps.example/api/v1")
PLAIN = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
VARIABLES = [f"{name}_proxy" for name in ("http", "https", "all", "no")] + ["ssl_cert_file", "ssl_cert_dir"]


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.lower() in VARIABLES:
            monkeypatch.delenv(name)


Handle = Callable[[ByteStream], Awaitable[None]]


async def _close(_: ByteStream) -> None:
    """Close the connection at once."""


async def _hear_and_close(stream: ByteStream) -> None:
    await stream.receive()


def _send(data: bytes) -> Handle:
    async def send(stream: ByteStream) -> None:
        await stream.receive()
        await stream.send(data)

    return send


async def _hang_after_request(stream: ByteStream) -> None:
    await stream.receive()
    await anyio.sleep_forever()


class TestProxies:
    @pytest.mark.parametrize("variable", ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"])
    @pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
    def test_nothing_for_this_machine_goes_through_one(
        self, variable: str, host: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        proxy, service = Loopback(), Loopback()

        with proxy.serve() as proxy_port, service.serve() as port:
            monkeypatch.setenv(variable, f"http://127.0.0.1:{proxy_port}")
            use(f"http://{host}:{port}/api/v1", lambda http: Reader(http).observe())

        assert proxy.connections == 0
        assert service.connections

    @pytest.mark.parametrize(
        "url", ["http://127.0.0.1:1", "http://127.8.9.1", "https://localhost", "https://[::1]:8443"]
    )
    def test_nor_does_anything_for_its_other_names(self, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
        for variable in ("http_proxy", "https_proxy", "all_proxy"):
            monkeypatch.setenv(variable, "http://proxy.example:3128")

        assert proxy_for(httpx.URL(url), PLAIN) is None

    def test_anything_else_does(self, monkeypatch: pytest.MonkeyPatch) -> None:
        proxy = Loopback(answer=b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")

        with proxy.serve() as port:
            monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{port}")
            with pytest.raises(NotSentError, match=r"the proxy could not connect \(403 Forbidden\)"):
                use(str(SERVICE), lambda http: Writer(http).delete(1))

        assert proxy.received[0].startswith(b"CONNECT vps.example:443 ")
        assert b"vps_secret" not in b"".join(proxy.received)

    @pytest.mark.parametrize(
        "handle",
        [
            _close,
            _hear_and_close,
            _send(b"HTTP/1.1 200"),
            _send(b"\0\xff\r\n\r\n"),
            _send(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200_000),
            _send(b"HTTP/1.1 101 Switching Protocols\r\n\r\n"),
        ],
        ids=["closes", "closes after CONNECT", "cuts off", "sends no HTTP", "sends a huge header", "switches"],
    )
    def test_one_that_fails_before_it_connects_has_certainly_sent_nothing(
        self, handle: Handle, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with Loopback(handle=handle).serve() as port:
            monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{port}")
            with pytest.raises(NotSentError, match="could not connect"):
                use(str(SERVICE), lambda http: Writer(http).create(1, "a"))

    @pytest.mark.parametrize("handle", [_hear_and_close, _send(b"HTTP/1.1 400 Bad Request\r\n\r\n"), _send(b"\5")])
    def test_neither_has_a_socks_proxy(self, handle: Handle, monkeypatch: pytest.MonkeyPatch) -> None:
        pytest.importorskip("socksio")
        with Loopback(handle=handle).serve() as port:
            monkeypatch.setenv("ALL_PROXY", f"socks5://127.0.0.1:{port}")
            with pytest.raises(NotSentError, match=r"could not connect \(Malformed reply\)"):
                use(str(SERVICE), lambda http: Writer(http).create(1, "a"))
        collect_sockets()

    def test_one_that_hangs_until_the_deadline_has_sent_nothing_either(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with Loopback(handle=_hang_after_request).serve() as port:
            monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{port}")
            with pytest.raises(StoppedError, match="waiting for POST"):
                use(str(SERVICE), lambda http: Writer(http).create(1, "a"), seconds=0.3)
        collect_sockets()

    @pytest.mark.parametrize(
        ("variables", "proxy"),
        [
            ({"https_proxy": "http://a:1", "all_proxy": "http://b:2"}, "http://a:1"),
            ({"HTTPS_PROXY": "a:1"}, "http://a:1"),
            ({"all_proxy": "https://b:2"}, "https://b:2"),
            ({"http_proxy": "http://a:1"}, None),
            ({"https_proxy": ""}, None),
            ({"https_proxy": "http://a:1", "no_proxy": "vps.example"}, None),
            ({"https_proxy": "http://a:1", "NO_PROXY": "other.example, .example"}, None),
            ({"https_proxy": "http://a:1", "no_proxy": "*"}, None),
            ({"https_proxy": "http://a:1", "no_proxy": "[::1"}, "http://a:1"),
            ({"https_proxy": "http://a:1", "no_proxy": "http://[,::1,10.0.0.0/8"}, "http://a:1"),
            ({"no_proxy": "[::1"}, None),
        ],
    )
    def test_the_environment_chooses(
        self, variables: dict[str, str], proxy: str | None, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)

        chosen = proxy_for(SERVICE, PLAIN)

        assert (chosen and str(chosen.url)) == proxy
        transport_to(SERVICE)

    @pytest.mark.parametrize(
        ("variable", "value", "problem"),
        [
            ("ALL_PROXY", "socks://user:hunter2@127.0.0.1:1080", "socks:// is not a supported kind of proxy"),
            ("https_proxy", "socks4://127.0.0.1:1080", "socks4:// is not a supported kind of proxy"),
            ("ALL_PROXY", "socks5://user:hunter2@127.0.0.1:1080", "a socks5:// proxy needs the package socksio"),
            ("all_proxy", "socks5h://127.0.0.1:1080", "a socks5h:// proxy needs the package socksio"),
            ("HTTPS_PROXY", "http://", "is not the URL of a proxy"),
            ("HTTPS_PROXY", "http://user:hunter2@[::1", "is not the URL of a proxy"),
            ("HTTPS_PROXY", "proxy.example:99999", "is not the URL of a proxy"),
            ("HTTPS_PROXY", "http://xn--/", "is not the URL of a proxy"),
        ],
    )
    def test_one_that_can_not_be_used_is_an_error_that_names_its_variable(
        self, variable: str, value: str, problem: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(sys.modules, "socksio", None)
        monkeypatch.setenv(variable, value)

        with pytest.raises(UserError) as refused:
            transport_to(SERVICE)

        assert str(refused.value).startswith(variable)
        assert problem in str(refused.value)
        assert "hunter2" not in repr(refused.value.diagnostics)


class TestCertificates:
    @pytest.fixture
    def authority(self) -> trustme.CA:
        return trustme.CA()

    @pytest.fixture
    def secure(self, authority: trustme.CA) -> Loopback:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("127.0.0.1").configure_cert(context)
        return Loopback(tls=context)

    def _observe(self, service: Loopback, scheme: str = "https") -> None:
        with service.serve() as port:
            use(f"{scheme}://127.0.0.1:{port}", lambda http: Reader(http).backups())

    def test_one_that_is_not_trusted_is_refused_at_once(self, secure: Loopback) -> None:
        with pytest.raises(FinalError, match=r"certificate is not trusted \(.*CERTIFICATE_VERIFY_FAILED") as refused:
            self._observe(secure)

        advice = refused.value.diagnostics[0].detail
        assert "trust store" in advice
        assert "SSL_CERT_FILE" in advice
        assert "base URL" not in advice
        assert secure.connections == 1
        assert not secure.received

    @pytest.mark.parametrize("name", ["SSL_CERT_FILE", "ssl_cert_both"])
    def test_one_that_the_environment_trusts_will_do(
        self, name: str, authority: trustme.CA, secure: Loopback, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        file = tmp_path / "ca.pem"
        authority.cert_pem.write_to_path(file)
        monkeypatch.setenv("SSL_CERT_FILE", str(file))
        if name == "ssl_cert_both":
            monkeypatch.setenv("SSL_CERT_DIR", f"{tmp_path}{os.pathsep}{tmp_path}")

        self._observe(secure)

        assert secure.received

    def test_a_port_that_does_not_speak_tls(self) -> None:
        with pytest.raises(FinalError, match="no TLS connection") as refused:
            self._observe(Loopback(answer=b"HTTP/1.1 400 Bad Request\r\n\r\n"))

        assert "speak https" in refused.value.diagnostics[0].detail

    @pytest.mark.parametrize(
        "handle",
        [_close, _hear_and_close, _send(b"\x15\3\3\0\2\1\0"), _send(b"\x15\3\3\0\2\2\x50")],
        ids=["closed at once", "closed after the first message", "closed in the words of TLS", "an internal error"],
    )
    def test_a_handshake_that_the_other_side_ends_is_a_connection_that_was_never_made(self, handle: Handle) -> None:
        """A load balancer that restarts does so."""
        with (
            Loopback(handle=handle).serve() as port,
            pytest.raises(NotSentError, match="could not connect"),
        ):
            use(f"https://127.0.0.1:{port}", lambda http: Writer(http).create(1, "a"))

    def test_a_connection_that_breaks_in_tls_leaves_open_what_became_of_a_change(
        self, authority: trustme.CA, secure: Loopback, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        secure.handle = break_tls
        authority.cert_pem.write_to_path(tmp_path / "ca.pem")
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))

        with secure.serve() as port, pytest.raises(OutcomeUnknownError, match=r"no complete response \(\[SSL: "):
            use(f"https://127.0.0.1:{port}", lambda http: Writer(http).create(1, "a"))

    @pytest.mark.parametrize(
        ("variable", "value", "problem"),
        [
            ("SSL_CERT_FILE", "missing.pem", "No such file or directory"),
            ("SSL_CERT_FILE", __file__, "no certificates in PEM format"),
            ("SSL_CERT_DIR", "missing", "not a folder"),
        ],
    )
    def test_a_setting_that_can_not_be_used_is_an_error_that_names_its_variable(
        self, variable: str, value: str, problem: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv(variable, str(tmp_path / value))

        with pytest.raises(UserError) as refused:
            transport_to(SERVICE)

        assert str(refused.value) == f"{variable} can't be used: {tmp_path / value}: {problem}"

    def test_plain_http_does_not_read_any(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "missing.pem"))

        self._observe(Loopback(), "http")


class TestDeadline:
    @pytest.mark.parametrize(
        ("scheme", "handle"),
        [("http", hang), ("http", _hang_after_request), ("http", trickle), ("https", hang)],
        ids=["accepts and hangs", "never answers", "trickles", "no TLS handshake"],
    )
    def test_ends_every_wait(self, scheme: str, handle: Handle) -> None:
        with Loopback(handle=handle).serve() as port:
            started = time.monotonic()
            with pytest.raises(StoppedError, match="out of time"):
                use(f"{scheme}://127.0.0.1:{port}", lambda http: Reader(http).observe(), seconds=0.2)

            assert time.monotonic() - started < 20
        collect_sockets()

    def test_leaves_open_what_became_of_a_change(self) -> None:
        with (
            Loopback(handle=_hang_after_request).serve() as port,
            pytest.raises(OutcomeUnknownError, match="no response: out of time"),
        ):
            use(f"http://127.0.0.1:{port}", lambda http: Writer(http).create(1, "a"), seconds=1)


def test_a_port_where_nobody_listens() -> None:
    with Loopback().serve() as port:
        pass

    with pytest.raises(NotSentError, match=r"could not connect \(Connection refused\)"):
        use(f"http://127.0.0.1:{port}", lambda http: Writer(http).delete(1))
