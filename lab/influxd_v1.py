"""`V1Server`: one real InfluxDB 1.x on a free loopback port, in a folder of its own, with users."""

from __future__ import annotations

import base64
import json
import os
from typing import Any
from urllib.parse import urlencode

from lab import engines
from lab.loopback import HOST, HttpRefused, free_port, open_url, wait_until
from lab.own_server import OwnServer
from lab.process import Process, ProcessEnded

ADMIN, ADMIN_PASSWORD = "admin", "the admin's own"


class V1Server(OwnServer):
    """An InfluxDB 1.x of `version` `1.13` or `1.6` that asks for user and password. A context.

    `user` and `password` are of one who may read the databases of `create_database`. `start`, `stop`, `pause` and
    `resume` act on the program; its data and its port stay.
    """

    user, password = "reader", "pass: wörd"

    def __init__(self, version: str, flux: bool = True) -> None:
        self.version = version
        self._flux = flux
        self.port = 0
        self._known = False
        super().__init__("lab-influxd-v1-")

    @property
    def url(self) -> str:
        """The address."""
        return f"http://{HOST}:{self.port}"

    def start(self) -> None:
        """Start the server and wait until it answers; the first time, also make its users. Raises ProcessEnded."""
        for attempt in range(10):
            self._process.start()
            try:
                wait_until(self._answers, f"/ping of {self.url}", 60.0)
                break
            except ProcessEnded:
                if self._known or attempt == 9:
                    raise
                self._process = self._prepare()  # somebody else took the port meanwhile
        if not self._known:
            self.query(f"CREATE USER {ADMIN} WITH PASSWORD {_string(ADMIN_PASSWORD)} WITH ALL PRIVILEGES", login=False)
            self.query(f"CREATE USER {self.user} WITH PASSWORD {_string(self.password)}")
            self._known = True

    def create_database(self, name: str, policies: str = "", read: bool = True) -> None:
        """Create a database, which `user` may read; `policies`: InfluxQL for more of its retention policies."""
        self.query(f'CREATE DATABASE "{name}"')
        if read:
            self.query(f'GRANT READ ON "{name}" TO {self.user}')
        if policies:
            self.query(policies)

    def write(self, database: str, lines: bytes, policy: str = "autogen") -> None:
        """Write line protocol, times in ns; durable on return. Raises HttpRefused."""
        asked = urlencode({"db": database, "rp": policy, "precision": "ns"})
        self._request("POST", f"/write?{asked}", lines)

    def query(self, statement: str, login: bool = True) -> Any:
        """Do what an InfluxQL statement says, as the administrator; returns its result. Raises HttpRefused."""
        reply = self._request("POST", "/query", urlencode({"q": statement, "epoch": "ns"}).encode(), login)
        (result,) = json.loads(reply)["results"]
        if "error" in result:
            raise ValueError(result["error"])
        return result.get("series", [])

    def _request(self, method: str, path: str, body: bytes, login: bool = True) -> bytes:
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        if login:
            headers["Authorization"] = f"Basic {base64.b64encode(f'{ADMIN}:{ADMIN_PASSWORD}'.encode()).decode()}"
        with open_url(method, self.url + path, body, headers) as reply:
            return reply.read()

    def _prepare(self) -> Process:
        self.port = free_port()
        file = self.folder / "influxdb.conf"
        file.write_text(
            f'''reporting-disabled = true
bind-address = "{HOST}:{free_port()}"
[meta]
  dir = "{self.folder}/meta"
[data]
  dir = "{self.folder}/data"
  wal-dir = "{self.folder}/wal"
[monitor]
  store-enabled = false
[http]
  bind-address = "{HOST}:{self.port}"
  auth-enabled = true
  log-enabled = false
  flux-enabled = {str(self._flux).lower()}
'''
        )
        command = [str(engines.influxd_v1(self.version)), "run", "-config", str(file)]
        env = {"PATH": os.defpath, "HOME": str(self.folder)}
        return Process(command, env, cwd=self.folder, log_file=self.folder / "influxd.log")

    def _answers(self) -> bool:
        if not self._process.running:
            raise ProcessEnded(f"influxd ended:\n{self._process.log_tail()}")
        try:
            with open_url("GET", f"{self.url}/ping", timeout_s=2.0):
                return True
        except (OSError, HttpRefused):
            return False


def _string(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
