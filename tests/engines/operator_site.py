"""A source and central for the tests of the operator's commands, and the commands run as an operator does."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from lab.influxd import InfluxServer
from lab.telegraf import program_path
from telegraf_plugin.config.load import load
from telegraf_plugin.stream.definition import StreamDefinition
from telegraf_plugin.stream.ledger import Mark, MarkId
from telegraf_plugin.stream.spans import Spans
from telegraf_plugin.telegraf.marks import mark_line
from tests.engines.reading import in_its_language

SECOND = 1_000_000_000
HOUR = 3600 * SECOND
PROGRAM = Path(sys.executable).parent / "data-collector"


@dataclass
class Operator:
    """One stream `POD-1/<bucket>` of a bucket of that name on both sides, and the commands on it."""

    folder: Path
    pod: InfluxServer
    central: InfluxServer
    bucket: str
    env: dict[str, str] = field(default_factory=dict)
    tokens: bool = True
    stream_keys: dict[str, Any] = field(default_factory=dict)
    program: Path = PROGRAM

    def __post_init__(self) -> None:
        made = {"PATH": program_path(), "TOKEN": self.pod.token, "CENTRAL_TOKEN": self.central.token}
        if self.tokens:  # with the least rights
            both = [self.bucket, "metrics"]
            made["TOKEN"] = self.pod.token_for(read=[self.bucket])
            made["CENTRAL_TOKEN"] = self.central.token_for(read=both, write=both)
        self.env = made | self.env
        self.configure()

    @property
    def label(self) -> str:
        return f"POD-1/{self.bucket}"

    def configure(self, **changes: Any) -> None:
        """Write queries.yaml; `changes` are keys of the stream."""
        stream = {"bucket": self.bucket, "lookback": "1m"} | self.stream_keys | changes
        document = {
            "central": {
                "url": self.central.url,
                "org": self.central.org,
                "token": "${CENTRAL_TOKEN}",
                "metrics_bucket": "metrics",
            },
            "sources": [
                {"name": "POD-1", "url": self.pod.url, "org": self.pod.org, "token": "${TOKEN}", "streams": [stream]}
            ],
        }
        (self.folder / "queries.yaml").write_text(yaml.safe_dump(in_its_language(document)))

    @property
    def stream(self) -> StreamDefinition:
        return load(self.folder / "queries.yaml", self.env).streams[0]

    def run(self, *words: str, timeout_s: float = 60.0) -> subprocess.CompletedProcess[str]:
        """Run `data-collector` with these words, out of a terminal."""
        command = [str(self.program), words[0], "--config", str(self.folder / "queries.yaml"), *words[1:]]
        return subprocess.run(
            command, env=self.env, cwd=self.folder, capture_output=True, text=True, timeout=timeout_s, check=False
        )

    def json(self, *words: str, status: int = 0) -> Any:
        ended = self.run(*words, "--json")
        assert ended.returncode == status, ended.stderr + ended.stdout
        return json.loads(ended.stdout)

    def mark(self, origin: int, proved: Spans, request: str = "", **more: Any) -> Mark:
        """Write a mark as the plugin's next one would be."""
        mark = Mark(
            id=MarkId(time.time_ns(), "test"),
            base=None,
            definition=self.stream.hash,
            origin=origin,
            began=origin,
            proved=proved,
            request=request,
            **more,
        )
        self.central.write(self.stream.central_bucket, mark_line(self.stream, mark))
        return mark

    def requests(self) -> list[Mapping[str, str]]:
        """The request points in central, oldest first, a dictionary of fields each."""
        now = time.time_ns()
        found: dict[int, dict[str, str]] = {}
        for point in self.central.points(self.bucket, now - 24 * HOUR, now + HOUR):
            if point.measurement == "collector_request":
                assert dict(point.tags) == {"source": "POD-1", "stream": self.bucket}
                found.setdefault(point.time_ns, {})[point.field] = point.value
        return [found[at] for at in sorted(found)]


def mapped(line: str, bucket: str, field: str) -> str:
    """A line of the source `measurement,host=h field=value time` as it is in central."""
    head, rest = line.split(" ", 1)
    return f"{head},field={field},source_bucket={bucket} {rest}"
