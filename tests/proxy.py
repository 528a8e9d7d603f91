"""`TinyProxy`: an HTTP proxy on loopback that leads every name to where it is told, for CONNECT and for plain HTTP."""

from __future__ import annotations

import contextlib
import socket
import threading
from base64 import b64encode
from types import TracebackType
from typing import Self

from lab.loopback import HOST


class TinyProxy:
    """Leads all to `port` of this machine, or answers `status`. A context; ends all it began.

    `asked` are the request lines. With `user` (`name:password`) it wants them. The names that it is asked for need
    not exist: what comes through cannot have come straight.
    """

    def __init__(self, port: int = 0, status: int = 0, user: str = "") -> None:
        self.asked: list[str] = []
        self._target, self._status = port, status
        self._wanted = f"Basic {b64encode(user.encode()).decode()}" if user else ""
        self._listener = socket.create_server((HOST, 0))
        self.port: int = self._listener.getsockname()[1]
        self._open: list[socket.socket] = [self._listener]

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, name="tiny-proxy", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for each in self._open:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self._open.append(connection)
                threading.Thread(target=self._serve, args=[connection], name="tiny-exchange", daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError):
            head = b""
            while b"\r\n\r\n" not in head:
                more = client.recv(65536)
                if not more:
                    return
                head += more
            first, _, rest = head.partition(b"\r\n")
            self.asked.append(first.decode())
            status = self._status
            if self._wanted and f"proxy-authorization: {self._wanted}".lower() not in head.decode().lower():
                status = 407
            if status:
                client.sendall(b"HTTP/1.1 %d as scripted\r\nContent-Length: 0\r\nConnection: close\r\n\r\n" % status)
                return
            with socket.create_connection((HOST, self._target)) as server:
                self._open.append(server)
                if first.startswith(b"CONNECT "):
                    client.sendall(b"HTTP/1.1 200 as scripted\r\n\r\n")
                else:  # POST http://host:port/path HTTP/1.1
                    method, url, version = first.split(b" ")
                    server.sendall(b" ".join([method, b"/" + url.split(b"/", 3)[3], version]) + b"\r\n" + rest)
                back = threading.Thread(target=_relay, args=[server, client], name="tiny-relay", daemon=True)
                back.start()
                _relay(client, server)
                back.join()


def _relay(origin: socket.socket, destination: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while piece := origin.recv(65536):
            destination.sendall(piece)
        destination.shutdown(socket.SHUT_WR)
