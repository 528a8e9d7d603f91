"""monitoring/influxdb on a real central: every panel has rows, every alert is provoked and heard, nothing is left."""

from __future__ import annotations

import csv
import json
import re
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from lab.engines import REPOSITORY
from lab.loopback import HOST, free_port, open_url, wait_until
from lab.monitoring import grafana, influxdb
from lab.monitoring.alerts import ALERTS, SILENCE, Alert
from lab.monitoring.panel import Panel
from lab.monitoring.panels import PANELS
from lab.monitoring.selection import BUCKET
from lab.site import Site
from lab.telegraf import TelegrafProcess
from tests.engines.stage import SECOND, Stage, series
from tests.meddler import Meddler
from tests.telegraf_conf import with_prometheus

DOCUMENT = (REPOSITORY / "docs" / "monitoring.md").read_text()
KINDS = ("dashboards", "checks", "notificationEndpoints", "notificationRules", "stacks")
ALERT = {alert.key: alert for alert in ALERTS}
STATUSES = 'from(bucket: "_monitoring") |> range(start: -1m) |> filter(fn: (r) => r._field == "_message")'
METRIC = re.compile(r"\b(?:collector|internal)_\w+")
V = "option v = {timeRangeStart: -15m, timeRangeStop: now(), windowPeriod: 1s}\n"


@dataclass
class Watched:
    """A collector of one stream, with something held and something dropped, and the template in its central."""

    stage: Stage
    source: Meddler
    collector: TelegrafProcess
    folder: Path
    url: str
    metrics_port: int
    heard: list[dict[str, Any]] = field(default_factory=list)

    def shell(self, *parts: str, status: int = 0) -> str:
        """Run blocks of the document, those that contain each of `parts`, as a reader does."""
        blocks = re.findall(r"(?:^    .*\n)+", DOCUMENT, re.MULTILINE)
        text = "\n".join(next(block for block in blocks if part in block) for part in parts)
        central = self.stage.central
        env = {
            "PATH": "/usr/bin:/bin",
            "INFLUXDB_CENTRAL_URL": central.url,
            "INFLUXDB_CENTRAL_ORG": central.org,
            "OPERATOR_TOKEN": central.token,
            "ALERTS_URL": self.url,
        }
        ended = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", text.replace("\n    ", "\n").strip()],
            cwd=self.folder,
            env=env,
            capture_output=True,
            text=True,
            check=False,
        )
        assert ended.returncode == status, ended.stderr + ended.stdout
        return ended.stdout

    def apply(self) -> str:
        return self.shell("api()", "templates/apply")

    def resources(self) -> dict[str, list[dict[str, Any]]]:
        """What central has of each kind, without what changes by itself."""
        central, found = self.stage.central, {}
        organisation = next(iter(self._get("orgs")["orgs"]))["id"]
        for kind in KINDS:
            reply = self._get(f"{kind}?orgID={organisation}")
            named = [{key: each.get(key) for key in ("id", "name", "flux", "query")} for each in reply[kind]]
            found[kind] = sorted(named, key=lambda each: str(each["id"]))
        assert central.running
        return found

    def _get(self, path: str) -> Any:
        headers = {"Authorization": f"Token {self.stage.central.token}"}
        with open_url("GET", f"{self.stage.central.url}/api/v2/{path}", headers=headers) as reply:
            return json.load(reply)

    def rows(self, flux: str) -> list[dict[str, str]]:
        """The rows of a query, the header of each table for its own."""
        found: list[dict[str, str]] = []
        header: list[str] = []
        for row in csv.reader(self.stage.central.query_csv(in_bucket(flux, self.stage)).splitlines()):
            if not row or row[0].startswith("#"):
                header = []
            elif not header:
                header = row
            else:
                found.append(dict(zip(header, row, strict=False)))
        assert not any("error" in row for row in found), found
        return found

    def alarm(self, alert: Alert, level: str, since: int, says: str = "", **tags: str) -> dict[str, Any]:
        """The notification of an alert that came after the first `since` ones, with `says` in it."""

        def came() -> dict[str, Any] | None:
            of = (each for each in self.heard[since:] if each["_check_name"].endswith(alert.title))
            fit = (e for e in of if e["_level"] == level and says in e["_message"])
            return next((e for e in fit if all(e.get(key) == value for key, value in tags.items())), None)

        try:
            return wait_until(came, f"{level} of {alert.key}", 40)
        except TimeoutError as error:
            statuses = self.rows(STATUSES)
            raise AssertionError(f"{error}\n{statuses[-20:]}\n{self.stage.log_tail()}") from None


def in_bucket(text: str, stage: Stage) -> str:
    return text.replace(f'bucket: "{BUCKET}"', f'bucket: "{stage.metrics}"')


@pytest.fixture(scope="module")
def watched(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    folder = tmp_path_factory.mktemp("watched")
    heard: list[dict[str, Any]] = []

    class Listener(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Say nothing."""

        def do_POST(self) -> None:
            heard.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

    listener = ThreadingHTTPServer((HOST, 0), Listener)
    threading.Thread(target=listener.serve_forever, args=[0.05], name="listener", daemon=True).start()
    stage = Stage(site, folder, "watched", lookback="3s", start="-10m")
    site.pod_8.set_retention(stage.name, 30 * 86_400)
    at = time.time_ns() - 20 * SECOND
    site.central.write(stage.name, f"rack,host=b,field=current,source_bucket=watched current=1i {at}\n".encode())
    stage.write(f"rack,host=a current=1.5 {at}", f"collector_ledger v=1i {at}", *series(at - 500 * SECOND, 500))
    url = f"http://{HOST}:{listener.server_address[1]}/data-collector"
    try:
        with Meddler(site.pod_8.url, lambda _path, _body: None) as source:
            queries = stage.folder / "own.yaml"
            queries.write_text(queries.read_text().replace(site.pod_8.url, source.url))
            metrics_port = free_port()
            shipped = (stage.folder / "telegraf.conf").read_text()
            (stage.folder / "telegraf.conf").unlink()
            changed = with_prometheus(shipped).replace(":9273", f":{metrics_port}")
            (stage.folder / "telegraf.conf").write_text(changed)
            with stage.collector() as collector:
                made = Watched(stage, source, collector, folder, url, metrics_port, heard)
                made.folder.joinpath("monitoring", "influxdb").mkdir(parents=True)
                quick = influxdb.template(every="2s", silent_after="4s", notify_every="1s")
                file = made.folder / "monitoring" / "influxdb" / "data-collector.json"
                file.write_text(json.dumps(quick).replace(f'bucket: \\"{BUCKET}\\"', f'bucket: \\"{stage.metrics}\\"'))
                assert "applied" in made.apply()
                yield made
    finally:
        listener.shutdown()
        listener.server_close()


def test_every_panel_has_rows_of_its_columns(watched: Watched) -> None:
    def bare() -> list[str]:
        return [panel.key for panel in PANELS if not shows(panel)]

    def shows(panel: Panel) -> bool:
        rows = watched.rows(V + panel.query)
        missing = [set(panel.columns) - set(row) for row in rows if set(panel.columns) - set(row)]
        assert not missing, (panel.key, missing)
        return bool(rows)

    wait_until(lambda: not bare(), "rows in every panel", 40)
    complete = {panel.key: panel for panel in PANELS}["complete"]
    wait_until(lambda: 95 < float(watched.rows(V + complete.query)[0]["_value"]) <= 100, "most of ten minutes", 20)


@pytest.mark.parametrize("alert", [*ALERTS, SILENCE], ids=lambda alert: alert.key)
def test_grafana_asks_for_one_number_a_thing(watched: Watched, alert: Alert) -> None:
    rows = wait_until(lambda: watched.rows(grafana.alert_query(alert)), "rows", 30, 0.5)
    things = [tuple(row[tag] for tag in alert.selection.tags) for row in rows]
    assert len(things) == len(set(things))
    assert all(float(row["_value"]) >= 0 for row in rows)


def test_prometheus_gets_what_its_rules_ask_for_and_no_text(watched: Watched) -> None:
    def text() -> str:
        with open_url("GET", f"http://{HOST}:{watched.metrics_port}/metrics") as reply:
            return reply.read().decode()

    asked = {
        name for alert in (*ALERTS, SILENCE) for rule in alert.prometheus.values() for name in METRIC.findall(rule)
    }
    assert len(asked) == 11
    wait_until(lambda: asked <= set(METRIC.findall(text())), f"{asked} in what Prometheus gets", 30, 0.5)
    series = re.search(r"^collector_stream_healthy\{(.*)\} [01]$", text(), re.MULTILINE)
    assert series
    assert re.findall(r"(\w+)=", series[1]) == ["bucket", "central_bucket", "source", "stream"]
    # What is held comes with a text: the reason.
    wait_until(lambda: "collector_held_points{" in text(), "what is held", 30, 0.5)
    assert "field type conflict" not in text()


def test_applied_twice_it_changes_nothing(watched: Watched) -> None:
    once = watched.resources()
    counted = {kind: len(found) for kind, found in once.items()}
    assert counted == {
        "dashboards": 1,
        "checks": len(ALERTS) + 1,
        "notificationEndpoints": 1,
        "notificationRules": 1,
        "stacks": 1,
    }
    assert "applied" in watched.apply()
    assert watched.resources() == once


def test_what_is_held_is_told_of(watched: Watched) -> None:
    told = watched.alarm(ALERT["held"], "warn", 0, source="POD-8", stream="watched")
    assert re.fullmatch(
        r"warn: Central goes on lacking points: POD-8/watched: \d+ points are held\."
        r" What to do: docs/troubleshooting\.md#what-central-goes-on-lacking",
        told["_message"],
    )


def test_what_is_dropped_is_told_of(watched: Watched) -> None:
    since = len(watched.heard)
    watched.stage.write(f"collector_ledger v=2i {time.time_ns()}")
    assert "points of the last minutes were dropped" in watched.alarm(ALERT["dropped"], "warn", since)["_message"]


def test_a_clock_that_is_ahead_is_told_of(watched: Watched) -> None:
    since = len(watched.heard)
    watched.source.ahead_s = 3600.0
    try:
        told = watched.alarm(ALERT["clock"], "warn", since, source="POD-8")
    finally:
        watched.source.ahead_s = 0.0
    assert re.search(r"POD-8: it is ahead of the collector's by 3[56]\d\d s\.", told["_message"])


def test_a_source_that_refuses_the_token_is_told_of_and_the_lag_that_comes_of_it(watched: Watched) -> None:
    since = len(watched.heard)
    watched.stage.source.set_active(watched.stage.source_token, False)
    try:
        # What is held makes it fail already; this is another reason.
        refused = "POD-8/watched: the token is inactive"
        watched.alarm(ALERT["failing"], "crit", since, refused, source="POD-8", stream="watched")
        lagging = watched.alarm(ALERT["lag"], "warn", since, source="POD-8", stream="watched")
        assert re.search(r"central lacks something for \d+ s, max_lag is 3 s", lagging["_message"])
    finally:
        watched.stage.source.set_active(watched.stage.source_token, True)


LOSS = "collector_stream,source=POD-9,stream={} time_to_loss_seconds={},left_seconds={},max_lag_seconds=180"
WRITTEN = (
    # The time to loss of a day is not to be had within seconds, nor is a full buffer without a flood.
    ("loss", "crit", LOSS.format("s", 3600, 900)),
    ("loss", "warn", LOSS.format("t", 9000, 900)),
    ("buffer", "warn", "internal_write,alias=full,output=influxdb_v2 buffer_size=60i,buffer_limit=100i"),
)


@pytest.mark.parametrize(("key", "level", "line"), WRITTEN)
def test_what_takes_a_day_is_told_of_by_the_metric(watched: Watched, key: str, level: str, line: str) -> None:
    def told() -> bool:
        watched.stage.central.write(watched.stage.metrics, f"{line} {time.time_ns()}".encode())
        of = (each for each in watched.heard[since:] if each["_check_name"].endswith(ALERT[key].title))
        return any(each["_level"] == level and each.get(tag) == value for each in of)

    since = len(watched.heard)
    tag, value = line.split(" ")[0].split(",")[-1].split("=") if key == "loss" else ("alias", "full")
    wait_until(told, f"{level} of {key}", 20, 0.5)


def test_what_is_on_its_way_is_no_danger(watched: Watched) -> None:
    """At a source that keeps less than a day, nothing is ever further than that from its end."""
    line = LOSS.format("short", 3600, 60)

    def judged() -> list[dict[str, str]]:
        watched.stage.central.write(watched.stage.metrics, f"{line} {time.time_ns()}".encode())
        return watched.rows(STATUSES + ' |> filter(fn: (r) => r.stream == "short" and r._check_name =~ /lost/)')

    assert {row["_level"] for row in wait_until(judged, "its status", 20, 0.5)} == {"ok"}


def test_silence_is_told_of_and_what_is_removed_leaves_nothing(watched: Watched) -> None:
    since = len(watched.heard)
    watched.collector.stop()
    told = watched.alarm(SILENCE, "crit", since)
    assert told["_message"] == "crit: The collector is silent. What to do: docs/operations.md#what-to-look-at-first"
    assert "removed" in watched.shell("api()", "--request DELETE")
    assert not any(watched.resources().values())
