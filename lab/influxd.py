"""`InfluxServer`: one real InfluxDB 2 on a free loopback port, in a folder of its own."""

from __future__ import annotations

import gzip as gzip_module
import io
import json
import os
import secrets
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import urlencode

from lab import engines
from lab.loopback import HOST, HttpRefused, free_port, open_url, wait_until
from lab.own_server import OwnServer
from lab.points import Point, read_points
from lab.process import Process, ProcessEnded

# Shard groups are counted from Go's zero time, 0001-01-01 UTC: so many seconds before 1970.
_GO_ZERO_S = 62_135_596_800


class InfluxServer(OwnServer):
    """An InfluxDB 2 with one organisation. A context: set up on entry, ended and removed on leaving.

    `token` is the operator token, made on the spot. `start`, `stop`, `kill`, `pause` and `resume` act on the
    program; its data and its port stay, so that it comes back as the same server.
    """

    def __init__(
        self,
        org: str,
        bucket: str,
        tls: tuple[Path, Path] | None = None,
        options: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """`org` is the organisation's name, `bucket` the first bucket's (infinite retention).

        With `tls` the server speaks it, with the certificate and the key in these two files. `options` are influxd's,
        by their variables without `INFLUXD_`.
        """
        self.org = org
        self._tls, self._options = tls, options
        self.token = secrets.token_urlsafe(32)
        self.port = 0
        self._first_bucket = bucket
        self._org_id = ""
        self._bucket_ids: dict[str, str] = {}
        self._authorizations: dict[str, str] = {}
        super().__init__("lab-influxd-")

    @property
    def url(self) -> str:
        """The address, as in `INFLUXDB_CENTRAL_URL`."""
        return f"http{'s' if self._tls else ''}://{HOST}:{self.port}"

    @property
    def log_file(self) -> Path:
        """The server's log, which goes away with its folder."""
        return self.folder / "influxd.log"

    @property
    def running(self) -> bool:
        """True while the program runs, also when it is paused."""
        return self._process.running

    @property
    def pid(self) -> int:
        """The process id. Raises ProcessEnded before the first start."""
        return self._process.pid

    # The program

    def start(self, timeout_s: float = 60.0) -> None:
        """Start the server and wait until it answers that it is well; the first time, also set it up.

        Raises TimeoutError after `timeout_s` seconds, ProcessEnded when the program gives up.
        """
        for attempt in range(10):
            begun = len(self._process.log())
            self._process.start()
            try:
                # Its own log first: the /health of another server that took the port meanwhile must not fool
                # us.
                self._process.wait_for_log(rf"Listening.*\bport={self.port}\b", timeout_s, after=begun)
                break
            except ProcessEnded:
                taken = "address already in use" in self._process.log()[begun:]
                if not taken or self._org_id or attempt == 9:  # once set up, its port is its name
                    raise
                self._process = self._prepare()
        wait_until(self._healthy, f"/health of {self.url}", timeout_s)
        if not self._org_id:
            self._set_up()

    def _prepare(self) -> Process:
        self.port = free_port()
        command = [
            str(engines.influxd()),
            "--reporting-disabled",
            "--http-bind-address",
            f"{HOST}:{self.port}",
        ]
        for option, name in [("bolt", "influxd.bolt"), ("sqlite", "influxd.sqlite"), ("engine", "engine")]:
            command += [f"--{option}-path", str(self.folder / name)]
        if self._tls is not None:
            command += ["--tls-cert", str(self._tls[0]), "--tls-key", str(self._tls[1])]
        # No INFLUXD_* of the caller's environment, no config.toml of the caller's folder.
        env = {"PATH": os.defpath, "HOME": str(self.folder)}
        env |= {f"INFLUXD_{option}": value for option, value in self._options.items()}
        return Process(command, env, cwd=self.folder, log_file=self.log_file)

    def _healthy(self) -> bool:
        if not self.running:
            raise ProcessEnded(f"influxd ended:\n{self._process.log_tail()}")
        try:
            return bool(self._json("GET", "/health", timeout_s=2.0)["status"] == "pass")
        except (OSError, HttpRefused, ValueError):
            return False

    def _set_up(self) -> None:
        first = {
            "username": "operator",
            "password": secrets.token_urlsafe(24),
            "org": self.org,
            "bucket": self._first_bucket,
            "token": self.token,
        }
        made = self._json("POST", "/api/v2/setup", first)
        self._org_id = made["org"]["id"]
        self._bucket_ids[self._first_bucket] = made["bucket"]["id"]

    # Buckets and tokens

    def create_bucket(self, name: str, retention_s: int = 0, shard_group_s: int | None = None) -> None:
        """Create a bucket with these durations in seconds: 0 for ever, None for InfluxDB's own choice.

        Raises HttpRefused, e.g. when it is there already.
        """
        rule = {"type": "expire", "everySeconds": retention_s}
        if shard_group_s is not None:
            rule["shardGroupDurationSeconds"] = shard_group_s
        made = self._json("POST", "/api/v2/buckets", {"orgID": self._org_id, "name": name, "retentionRules": [rule]})
        self._bucket_ids[name] = made["id"]

    def set_shard_groups(self, bucket: str, seconds: int) -> None:
        """Let the shard groups of a bucket last so many seconds, an hour at least; those that are there stay."""
        self._change_rule(bucket, {"shardGroupDurationSeconds": seconds})

    def set_retention(self, bucket: str, seconds: int) -> None:
        """Have a bucket keep points for so long from now on: older ones are refused, and deleted in time."""
        self._change_rule(bucket, {"everySeconds": seconds})

    def _change_rule(self, bucket: str, change: dict[str, int]) -> None:
        rules = self._json("GET", f"/api/v2/buckets/{self._bucket_ids[bucket]}")["retentionRules"]
        rule = {"type": "expire", "everySeconds": 0, **(rules[0] if rules else {}), **change}
        self._json("PATCH", f"/api/v2/buckets/{self._bucket_ids[bucket]}", {"retentionRules": [rule]})

    def empty_bucket(self, name: str) -> None:
        """Delete everything that a bucket holds, of all times; the bucket stays."""
        document = {"start": "1677-09-21T00:12:44Z", "stop": "2262-04-11T23:47:16Z"}
        self._json("POST", f"/api/v2/delete?{urlencode({'org': self.org, 'bucket': name})}", document)

    def delete(self, bucket: str, predicate: str, start: str, stop: str) -> None:
        """Delete what `predicate` names in [start, stop) (RFC 3339), as `influx delete` does. Raises HttpRefused."""
        document = {"start": start, "stop": stop, "predicate": predicate}
        self._json("POST", f"/api/v2/delete?{urlencode({'org': self.org, 'bucket': bucket})}", document)

    def drop_bucket(self, name: str) -> None:
        """Delete a bucket with all its data."""
        self._request("DELETE", f"/api/v2/buckets/{self._bucket_ids.pop(name)}")

    def token_for(self, read: Iterable[str] = (), write: Iterable[str] = ()) -> str:
        """A new token that may read and write the buckets named, and nothing else."""
        permissions = [
            {
                "action": action,
                "resource": {"type": "buckets", "id": self._bucket_ids[name], "orgID": self._org_id},
            }
            for action, names in (("read", read), ("write", write))
            for name in names
        ]
        made = self._json("POST", "/api/v2/authorizations", {"orgID": self._org_id, "permissions": permissions})
        self._authorizations[made["token"]] = made["id"]
        return str(made["token"])

    def permissions_of(self, token: str) -> set[tuple[str, str]]:
        """What a token of `token_for` may do: pairs of an action and a bucket's name, or another kind of resource."""
        granted = self._json("GET", f"/api/v2/authorizations/{self._authorizations[token]}")["permissions"]
        names = {identity: name for name, identity in self._bucket_ids.items()}
        resources = ((each["action"], each["resource"]) for each in granted)
        return {(action, names.get(resource.get("id"), resource["type"])) for action, resource in resources}

    def revoke(self, token: str) -> None:
        """Take a token of `token_for` back: requests with it get 401 from now on."""
        self._request("DELETE", f"/api/v2/authorizations/{self._authorizations.pop(token)}")

    def set_active(self, token: str, active: bool) -> None:
        """Let a token of `token_for` be refused with 401, or be good again."""
        status = {"status": "active" if active else "inactive"}
        self._json("PATCH", f"/api/v2/authorizations/{self._authorizations[token]}", status)

    # Data

    def write(self, bucket: str, lines: bytes, precision: str = "ns", gzip: bool = False) -> None:
        """Write line protocol with the operator token; durable on return. Raises HttpRefused."""
        parameters = urlencode({"org": self.org, "bucket": bucket, "precision": precision})
        headers = {"Content-Encoding": "gzip"} if gzip else {}
        body = gzip_module.compress(lines, 1) if gzip else lines
        self._request("POST", f"/api/v2/write?{parameters}", body, headers)

    def query_csv(self, flux: str) -> str:
        """The reply to a Flux query: annotated CSV (datatype, group, default), line ends as they came.

        Raises HttpRefused for a query that does not start; an error in mid-stream stands in the text.
        """
        with self._query(flux) as reply:
            return reply.read()

    def points(self, bucket: str, start_ns: int, stop_ns: int) -> set[Point]:
        """Every point of the bucket from `start_ns` (included) to `stop_ns` (not), in ns since 1970 UTC.

        One query a shard group, because a query over several silently leaves out values whose field changed
        its type in between: keep the span to some years. Raises BadReply for an error in mid-stream.
        """
        return set(self.iter_points(bucket, start_ns, stop_ns))

    def iter_points(self, bucket: str, start_ns: int, stop_ns: int) -> Iterator[Point]:
        """What `points` returns, a point at a time, in no order to rely on."""
        for start, stop in self._shard_groups(bucket, start_ns, stop_ns):
            yield from self.points_at_once(bucket, start, stop)

    def points_at_once(self, bucket: str, start_ns: int, stop_ns: int) -> Iterator[Point]:
        """What one query over any span finds: not the values of a field that changed its type within it."""
        source = f'from(bucketID: "{self._bucket_ids[bucket]}")'
        with self._query(f"{source} |> range(start: time(v: {start_ns}), stop: time(v: {stop_ns}))") as reply:
            yield from read_points(reply)

    def filtered_points(self, bucket: str, predicate: str) -> Iterator[Point]:
        """The points from 1970 to 2100 for which a Flux predicate over `r` is true; of fields that keep their type."""
        source = f'from(bucketID: "{self._bucket_ids[bucket]}") |> range(start: 0, stop: 2100-01-01T00:00:00Z)'
        with self._query(f"{source} |> filter(fn: (r) => {predicate})") as reply:
            yield from read_points(reply)

    def _shard_groups(self, bucket: str, start_ns: int, stop_ns: int) -> Iterator[tuple[int, int]]:
        rules = self._json("GET", f"/api/v2/buckets/{self._bucket_ids[bucket]}")["retentionRules"]
        group = rules[0]["shardGroupDurationSeconds"] * 1_000_000_000
        zero = -_GO_ZERO_S * 1_000_000_000
        start = start_ns
        while start < stop_ns:
            stop = min(stop_ns, zero + ((start - zero) // group + 1) * group)
            yield start, stop
            start = stop

    @contextmanager
    def _query(self, flux: str) -> Iterator[io.TextIOWrapper]:
        dialect = {"header": True, "annotations": ["datatype", "group", "default"]}
        body = json.dumps({"query": flux, "type": "flux", "dialect": dialect}).encode()
        headers = {**self._headers(), "Content-Type": "application/json", "Accept": "application/csv"}
        # surrogateescape: whatever bytes a string holds, they can be compared.
        with (
            open_url("POST", f"{self.url}/api/v2/query?{urlencode({'org': self.org})}", body, headers) as reply,
            io.TextIOWrapper(reply, "utf-8", "surrogateescape", newline="") as text,
        ):
            yield text

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Token {self.token}"}

    def _request(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
        timeout_s: float = 60.0,
    ) -> bytes:
        with open_url(method, self.url + path, body, {**self._headers(), **(headers or {})}, timeout_s) as reply:
            return reply.read()

    def _json(self, method: str, path: str, document: object = None, timeout_s: float = 60.0) -> Any:
        body = None if document is None else json.dumps(document).encode()
        return json.loads(self._request(method, path, body, {"Content-Type": "application/json"}, timeout_s) or b"null")
