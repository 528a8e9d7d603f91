"""What a server must prove and what is proved to it: an authority, a client certificate, a name."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

MAX_FILE_BYTES = 4 * 1024 * 1024
"""The authorities of a whole system take some 250 KiB."""


@dataclass(frozen=True, slots=True)
class Tls:
    """The keys `tls_ca`, `tls_cert`, `tls_key`, `tls_server_name` and (turned round) `insecure_skip_verify`.

    Without `ca` the system's authorities are trusted, or those of SSL_CERT_FILE; with it, only those in it.
    """

    ca: Path | None = None
    cert: Path | None = None
    key: Path | None = None
    server_name: str | None = None
    verify: bool = True

    def problems(self) -> Iterator[tuple[str, str]]:
        """Yield what is wrong with the files, as key and message. No content of a file is in it."""
        named = [(key, file) for key, file in (("tls_ca", self.ca), ("tls_cert", self.cert), ("tls_key", self.key))]
        unreadable = {key: message for key, file in named if file is not None and (message := _unreadable(file))}
        yield from unreadable.items()
        for key, file in named[:2]:
            if file is not None and key not in unreadable and not _holds_certificate(file):
                unreadable[key] = f"the file {file} holds no certificate in PEM form (-----BEGIN CERTIFICATE-----)"
                yield key, unreadable[key]
        if self.cert is not None and self.key is not None and not {"tls_cert", "tls_key"} & unreadable.keys():
            try:
                _load_pair(_bare(), self.cert, self.key)
            except ValueError as error:
                yield "tls_key", str(error)

    def context(self) -> ssl.SSLContext:
        """Return a context for clients, from the files as they are now.

        Raises ValueError, which names a file that cannot be used, and never says what it holds.
        """
        for _, message in self.problems():
            raise ValueError(message)
        context = ssl.create_default_context(cafile=self.ca)
        if not self.verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if self.cert is not None and self.key is not None:
            _load_pair(context, self.cert, self.key)
        return context


def _unreadable(file: Path) -> str:
    try:
        if not file.is_file():  # a pipe would be waited for
            return f"the file {file} is not there, or is no file"
        if file.stat().st_size > MAX_FILE_BYTES:
            return f"the file {file} is larger than {MAX_FILE_BYTES:,} bytes"
        with file.open("rb"):
            return ""
    except OSError as error:
        return f"the file {file} cannot be read: {error.strerror}"


def _bare() -> ssl.SSLContext:
    """Return a context that trusts nobody: to try files with."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def _holds_certificate(file: Path) -> bool:
    context = _bare()
    try:
        context.load_verify_locations(file)
    except (OSError, ValueError):  # SSLError is a kind of OSError
        return False
    return sum(context.cert_store_stats().values()) > 0


def _load_pair(context: ssl.SSLContext, cert: Path, key: Path) -> None:
    asked = False

    def passphrase() -> str:  # without it OpenSSL would ask the terminal
        nonlocal asked
        asked = True
        return ""

    try:
        context.load_cert_chain(cert, key, passphrase)
    except (OSError, ValueError) as error:
        if asked:
            raise ValueError(f"the key in {key} is encrypted: give it without a passphrase, mode 600") from None
        if isinstance(error, ssl.SSLError) and error.reason == "KEY_VALUES_MISMATCH":
            raise ValueError(f"the key in {key} does not belong to the certificate in tls_cert") from None
        raise ValueError(f"the file {key} holds no key in PEM form (-----BEGIN PRIVATE KEY-----)") from None
