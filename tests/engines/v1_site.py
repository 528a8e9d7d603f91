"""An InfluxDB 1.x as a source: its reader, and a stream of it to central by real Telegraf."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import yaml

from lab.expect import expected_points
from lab.influxd import InfluxServer
from lab.influxd_v1 import V1Server
from lab.points import Point
from lab.site import POD_8, Buckets, Site
from telegraf_plugin.influxdb.v1_client import V1Client
from telegraf_plugin.influxdb.v1_source import V1SourceReader
from tests.engines.stage import Stage


def client_of(server: V1Server, password: str | None = None) -> V1Client:
    """What asks it, as its user."""
    return V1Client(server.url, "", lambda: f"{server.user}:{password or server.password}", 5, 15, 60)


def reader_of(server: V1Server) -> V1SourceReader:
    return V1SourceReader(client_of(server))


class _Source:
    """What a stage asks of its source, beside its program."""

    org = ""

    def __init__(self, server: V1Server) -> None:
        self._server = server

    @property
    def url(self) -> str:
        return self._server.url

    def create_bucket(self, name: str) -> None:
        self._server.create_database(name.partition("/")[0])

    def token_for(self, read: list[str]) -> str:
        return self._server.password


class V1Stage(Stage):
    """The database `database` of an InfluxDB 1.x, and what a `Stage` has; a bucket of central has the same points."""

    def __init__(self, server: V1Server, central: InfluxServer, folder: Path, database: str, **keys: Any) -> None:
        source = _Source(server)
        tokens = {"central_token": "", "pod_8_token": "", "pod_30_token": ""}
        site = SimpleNamespace(central=central, pod_8=source, pod_30=source, buckets=Buckets(), **tokens)
        site.environment = lambda *numbers: Site.environment(cast(Site, site), *numbers)
        self.server, self.reference = server, f"{database} reference"
        super().__init__(cast(Site, site), folder, f"{database}/autogen", **keys)
        central.create_bucket(self.reference)

    def write_queries(self, max_in_flight: int = 100_000, **keys: Any) -> None:
        super().write_queries(max_in_flight, **keys)
        file = self.folder / "own.yaml"
        document = yaml.safe_load(file.read_text())
        (source,) = document["sources"]
        (stream,) = source["streams"]
        for key in ("org", "token"):
            del source[key]
        del stream["bucket"]
        source |= {"username": self.server.user, "password": "${SERVER_A_TOKEN}"}
        stream["database"] = self.name.partition("/")[0]
        file.write_text(yaml.safe_dump(document))

    def write(self, *lines: str) -> None:
        text = "\n".join(lines).encode()
        self.server.write(self.name.partition("/")[0], text)
        self.central.write(self.reference, text)

    def expected(self) -> set[Point]:
        points = self._points(self.central, self.reference)
        return set(expected_points(points, POD_8, self.name, self.metadata_tags))
