"""TLS that fails ends as an error that says what is wrong with which certificate."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest
import trustme
from urllib3 import exceptions as urllib3

from telegraf_plugin.errors import PermanentError
from telegraf_plugin.influxdb.failures import explain
from tests.fakes import FakeSource
from tests.unit.test_failures import (
    QUERY,
    check,
    client,
    failure,
    sends,
)

# TLS


class TlsServer:
    """Answers one connection: the first bytes of it when `context` is None, else a request in TLS."""

    def __init__(self, context: ssl.SSLContext | None, answer: bytes) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, args=[context, answer], daemon=True).start()

    def _serve(self, context: ssl.SSLContext | None, answer: bytes) -> None:
        with contextlib.suppress(OSError), self._listener:
            connection: socket.socket = self._listener.accept()[0]
            connection.settimeout(5.0)
            with contextlib.closing(connection if context is None else context.wrap_socket(connection, True)) as peer:
                while len(peer.recv(65536)) == 65536:
                    pass
                peer.sendall(answer)
                peer.shutdown(socket.SHUT_WR)
                peer.recv(1)


OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/csv\r\nContent-Length: 2\r\nConnection: close\r\n\r\n\r\n"


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def trusted(authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority.cert_pem.write_to_path(str(tmp_path / "authority.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))


def tls(certificate: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


def test_a_certificate_of_an_unknown_authority_is_told(authority: trustme.CA) -> None:
    server = TlsServer(tls(authority.issue_cert("127.0.0.1")), OK)
    error = failure(f"https://127.0.0.1:{server.port}")
    check(error, PermanentError, "the server's certificate is not trusted", "SSL_CERT_FILE")


@pytest.mark.usefixtures("trusted")
def test_the_hint_about_an_unknown_authority_helps(authority: trustme.CA) -> None:
    server = TlsServer(tls(authority.issue_cert("127.0.0.1")), OK)
    assert b"".join(client(f"https://127.0.0.1:{server.port}").query(QUERY)) == b"\r\n"


@pytest.mark.usefixtures("trusted")
def test_an_expired_certificate_is_told(authority: trustme.CA) -> None:
    old = authority.issue_cert("127.0.0.1", not_after=datetime(2020, 1, 1, tzinfo=UTC))
    error = failure(f"https://127.0.0.1:{TlsServer(tls(old), OK).port}")
    check(error, PermanentError, "the server's certificate has expired", "renew it, or check this machine's clock")


@pytest.mark.usefixtures("trusted")
def test_a_certificate_of_the_future_is_told(authority: trustme.CA) -> None:
    new = authority.issue_cert(
        "127.0.0.1", not_before=datetime(2090, 1, 1, tzinfo=UTC), not_after=datetime(2091, 1, 1, tzinfo=UTC)
    )
    error = failure(f"https://127.0.0.1:{TlsServer(tls(new), OK).port}")
    assert type(error) is PermanentError
    assert "clock" in error.hint


@pytest.mark.usefixtures("trusted")
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_certificate_for_another_name_is_told(authority: trustme.CA, host: str) -> None:
    server = TlsServer(tls(authority.issue_cert("influxdb.example.org")), OK)
    error = failure(f"https://{host}:{server.port}")
    check(error, PermanentError, "the server's certificate is for another name", "use the name")


def test_tls_to_a_port_that_does_not_speak_it_is_told() -> None:
    server = TlsServer(None, b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n400 Bad Request")  # as Go does
    error = failure(f"https://127.0.0.1:{server.port}")
    check(error, PermanentError, "the server does not speak TLS on this port", "http:// instead of https://")


def test_no_tls_to_a_port_that_wants_it_is_told() -> None:
    text = b"Client sent an HTTP request to an HTTPS server.\n"  # Go's net/http
    with FakeSource(sends(b"HTTP/1.0 400 Bad Request\r\n\r\n" + text)) as source:
        error = failure(source.url)
    assert type(error) is PermanentError
    assert "https://" in error.hint


def test_another_tls_failure_is_told_in_its_own_words() -> None:
    error = explain(urllib3.SSLError("unsafe legacy\nrenegotiation"), "https://pod-1")
    check(error, PermanentError, "TLS failed: unsafe legacy renegotiation", "check url and certificates")
