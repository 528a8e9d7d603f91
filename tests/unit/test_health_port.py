"""The port of the health check: who has it is told with a remedy, before Telegraf fails at it."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from lab.loopback import HOST, free_port
from telegraf_plugin.commands import health_port
from telegraf_plugin.config.dotenv import quoted
from telegraf_plugin.lint.telegraf_conf import TelegrafConf, parse
from tests.unit.start_bench import checkout, collector, started
from tests.unit.test_lint import SETTINGS

ANOTHER = "another program's: end that, or set another by HEALTH_CHECK_PORT in .env"
A_TELEGRAF = "another Telegraf's, such as a collector's that runs already: end that, or set another by"


def conf(address: str) -> TelegrafConf:
    return parse(f'[[outputs.health]]\n  service_address = "{address}"\n', {})


@contextmanager
def answering(server: str) -> Iterator[int]:
    """Something that answers every request, and says that it is a `server`; yields its port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response_only(503)
            self.send_header("Server", server)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer((HOST, 0), Handler) as made:
        thread = threading.Thread(target=made.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield made.server_address[1]
        finally:
            made.shutdown()
            thread.join(30)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = checkout(tmp_path / "clone")
    (made / ".env").write_text("".join(f"{name}={quoted(value)}\n" for name, value in SETTINGS.items()))
    return made


@pytest.mark.parametrize("where", ["", HOST, "0.0.0.0", "localhost"])
def test_a_port_that_is_free_is_no_trouble(where: str) -> None:
    assert health_port.trouble(conf(f"http://{where}:{free_port()}"), running=False) == ""


@pytest.mark.parametrize("where", ["", HOST, "localhost", "0.0.0.0"])
def test_another_program_is_told_whoever_listens_where(where: str) -> None:
    with answering("nginx") as port:
        for running in (False, True):
            told = health_port.trouble(conf(f"http://{where}:{port}"), running)
            assert told == f"port {port}, for the health check, is {ANOTHER}"


def test_one_that_says_nothing_is_another_program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health_port, "ANSWER_SECONDS", 0.1)
    with socket.create_server((HOST, 0)) as mute:
        assert ANOTHER in health_port.trouble(conf(f"http://:{mute.getsockname()[1]}"), running=True)


def test_a_telegraf_is_no_trouble_to_a_look_at_what_runs() -> None:
    with answering("Telegraf/1.39.3 Go/1.25") as port:
        assert health_port.trouble(conf(f"http://:{port}"), running=True) == ""
        assert A_TELEGRAF in health_port.trouble(conf(f"http://:{port}"), running=False)


def test_a_port_that_may_not_be_used_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(socket.socket, "bind", refused)
    told = health_port.trouble(conf("http://:80"), running=True)
    assert told.startswith("port 80, for the health check, may not be used by this user: set another by HEALTH_CHECK")


@pytest.mark.parametrize(
    "address", ["", "http://", "tcp://:1", "http://nowhere.invalid:5000", "http://:0", "http://:99999"]
)
def test_what_is_no_address_here_is_telegrafs_to_judge(address: str) -> None:
    assert health_port.trouble(conf(address), running=False) == ""


def test_check_gives_a_hint_and_the_start_warns_and_goes_on(folder: Path) -> None:
    with answering("nginx") as port:
        env = {"HEALTH_CHECK_PORT": str(port)}
        run = collector(folder, "--check", env=env)
        assert run.returncode == 0
        assert f"outputs.health.service_address: hint: port {port}, for the health check, is {ANOTHER}\n" in run.stdout
        assert "    write: HEALTH_CHECK_PORT=<port> in .env\n" in run.stdout
        told = json.loads(collector(folder, "--check", "--json", env=env).stdout)
        assert (told["clean"], [finding["rule"] for finding in told["findings"]]) == (True, ["port"])
        run = collector(folder, env=env)
        assert f"W! port {port}, for the health check, is {ANOTHER}\n" in run.stderr
        assert started(run)[0] == ["--config", "telegraf.conf"]
        assert "health check" not in collector(folder, "--test", env=env).stderr  # which listens nowhere
    assert "health check" not in collector(folder, env=env).stderr


def test_a_check_beside_the_collector_itself_has_nothing_to_say(folder: Path) -> None:
    with answering("Telegraf/1.39.3 Go/1.25") as port:
        run = collector(folder, "--check", env={"HEALTH_CHECK_PORT": str(port)})
        assert run.stdout == "nothing to change in config/queries.yaml with telegraf.conf\n"
        assert A_TELEGRAF in collector(folder, env={"HEALTH_CHECK_PORT": str(port)}).stderr
