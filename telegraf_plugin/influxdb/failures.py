"""Whatever an HTTP request can end with, as an error that says what happened and what to do about it."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Mapping
from http.client import BadStatusLine
from urllib.parse import urlsplit

from urllib3 import exceptions as http

from telegraf_plugin.errors import BadReply, PermanentError, SourceError, TransientError

LONGEST_WAIT = 3600.0
"""Seconds: a server that asks for more is asked again all the same."""

_RETRIED = "it is tried again"
_CREDENTIAL = (
    "check the token: the variable in .env, which a running collector reads when it is restarted, or token_file; "
    "a token belongs to one server and can be revoked"
)
_SERVER_LOG = "look at the server's log"
_NOT_INFLUXDB = "check the url: it should lead straight to InfluxDB, such as http://host:8086"
_PROXY_USER = "write them into HTTP_PROXY or HTTPS_PROXY: http://user:password@host:port"
_BY_STATUS: dict[int, tuple[type[SourceError], str, str]] = {
    401: (PermanentError, "the token is refused (401)", _CREDENTIAL),
    403: (PermanentError, "the token may not do this (403)", "give the token read permission on the bucket"),
    404: (PermanentError, "not found (404)", "check org and bucket; the token must be allowed to read the bucket"),
    405: (PermanentError, "not an InfluxDB 2 (405)", _NOT_INFLUXDB),
    407: (PermanentError, "the proxy wants a user and a password (407)", _PROXY_USER),
    408: (TransientError, "the server gave up waiting (408)", _RETRIED),
    429: (TransientError, "the server limits requests (429)", f"{_RETRIED}; raise COLLECTOR_INTERVAL if it stays"),
}
_INACTIVE = "token is inactive"
# InfluxDB answers these two, which pass by themselves, with 400 like bad Flux.
_BUSY = ("queue length exceeded", "queue full", "memory allocation limit", "concurrency quota", "too many queries")


class Refusal(Exception):
    """A reply that is no answer: its `status`, its `headers`, and its `body` as far as it was read."""

    def __init__(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        super().__init__(status)
        self.status, self.headers, self.body = status, headers, body


def explain(error: Exception, url: str) -> SourceError:
    """Return what `error`, raised while talking to `url`, means to the operator. No token is in it."""
    if isinstance(error, SourceError):
        return error
    if isinstance(error, Refusal):
        found = _from_status(error, url)
        found.status = error.status
        return found
    if isinstance(error, http.NewConnectionError):
        return _not_connected(error, url)
    if isinstance(error, http.ConnectTimeoutError):  # of which urllib3 2 makes the one above a kind
        return TransientError("no answer while connecting", f"check address, route and firewall of {_host(url)}")
    if isinstance(error, http.ReadTimeoutError | TimeoutError):
        hint = "the server hangs or is overloaded; raise timeouts.read if its queries take that long"
        return TransientError("no answer in time", hint)
    if isinstance(error, http.ProxyError):
        return _proxy(error, url)
    if isinstance(error, http.SSLError):
        return _tls(str(error))
    if isinstance(error, http.DecodeError):
        return BadReply("the reply's compression is damaged", _RETRIED)
    if isinstance(error, http.ProtocolError) and type(error.args[-1]) is BadStatusLine:
        return BadReply("what answers does not speak HTTP", _NOT_INFLUXDB)
    if isinstance(error, http.ProtocolError | ConnectionError | http.IncompleteRead):
        return TransientError("the connection broke off", f"{_RETRIED}; if it stays, {_SERVER_LOG}")
    if isinstance(error, http.LocationParseError | http.LocationValueError):
        return PermanentError("the url cannot be used", _NOT_INFLUXDB)
    if isinstance(error, http.HTTPError | OSError):
        return TransientError(f"the request failed: {type(error).__name__}", f"{_RETRIED}; check the url")
    return PermanentError(f"unexpected: {type(error).__name__}", "please report this, with the log at LOG_LEVEL=DEBUG")


def inactive(summary: str) -> PermanentError:
    """Return the error for a token that was deactivated: InfluxDB refuses it by `summary`, as if nothing were there."""
    hint = "activate the token at its server (influx auth active), or give another one; it is not deleted"
    return PermanentError(f"the token is inactive; InfluxDB says: {summary}", hint, 401)


def is_inactive(error: Exception) -> bool:
    """Say whether InfluxDB's reply says that the token was deactivated."""
    return isinstance(error, Refusal) and _INACTIVE in _message(error)


def redirected(location: str | None) -> PermanentError:
    """Return the error for a reply that sends us elsewhere, which InfluxDB itself never does for a query."""
    return PermanentError(f"redirected to {_short(location or 'nowhere')}", f"a login page or proxy? {_NOT_INFLUXDB}")


def not_csv(content_type: str, beginning: bytes) -> BadReply:
    """Return the error for a reply of another `content_type` than annotated CSV."""
    start = _short(beginning.decode("utf-8", "replace"))
    return BadReply(f"the reply is {_short(content_type)!r}, not annotated CSV: {start}", _NOT_INFLUXDB)


def _from_status(error: Refusal, url: str) -> SourceError:
    status = error.status
    message = _message(error)
    if status == 404 and _code(error) != "not found":  # InfluxDB's own says so, whatever it is that was not found
        return PermanentError(f"not an InfluxDB 2 (404){message}", _NOT_INFLUXDB)
    if 300 <= status < 400:
        return redirected(error.headers.get("Location"))
    if status in _BY_STATUS:
        kind, summary, hint = _BY_STATUS[status]
        if kind is TransientError:
            return TransientError(f"{summary}{message}", hint, _retry_after(error))
        return kind(f"{summary}{message}", hint)
    if status == 400 and "HTTP request to an HTTPS server" in message:
        return PermanentError("the server wants TLS (400)", "https:// instead of http:// in the url")
    if status == 400:
        if any(sign in message for sign in _BUSY):
            return TransientError(f"the server is busy (400){message}", f"{_RETRIED}; it has too many or large queries")
        if "organization name" in message:
            return PermanentError(f"not found (400){message}", "check org: the organization that the token belongs to")
        return PermanentError(f"the query is refused (400){message}", "correct the stream's flux, tags or aggregate")
    if status >= 500:
        return TransientError(
            f"the server failed ({status}){message}", f"{_RETRIED}; {_SERVER_LOG}", _retry_after(error)
        )
    return PermanentError(f"the request is refused ({status}){message}", _NOT_INFLUXDB)


def _message(error: Refusal) -> str:
    """What the server said, as `: text`, cut to a sentence's length."""
    text = error.body.decode("utf-8", "replace")
    try:
        said = json.loads(text)
        text = str(said["message"] if "message" in said else said["error"])  # InfluxDB 1.x calls it so
    except (ValueError, LookupError, TypeError, RecursionError):
        text = "" if text.lstrip().startswith("<") else text
    return f": {_short(text)}" if text.strip() else ""


def _code(error: Refusal) -> object:
    """What kind of failure the server calls it, as InfluxDB does; None when it is another's reply."""
    try:
        return json.loads(error.body)["code"]
    except (ValueError, LookupError, TypeError, RecursionError):
        return None


def _short(text: str) -> str:
    """At most 300 characters on one line, without control characters."""
    return " ".join("".join(c if c.isprintable() else " " for c in text[:1000]).split())[:300]


def _retry_after(error: Refusal) -> float | None:
    value = error.headers.get("Retry-After", "")
    return min(float(value), LONGEST_WAIT) if value.isascii() and value.isdigit() else None


def _not_connected(error: http.NewConnectionError, url: str) -> SourceError:
    cause = error.__cause__
    if isinstance(error, http.NameResolutionError) or isinstance(cause, socket.gaierror):
        return TransientError(f"the name {_host(url)} cannot be resolved", "check the url and the name service")
    if isinstance(cause, ConnectionRefusedError):
        return TransientError("connection refused", f"is InfluxDB running, and is {_host(url)} its port?")
    reason = cause.strerror if isinstance(cause, OSError) and cause.strerror else "no connection"
    return TransientError(reason.lower(), f"check address, route and firewall of {_host(url)}")


def _proxy(error: http.ProxyError, url: str) -> SourceError:
    """Explain what a proxy did; its address, which may hold a password, is not repeated."""
    cause = error.original_error
    refused = re.search(r"Tunnel connection failed: (\d{3})", str(cause))
    status = int(refused.group(1)) if refused else 0
    if status == 407:
        return PermanentError("the proxy wants a user and a password (407)", _PROXY_USER)
    if 400 <= status < 500:
        hint = f"let it pass {_host(url)}, or name the host in NO_PROXY"
        return PermanentError(f"the proxy does not lead there ({status})", hint)
    if status:
        return TransientError(f"the proxy cannot reach the server ({status})", f"{_RETRIED}; check {_host(url)}")
    why = explain(cause, "").summary
    return TransientError(f"the proxy cannot be used: {why}", f"check HTTP_PROXY, HTTPS_PROXY and NO_PROXY; {_RETRIED}")


def _tls(reason: str) -> SourceError:
    lowered = reason.lower()
    if "certificate required" in lowered:
        return PermanentError("the server wants a client certificate", "name its files in tls_cert and tls_key")
    if "handshake failure" in lowered:
        hint = "does it want a client certificate (tls_cert, tls_key)? does it offer TLS 1.2 or newer?"
        return PermanentError("the server refuses the TLS handshake", hint)
    if any(old in lowered for old in ("protocol version", "unsupported protocol", "legacy sigalg")):
        return PermanentError("the server offers no version of TLS that is safe", "let it offer TLS 1.2 or newer")
    if " alert " in lowered and ("certificate" in lowered or "unknown ca" in lowered):
        hint = "name one in tls_cert that is valid, and of an authority that the server trusts"
        return PermanentError("the server refuses the client certificate", hint)
    if "expired" in lowered:
        return PermanentError("the server's certificate has expired", "renew it, or check this machine's clock")
    if "not yet valid" in lowered:
        return PermanentError("the server's certificate is not valid yet", "check the clocks of both machines")
    if "hostname mismatch" in lowered or "doesn't match" in lowered or "ip address mismatch" in lowered:
        return PermanentError(
            "the server's certificate is for another name",
            "use the name that it is made out for, in url or tls_server_name",
        )
    if "certificate verify failed" in lowered:
        return PermanentError(
            "the server's certificate is not trusted", "name its authority's file in tls_ca, or SSL_CERT_FILE"
        )
    if "eof occurred" in lowered or "unexpected eof" in lowered:
        hint = (
            f"{_RETRIED}; if it stays: does the server want a client certificate, or another one (tls_cert, tls_key)?"
        )
        return TransientError("the connection broke off in TLS", hint)
    if "wrong version number" in lowered or "record layer" in lowered:
        return PermanentError("the server does not speak TLS on this port", "http:// instead of https:// in the url?")
    return PermanentError(f"TLS failed: {_short(reason)}", "check url and certificates")


def _host(url: str) -> str:
    return urlsplit(url).netloc
