"""The demo's three servers, as its other containers reach them, and the two folders that hold the tokens."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from lab.loopback import open_url
from lab.points import Point, read_points
from lab.site import Buckets

OPERATORS = Path("/run/operators")  # operator tokens and passwords: servers, furnish and look
TOKENS = Path("/run/tokens")  # what the collector and the feeders get
BUCKETS = Buckets()
LANDING = (BUCKETS.telegraf, BUCKETS.pods, BUCKETS.power, BUCKETS.metrics)


@dataclass(frozen=True)
class Server:
    """One InfluxDB 2: `name` is its host's name, too."""

    name: str
    org: str
    url: str
    token: str

    def json(self, method: str, path: str, document: object = None) -> Any:
        """The reply to a request to the API. Raises HttpRefused, OSError."""
        body = None if document is None else json.dumps(document).encode()
        headers = {"Authorization": f"Token {self.token}", "Content-Type": "application/json"}
        with open_url(method, self.url + path, body, headers) as reply:
            return json.load(reply)

    def bucket_id(self, name: str) -> str | None:
        """The id of a bucket, None without it."""
        found = self.json("GET", f"/api/v2/buckets?{urlencode({'org': self.org, 'limit': 100})}")["buckets"]
        return next((str(bucket["id"]) for bucket in found if bucket["name"] == name), None)

    def create_bucket(self, name: str) -> None:
        """Create a bucket that keeps its points for ever, unless there is one. Raises HttpRefused, OSError."""
        if self.bucket_id(name) is None:
            self.json("POST", "/api/v2/buckets", {"orgID": self._org_id(), "name": name, "retentionRules": []})

    def token_for(self, read: Iterable[str] = (), write: Iterable[str] = ()) -> str:
        """A new token that may read and write the buckets named, and nothing else. Raises HttpRefused, OSError."""
        org = self._org_id()
        permissions = [
            {"action": action, "resource": {"type": "buckets", "id": self.bucket_id(bucket), "orgID": org}}
            for action, buckets in (("read", read), ("write", write))
            for bucket in buckets
        ]
        made = self.json("POST", "/api/v2/authorizations", {"orgID": org, "permissions": permissions})
        return str(made["token"])

    def _org_id(self) -> str:
        return str(self.json("GET", f"/api/v2/orgs?org={self.org}")["orgs"][0]["id"])

    def write(self, bucket: str, lines: bytes) -> None:
        """Write line protocol, times in nanoseconds. Raises HttpRefused, OSError."""
        parameters = urlencode({"org": self.org, "bucket": bucket, "precision": "ns"})
        headers = {"Authorization": f"Token {self.token}"}
        with open_url("POST", f"{self.url}/api/v2/write?{parameters}", lines, headers):
            pass

    def lines(self, flux: str) -> Iterator[str]:
        """The reply to a Flux query as lines of annotated CSV. Raises HttpRefused, OSError."""
        dialect = {"header": True, "annotations": ["datatype", "group", "default"]}
        body = json.dumps({"query": flux, "type": "flux", "dialect": dialect}).encode()
        headers = {"Authorization": f"Token {self.token}", "Content-Type": "application/json"}
        with open_url("POST", f"{self.url}/api/v2/query?{urlencode({'org': self.org})}", body, headers) as reply:
            text = reply.read().decode()
        # As csv wants them: an end of line inside a string stays what it is.
        yield from text.splitlines(keepends=True)

    def points(self, bucket: str, start_ns: int, stop_ns: int) -> set[Point]:
        """Every point from `start_ns` (included) to `stop_ns` (not), in ns since 1970 UTC."""
        span = f"start: time(v: {start_ns}), stop: time(v: {stop_ns})"
        return set(read_points(self.lines(f'from(bucket: "{bucket}") |> range({span})')))


ORGS = {"pod-8": "default", "pod-30": "pod", "central": "central"}


def server(name: str) -> Server:
    """The server of that name with its operator token, from inside the demo's network."""
    return Server(name, ORGS[name], f"http://{name}:8086", (OPERATORS / f"{name}.token").read_text())
