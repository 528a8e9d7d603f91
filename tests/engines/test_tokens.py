"""Tokens go to the server they are for, and appear nowhere: not in the lines, the log, or the list of processes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lab.loopback import HOST, free_port
from tests.behaviours import UNAUTHORIZED, begin_chunked, good, hang, plain, refusal, table
from tests.engines.landing import shared_central
from tests.engines.plugin_process import TOKEN, PluginProcess, queries, run_once, source
from tests.exchange import Exchange
from tests.fakes import FakeSource

FULL = table(values=["1.5", "2.5", "3.5"])

SECRETS = {
    "TOKEN_OK": "tok-good-Zk3J9wq71==",
    "TOKEN_401": "tok-401-hV8s2LmPq0==",
    "TOKEN_ECHO": "tok-echo-Qm4T7xYd5==",
    "TOKEN_REFUSED": "tok-refused-Lr2N8bVc6==",
    "TOKEN_HANG": "tok-hang-Jf6W1gKz3==",
    "TOKEN_PLACE": "tok-place-Xs9D4hRu8==",
}
FILE_TOKEN = "tok-file-Gy7A3kWi9=="


def echo(exchange: Exchange) -> None:
    """Answer with all that was asked, the header with the token too, as some proxies do."""
    said = f"bad request: {dict(exchange.request.headers)}"
    refusal(400, said)(exchange)


def elsewhere(exchange: Exchange) -> None:
    token = exchange.request.headers["authorization"].partition(" ")[2]
    plain(302, b"", {"Location": f"http://login.example.org/?token={token}"})(exchange)


def page(exchange: Exchange) -> None:
    token = exchange.request.headers["authorization"]
    plain(200, f"<html>you sent {token}</html>".encode(), {"Content-Type": "text/html"})(exchange)


def mid_stream(exchange: Exchange) -> None:
    token = exchange.request.headers["authorization"]
    begin_chunked(exchange)
    exchange.chunk(FULL)
    exchange.chunk(b"\r\n#datatype,string,string\r\n#group,true,true\r\n#default,,\r\n,error,reference\r\n")
    exchange.chunk(f",you sent {token},\r\n".encode())
    exchange.chunk(b"")


@pytest.mark.parametrize("level", ["DEBUG", "INFO"])
def test_tokens_appear_nowhere(level: str, tmp_path: Path) -> None:
    token_file = tmp_path / "secret"
    token_file.write_text(FILE_TOKEN + "\n")
    with (
        FakeSource(good(FULL)) as fine,
        FakeSource(UNAUTHORIZED) as unauthorized,
        FakeSource(echo, same=True) as echoing,
        FakeSource(hang) as hanging,
        FakeSource(elsewhere, same=True) as redirecting,
        FakeSource(page, same=True) as paging,
        FakeSource(mid_stream) as breaking,
    ):
        from_file = source("file", echoing.url, token_file=str(token_file))
        del from_file["token"]
        document = queries(
            source("fine", fine.url, token="${TOKEN_OK}"),
            source("unauthorized", unauthorized.url, token="${TOKEN_401}"),
            source("echo", echoing.url, token="${TOKEN_ECHO}"),
            source("refused", f"http://{HOST}:{free_port()}", token="${TOKEN_REFUSED}"),
            source("hang", hanging.url, token="${TOKEN_HANG}", timeouts={"read": "1s"}),
            source("elsewhere", redirecting.url, token="${TOKEN_PLACE}"),
            source("page", paging.url, token="${TOKEN_PLACE}"),
            source("breaking", breaking.url, token="${TOKEN_PLACE}"),
            from_file,
        )
        with PluginProcess(tmp_path, document, {**SECRETS, "LOG_LEVEL": level}) as plugin:
            plugin.ready()
            command = Path(f"/proc/{plugin.popen.pid}/cmdline").read_text()
            plugin.tick()
            plugin.wait_for_log("^[IW]! cycle: ")
            plugin.end_of_input()
            assert plugin.wait() == 0
            assert len(plugin.logged("^E! failed ")) >= 8, plugin.stderr
            said = {
                "stdout": plugin.output.decode(),
                "stderr": plugin.stderr,
                "log file": plugin.log_file.read_text("utf-8"),
                "ps": command,
            }
        # The tokens did go where they belong.
        assert fine.requests[0].headers["authorization"] == f"Token {SECRETS['TOKEN_OK']}"
        asked = [*echoing.requests, *echoing.lookups]
        assert f"Token {FILE_TOKEN}" in {request.headers["authorization"] for request in asked}
    found = [
        (where, secret)
        for where, text in said.items()
        for secret in (*SECRETS.values(), FILE_TOKEN, shared_central().token)
        if secret in text
    ]
    assert found == []


def test_tokens_are_not_in_the_log_when_the_configuration_is_refused(tmp_path: Path) -> None:
    document: dict[str, Any] = queries(source("s", "http://h:1", {"bucket": "x", "wrong": "${TOKEN}"}))
    run = run_once(tmp_path, document, {"LOG_LEVEL": "DEBUG"})
    assert run.status == 2
    assert "sources[0].streams[0].wrong" in run.stderr
    for secret in (TOKEN, shared_central().token):
        assert secret not in run.stderr + run.log + run.output.decode()
