"""TLS and proxies on the wire: what each key does, and what is said when a peer does not agree."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import traceback
import warnings
from pathlib import Path

import pytest
import trustme
from urllib3.exceptions import SSLError

from lab.loopback import HOST, free_port
from telegraf_plugin.errors import BadReply, PermanentError, SourceError, TransientError
from telegraf_plugin.influxdb.client import QueryClient
from telegraf_plugin.influxdb.failures import explain
from telegraf_plugin.influxdb.flux import Query
from telegraf_plugin.transport import STRAIGHT, Tls, Transport
from tests.behaviours import good
from tests.fakes import FakeSource
from tests.proxy import TinyProxy

TOKEN = "a-token-that-nobody-may-see"
PASSWORD = "hunter2-of-the-proxy"
QUERY = Query('from(bucket: "b") |> range(start: 0)', {})
OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/csv\r\nContent-Length: 2\r\nConnection: close\r\n\r\n\r\n"
NAME = "influxdb.example.org"


class Authority:
    """An authority made for the test: `file` is its certificate; it issues the server's and the client's."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._folder = folder
        self._ca = trustme.CA()
        self.file = folder / "ca.pem"
        self._ca.cert_pem.write_to_path(str(self.file))

    def server(self, *names: str) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._ca.issue_cert(*names).configure_cert(context)
        return context

    def wanting_clients(self, version: ssl.TLSVersion) -> ssl.SSLContext:
        context = self.server(HOST)
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(self.file)
        context.maximum_version = version
        return context

    def client(self) -> tuple[Path, Path]:
        issued = self._ca.issue_cert("collector")
        cert, key = self._folder / "client.pem", self._folder / "client.key"
        issued.cert_chain_pems[0].write_to_path(str(cert))
        issued.private_key_pem.write_to_path(str(key))
        return cert, key


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "authority")


@pytest.fixture
def stranger(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "stranger")


class TlsServer:
    """Answers queries in TLS, one connection after the other; `names` are the server names that clients sent."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self.names: list[str | None] = []
        context.sni_callback = lambda _socket, name, _context: self.names.append(name)
        self._context = context
        self._listener = socket.create_server((HOST, 0))
        self.port: int = self._listener.getsockname()[1]

    def __enter__(self) -> TlsServer:
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                connection: socket.socket = self._listener.accept()[0]
            except OSError:
                return
            connection.settimeout(5.0)
            # As long as it is open, what the client still sends cannot reset the connection and take the alert with it.
            with connection.dup() as lasting:
                with contextlib.suppress(OSError), self._context.wrap_socket(connection, True) as peer:
                    while len(peer.recv(65536)) == 65536:
                        pass
                    peer.sendall(OK)
                    peer.shutdown(socket.SHUT_WR)
                    peer.recv(1)
                with contextlib.suppress(OSError):
                    while lasting.recv(65536):
                        pass


def reply(url: str, transport: Transport) -> bytes:
    return b"".join(QueryClient(url, "org", lambda: TOKEN, 2.0, 2.0, 10.0, transport).query(QUERY))


def failure(url: str, transport: Transport) -> SourceError:
    with pytest.raises(SourceError) as caught:
        reply(url, transport)
    told = caught.value.summary + caught.value.hint + "".join(traceback.format_exception(caught.value))
    assert TOKEN not in told
    assert PASSWORD not in told
    return caught.value


def tls(**keys: object) -> Transport:
    return Transport(Tls(**keys))  # type: ignore[arg-type]


# Whom we trust


def test_a_server_of_the_authority_in_tls_ca_is_read(authority: Authority) -> None:
    with TlsServer(authority.server(HOST)) as server:
        assert reply(f"https://{HOST}:{server.port}", tls(ca=authority.file)) == b"\r\n"
        assert reply(f"HTTPS://{HOST}:{server.port}", tls(ca=authority.file)) == b"\r\n"


def test_with_tls_ca_no_other_authority_counts(
    authority: Authority, stranger: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    with TlsServer(authority.server(HOST)) as server:
        url = f"https://{HOST}:{server.port}"
        assert reply(url, STRAIGHT) == b"\r\n"
        error = failure(url, tls(ca=stranger.file))
    assert (type(error), error.summary) == (PermanentError, "the server's certificate is not trusted")
    assert "tls_ca" in error.hint


def test_a_server_name_is_asked_for_and_compared_in_place_of_the_urls(authority: Authority) -> None:
    with TlsServer(authority.server(NAME)) as server:
        url = f"https://{HOST}:{server.port}"
        assert reply(url, tls(ca=authority.file, server_name=NAME)) == b"\r\n"
        assert server.names == [NAME]
        for other in (tls(ca=authority.file), tls(ca=authority.file, server_name="other.example.org")):
            error = failure(url, other)
            assert (type(error), error.summary) == (
                PermanentError,
                "the server's certificate is for another name",
            )
            assert "tls_server_name" in error.hint


def test_skipping_verification_reads_any_server_and_leaves_the_saying_to_the_start(stranger: Authority) -> None:
    with TlsServer(stranger.server(NAME)) as server, warnings.catch_warnings():
        warnings.simplefilter("error")
        assert reply(f"https://{HOST}:{server.port}", tls(verify=False)) == b"\r\n"
        assert reply(f"https://{HOST}:{server.port}", tls(verify=False, server_name="x.example.org")) == b"\r\n"


def test_one_servers_skipped_verification_is_not_anothers(stranger: Authority) -> None:
    with TlsServer(stranger.server(HOST)) as server:
        url = f"https://{HOST}:{server.port}"
        assert reply(url, tls(verify=False)) == b"\r\n"
        assert failure(url, STRAIGHT).summary == "the server's certificate is not trusted"


# Whom we are

VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]


@pytest.mark.parametrize("version", VERSIONS)
def test_a_client_certificate_is_shown_to_a_server_that_wants_one(
    authority: Authority, version: ssl.TLSVersion
) -> None:
    cert, key = authority.client()
    with TlsServer(authority.wanting_clients(version)) as server:
        assert reply(f"https://{HOST}:{server.port}", tls(ca=authority.file, cert=cert, key=key)) == b"\r\n"


@pytest.mark.parametrize("version", VERSIONS)
def test_a_server_that_wants_a_client_certificate_is_told_as_such(
    authority: Authority, version: ssl.TLSVersion
) -> None:
    with TlsServer(authority.wanting_clients(version)) as server:
        error = failure(f"https://{HOST}:{server.port}", tls(ca=authority.file))
    assert type(error) is PermanentError
    assert "tls_cert" in error.hint


@pytest.mark.parametrize("version", VERSIONS)
def test_a_client_certificate_that_the_server_refuses_is_told(
    authority: Authority, stranger: Authority, version: ssl.TLSVersion
) -> None:
    cert, key = stranger.client()
    with TlsServer(authority.wanting_clients(version)) as server:
        error = failure(f"https://{HOST}:{server.port}", tls(ca=authority.file, cert=cert, key=key))
    assert (type(error), error.summary) == (PermanentError, "the server refuses the client certificate")


def test_a_connection_that_breaks_off_in_tls_may_be_for_a_client_certificate() -> None:
    # What a server says of a certificate is lost where it closes while the client still sends.
    error = explain(SSLError("EOF occurred in violation of protocol (_ssl.c:2427)"), "https://pod-1")
    assert (type(error), error.summary) == (TransientError, "the connection broke off in TLS")
    assert "tls_cert" in error.hint


def test_a_server_that_speaks_old_tls_only_is_told(authority: Authority) -> None:
    context = authority.server(HOST)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    with TlsServer(context) as server:
        error = failure(f"https://{HOST}:{server.port}", tls(ca=authority.file))
    assert type(error) is PermanentError
    assert "TLS 1.2" in error.hint


def test_a_file_that_has_gone_since_the_start_makes_no_client(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=f"the file {tmp_path}/gone.pem is not there"):
        QueryClient("https://pod-1", "org", lambda: TOKEN, 1, 1, 1, tls(ca=tmp_path / "gone.pem"))


# Proxies


def test_plain_http_goes_through_the_proxy() -> None:
    with FakeSource(good()) as source, TinyProxy(source.port) as proxy:
        assert reply("http://pod-1.invalid:8086", Transport(proxy=proxy.url)) == b"\r\n"
    assert proxy.asked == ["POST http://pod-1.invalid:8086/api/v2/query?org=org HTTP/1.1"]
    assert source.requests[0].headers["host"] == "pod-1.invalid:8086"


def test_tls_goes_through_the_proxy_which_sees_no_more_than_the_address(authority: Authority) -> None:
    with TlsServer(authority.server(NAME)) as server, TinyProxy(server.port) as proxy:
        transport = Transport(Tls(authority.file), proxy.url)
        assert reply(f"https://{NAME}:8086", transport) == b"\r\n"
        assert [line.rpartition(" ")[0] for line in proxy.asked] == [f"CONNECT {NAME}:8086"]
        transport = Transport(Tls(authority.file, server_name=NAME), proxy.url)
        assert reply("https://other.invalid:8086", transport) == b"\r\n"
        assert server.names == [NAME, NAME]


def test_a_proxy_gets_its_user_and_password(authority: Authority) -> None:
    user = f"collector:{PASSWORD}/"
    quoted = user.replace("/", "%2F")
    with TlsServer(authority.server(NAME)) as server, TinyProxy(server.port, user=user) as proxy:
        url = proxy.url.replace("//", f"//{quoted}@")
        assert reply(f"https://{NAME}:8086", Transport(Tls(authority.file), url)) == b"\r\n"
    with FakeSource(good()) as source, TinyProxy(source.port, user=user) as proxy:
        url = proxy.url.replace("//", f"//{quoted}@")
        assert reply("http://pod-1.invalid", Transport(proxy=url)) == b"\r\n"
        assert "proxy-authorization" in source.requests[0].headers  # this tiny proxy passes all on


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_wants_another_password_is_told(scheme: str) -> None:
    with TinyProxy(user="a:b") as proxy:
        url = proxy.url.replace("//", f"//user:{PASSWORD}@")
        error = failure(f"{scheme}://pod-1.invalid", Transport(proxy=url))
    assert (type(error), error.summary) == (PermanentError, "the proxy wants a user and a password (407)")
    assert "HTTPS_PROXY" in error.hint


def test_a_proxy_that_does_not_let_pass_is_told() -> None:
    with TinyProxy(status=403) as proxy:
        error = failure("https://pod-1.invalid:8086", Transport(proxy=proxy.url))
    assert (type(error), error.summary) == (PermanentError, "the proxy does not lead there (403)")
    assert error.hint == "let it pass pod-1.invalid:8086, or name the host in NO_PROXY"


def test_a_proxy_that_does_not_reach_the_server_is_told() -> None:
    with TinyProxy(status=502) as proxy:
        error = failure("https://pod-1.invalid:8086", Transport(proxy=proxy.url))
    assert (type(error), error.summary) == (TransientError, "the proxy cannot reach the server (502)")


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_is_not_there_is_told_as_the_proxy(scheme: str) -> None:
    proxy = f"http://user:{PASSWORD}@{HOST}:{free_port()}"
    error = failure(f"{scheme}://pod-1.invalid", Transport(proxy=proxy))
    assert (type(error), error.summary) == (TransientError, "the proxy cannot be used: connection refused")
    assert "NO_PROXY" in error.hint


def test_a_proxy_that_speaks_something_else_is_told() -> None:
    with FakeSource(lambda exchange: exchange.send(b"SSH-2.0-OpenSSH_9.2\r\n"), same=True) as fake:
        error = failure("https://pod-1.invalid", Transport(proxy=fake.url))
    assert isinstance(error, BadReply | TransientError)
    assert error.hint
