"""The port at which Telegraf is to answer for the collector's health: whether it can be had on this machine."""

from __future__ import annotations

import errno
import re
import socket
from contextlib import suppress
from http.client import HTTPConnection, HTTPException

from telegraf_plugin.lint.telegraf_conf import TelegrafConf

ANSWER_SECONDS = 2.0
"""How long what listens there may take to say what it is."""
_ADDRESS = re.compile(r"https?://(?P<host>\[[^\]]*\]|[^:/\[\]]*):(?P<port>[0-9]{1,5})/?")
_ALL = ("", "0.0.0.0", "::")  # noqa: S104 (what may stand there)
_REMEDY = "set another by HEALTH_CHECK_PORT in .env"


def trouble(conf: TelegrafConf, running: bool) -> str:
    """Return why Telegraf could not listen where `conf` has it answer for health, and what to do; empty when it can.

    `running`: whether a Telegraf that answers there already is no trouble, as it is the one that is looked at.
    """
    for output in conf.outputs_named("health"):
        match = _ADDRESS.fullmatch(output.text("service_address"))
        if match is None or not 0 < int(match["port"]) < 65536:
            continue  # `telegraf config check` is for what is no address
        host, port = match["host"].strip("[]"), int(match["port"])
        error = _listening(host, port)
        which = f"port {port}, for the health check,"
        if error == errno.EACCES:
            return f"{which} may not be used by this user: {_REMEDY}"
        if error != errno.EADDRINUSE:
            continue
        if not _is_telegraf(host, port):
            return f"{which} is another program's: end that, or {_REMEDY}"
        if not running:
            return f"{which} is another Telegraf's, such as a collector's that runs already: end that, or {_REMEDY}"
    return ""


def _listening(host: str, port: int) -> int | None:
    """Listen as Telegraf will, for a moment; return why that is not possible (errno), None when it is."""
    family = socket.AF_INET6 if not host or ":" in host else socket.AF_INET
    if not host and not socket.has_dualstack_ipv6():
        family = socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as tried:
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # Go does: an end of a moment ago is no bar
            if family == socket.AF_INET6 and not host:
                tried.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            tried.bind((host, port))
            tried.listen(1)
    except socket.gaierror:
        return None
    except OSError as error:
        return error.errno
    return None


def _is_telegraf(host: str, port: int) -> bool:
    """Say whether what listens there says that it is Telegraf, as its health check does."""
    with suppress(OSError, HTTPException):
        asked = HTTPConnection(host if host not in _ALL else "localhost", port, timeout=ANSWER_SECONDS)
        try:
            asked.request("GET", "/health")
            return (asked.getresponse().getheader("Server") or "").startswith("Telegraf/")
        finally:
            asked.close()
    return False
