"""`Stage`: one stream from POD-8 to central by real Telegraf, with buckets of its own on servers that tests share."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import yaml

from lab.expect import METADATA_TAGS, difference, expected_points
from lab.influxd import InfluxServer
from lab.loopback import free_port, open_url, wait_until
from lab.points import Point
from lab.site import POD_8, Site
from lab.telegraf import TelegrafProcess, work_folder
from telegraf_plugin.stream.spans import Spans
from tests.engines.plugin_process import LEDGER
from tests.engines.reading import in_its_language

SECOND = 10**9
DAY = 86_400 * SECOND


class Stage:
    """The bucket `name` on POD-8 and central, `<name> metrics` in central, and the files of a collector in `folder`."""

    def __init__(
        self, site: Site, folder: Path, name: str, interval_s: int = 1, operator: bool = False, **keys: Any
    ) -> None:
        """`keys` are the stream's, beside a lookback of 3 s; `max_in_flight` among them is the whole file's.

        `operator`: the collector has central's operator token, which holds for a bucket that is made anew as well.
        """
        self.site, self.name, self.metrics = site, name, f"{name} metrics"
        self.source, self.central = site.pod_8, site.central
        self.source.create_bucket(name)
        self.central.create_bucket(name)
        self.central.create_bucket(self.metrics)
        buckets = [name, self.metrics]
        self.source_token = self.source.token_for(read=[name])
        self.central_token = self.central.token if operator else self.central.token_for(read=buckets, write=buckets)
        self.port = free_port()
        self.folder = work_folder(folder / "work")
        self.began = time.time_ns()
        self.write_queries(**keys)
        self._env = site.environment(interval_s, self.port) | {
            "COLLECTOR_QUERIES": str(self.folder / "own.yaml"),
            "INFLUXDB_CENTRAL_BUCKET": self.metrics,
            "INFLUXDB_CENTRAL_TOKEN": self.central_token,
            "SERVER_A_BUCKET": name,
            "SERVER_A_TOKEN": self.source_token,
        }

    def write_queries(self, max_in_flight: int = 100_000, **keys: Any) -> None:
        """Write queries.yaml anew, for the next start."""
        self.metadata_tags = keys.get("metadata_tags", METADATA_TAGS)
        stream = {"bucket": self.name, "lookback": "3s", **keys}
        source = {"name": POD_8, "url": self.source.url, "org": self.source.org, "token": "${SERVER_A_TOKEN}"}
        central = {"url": self.central.url, "org": self.central.org, "token": "${INFLUXDB_CENTRAL_TOKEN}"}
        document = {
            "central": central | {"metrics_bucket": self.metrics},
            "max_in_flight": max_in_flight,
            "sources": [source | {"streams": [stream]}],
        }
        (self.folder / "own.yaml").write_text(yaml.safe_dump(in_its_language(document)))

    def collector(self, port: int | None = None) -> TelegrafProcess:
        """A collector, to be started as a context; a second one needs another health port."""
        env = self._env | ({"HEALTH_CHECK_PORT": str(port)} if port else {})
        log = self.folder / f"telegraf{port or ''}.log"
        return TelegrafProcess(self.folder / "telegraf.conf", env, cwd=self.folder, log_file=log)

    # What there is

    def write(self, *lines: str) -> None:
        """Write lines to the source."""
        self.source.write(self.name, "\n".join(lines).encode())

    def expected(self) -> set[Point]:
        """What central should have: all that the source has."""
        return set(expected_points(self._points(self.source, self.name), POD_8, self.name, self.metadata_tags))

    def landed(self) -> set[Point]:
        """What central has, without the ledger."""
        return {point for point in self._points(self.central, self.name) if point.measurement != LEDGER}

    def measured(self, measurement: str) -> list[Point]:
        """The points of one measurement of the collector's own metrics, the oldest first."""
        found = (p for p in self._points(self.central, self.metrics) if p.measurement == measurement)
        return sorted(found, key=lambda point: point.time_ns)

    def marks(self) -> list[dict[str, str]]:
        """The marks in central, the oldest first: their fields."""
        marks: dict[int, dict[str, str]] = {}
        for point in self._points(self.central, self.name):
            if point.measurement == LEDGER:
                marks.setdefault(point.time_ns, {})[point.field] = point.value
        # One that is being written just now is read in part.
        return [marks[at] for at in sorted(marks) if "proved" in marks[at] and "held" in marks[at]]

    def proved(self) -> Spans:
        """What the newest mark calls proved."""
        marks = self.marks()
        return Spans.parse(marks[-1]["proved"]) if marks else Spans()

    def health(self) -> int:
        return TelegrafProcess.health(self.port)

    def _points(self, server: InfluxServer, bucket: str) -> set[Point]:
        return server.points(bucket, self.began - DAY, time.time_ns() + 3600 * SECOND)

    # What is waited for

    def wait_for_all(self, timeout_s: float = 20.0) -> None:
        """Wait until central has what the source has, and nothing else; raises AssertionError with what differs."""

        def alike() -> bool:
            return self.expected() == self.landed()

        try:
            wait_until(alike, "all points", timeout_s, 0.2)
        except TimeoutError:
            raise AssertionError(difference(self.expected(), self.landed()) + "\n" + self.log_tail()) from None

    def wait_for_proof(self, until: int, timeout_s: float = 30.0) -> None:
        """Wait until the ledger calls proved what is before `until` (Unix ns), from where the stream begins."""

        def reached() -> bool:
            spans = self.proved().parts
            return bool(spans) and spans[0][1] >= until and spans[0][0] <= int(self.marks()[-1]["origin"])

        try:
            wait_until(reached, "proof", timeout_s, 0.2)
        except TimeoutError:
            raise AssertionError(f"{self.marks()[-2:]}\n{self.log_tail()}") from None

    def wait_for_health(self, status: int, timeout_s: float) -> float:
        """Wait for it, and return how long it took."""
        began = time.monotonic()
        try:
            wait_until(lambda: self.health() == status, f"health {status}", timeout_s)
        except TimeoutError as error:
            raise TimeoutError(f"{error}\n{self.log_tail()}") from None
        return time.monotonic() - began

    def log(self) -> str:
        return self.collector().log()

    def log_tail(self) -> str:
        return self.collector().log_tail(25)

    # What happens to central

    def forget_since(self, start: int) -> None:
        """Delete all that central's bucket has since `start` (Unix ns), ledger too, as putting a backup back does."""
        self._delete(start, time.time_ns() + DAY, None)

    def forget_span(self, start: int, stop: int) -> None:
        """Delete what central's bucket has in [start, stop), Unix ns."""
        self._delete(start, stop - 1, None)  # InfluxDB deletes what is at `stop` as well

    def delete_measurement(self, measurement: str) -> None:
        """Delete one measurement in central, of the last day."""
        self._delete(self.began - DAY, time.time_ns() + DAY, f'_measurement="{measurement}"')

    def _delete(self, start: int, stop: int, predicate: str | None) -> None:
        query = urlencode({"org": self.central.org, "bucket": self.name})
        document = {"start": _rfc3339(start), "stop": _rfc3339(stop)} | ({"predicate": predicate} if predicate else {})
        headers = {"Authorization": f"Token {self.central.token}", "Content-Type": "application/json"}
        open_url("POST", f"{self.central.url}/api/v2/delete?{query}", json.dumps(document).encode(), headers).close()


def _rfc3339(at: int) -> str:
    seconds, rest = divmod(at, SECOND)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{rest:09}Z"


def series(begin: int, count: int, step: int = SECOND, measurement: str = "m") -> Iterable[str]:
    """Lines of one series, a point each `step` ns from `begin` on."""
    return (f"{measurement},k=v v={number}i {begin + number * step}" for number in range(count))
