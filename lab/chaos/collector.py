"""The collector as a black box: Telegraf's configuration as shipped, queries.yaml as written here, their folder.

What the chaos run asks of the collector's configuration stands in this file and nowhere else.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lab.engines import REPOSITORY
from lab.expect import METADATA_TAGS
from lab.feed import EXCLUDED_FIELD
from lab.loopback import free_port
from lab.site import POD_8, POD_30, Buckets, Site
from lab.telegraf import TelegrafProcess

INTERVAL_S = 2
LOOKBACK_S = 20

# What WIDE=yes leaves out: then all fields of a time share a line.
TAGS = METADATA_TAGS if os.environ.get("WIDE") != "yes" else tuple(tag for tag in METADATA_TAGS if tag != "field")

# In which language sources and central are asked for points: READ.
READ = os.environ.get("READ") or "auto"

# A line of queries.yaml that every stream gets: else history would never arrive.
START = "start: earliest"

QUERIES = f"""
central:
  url: "${{INFLUXDB_CENTRAL_URL}}"
  org: "${{INFLUXDB_CENTRAL_ORG}}"
  token: "${{INFLUXDB_CENTRAL_TOKEN}}"
  read: {READ}
metadata_tags: [{", ".join(TAGS)}]
# What is wrongly called proved stays wrong: nobody looks there again.
sweep: 0%
sources:
  - name: {POD_8}
    url: "${{SERVER_A_URL}}"
    org: "${{SERVER_A_ORG}}"
    token: "${{SERVER_A_TOKEN}}"
    read: {READ}
    streams:
      - bucket: "${{SERVER_A_BUCKET}}"
        measurements: [cpu, mem, disk, net]
        lookback: {LOOKBACK_S}s
        {START}
  - name: {POD_30}
    url: "${{SERVER_B_URL}}"
    org: "${{SERVER_B_ORG}}"
    token: "${{SERVER_B_TOKEN}}"
    read: {READ}
    streams:
      - bucket: "${{SERVER_B_BUCKET}}"
        lookback: {LOOKBACK_S}s
        {START}
      - bucket: "${{SERVER_B_BUCKET_2}}"
        exclude_fields: [{EXCLUDED_FIELD}]
        lookback: {LOOKBACK_S}s
        {START}
"""

# As shipped, a plugin that died is started again after 5 s: too long to be killed again and again within some seconds.
CHANGES = (('restart_delay = "5s"', 'restart_delay = "300ms"'),)
COMMAND = 'command = ["data-collector", '


@dataclass(frozen=True)
class CopiedStream:
    """What QUERIES says about one stream, for the comparison; `measurements` empty: all of them."""

    source: str
    bucket: str
    measurements: tuple[str, ...] = ()
    exclude_fields: tuple[str, ...] = ()


STREAMS = (
    CopiedStream(POD_8, Buckets.telegraf, ("cpu", "mem", "disk", "net")),
    CopiedStream(POD_30, Buckets.pods),
    CopiedStream(POD_30, Buckets.power, (), (EXCLUDED_FIELD,)),
)


def collector(
    folder: Path,
    site: Site,
    urls: Mapping[str, str],
    mutant: str = "",
    conf: Path = REPOSITORY / "telegraf.conf",
    standby: bool = False,
) -> TelegrafProcess:
    """A Telegraf with the plugin, not yet started, in a new `folder`.

    `urls` replaces addresses by the proxies' in front of them, by the name of the variable. With `mutant` the plugin is
    started as that one of `lab.chaos.mutants`. `conf` is Telegraf's configuration. `standby`: it is one of several, of
    which one reads.
    """
    (folder / "config").mkdir(parents=True)
    (folder / "logs").mkdir()
    (folder / "config" / "queries.yaml").write_text(QUERIES)
    text = conf.read_text()
    changes = [*CHANGES]
    environment = {**site.environment(INTERVAL_S, free_port()), **urls}
    if standby:
        environment["COLLECTOR_STANDBY"] = "yes"
    if mutant:
        words = [sys.executable, "-m", "lab.chaos.mutated", mutant]
        changes.append((COMMAND, f"command = [{', '.join(map(json.dumps, words))}, "))
        environment["PYTHONPATH"] = str(REPOSITORY)
    for old, new in changes:
        if old not in text:
            raise ValueError(f"{conf.name} has no {old!r} to change")
        text = text.replace(old, new)
    config = folder / "telegraf.conf"
    config.write_text(text)
    return TelegrafProcess(config, environment, cwd=folder)
