"""What measurements share: a bare Telegraf around the plugin, and what processes have used."""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

CONFIG = """
[agent]
  interval = "{interval}"
  round_interval = {rounded}
  metric_batch_size = 5000
  metric_buffer_limit = {buffer}
  flush_interval = "1s"
  omit_hostname = true
  skip_processors_after_aggregators = true
[[inputs.execd]]
  command = {command}
  signal = "STDIN"
  buffer_size = "1MiB"
  data_format = "influx"
  influx_parser_type = "upstream"
{more}
[[outputs.influxdb_v2]]
  urls = ["{central}"]
  token = "${{CENTRAL_TOKEN}}"
  organization = "{org}"
  bucket = "{bucket}"
  influx_uint_support = true
  [outputs.influxdb_v2.tagpass]
    source_bucket = ["{routes}"]
[[outputs.influxdb_v2]]
  urls = ["{central}"]
  token = "${{CENTRAL_TOKEN}}"
  organization = "{org}"
  bucket = "metrics"
  namepass = ["collector_*", "internal_*"]
  [outputs.influxdb_v2.tagdrop]
    source_bucket = ["*"]
"""


def write_config(
    folder: Path,
    central: str,
    bucket: str,
    routes: str,
    interval: str,
    org: str = "central",
    buffer: int = 200_000,
    rounded: bool = True,
    more: str = "",
    command: Sequence[str] = (),
) -> Path:
    """Write telegraf.conf into `folder`, beside queries.yaml, and return where it is.

    Points whose `source_bucket` is like `routes` go to `bucket` at the address `central`, the collector's own to
    `metrics`. `buffer`: lines an output keeps; `rounded`: whether ticks come at whole intervals; `more`: further
    tables; `command`: what is run instead of the collector.
    """
    collector = ("data-collector", "--config", f"{folder}/queries.yaml", "--log-file", f"{folder}/collector.log")
    text = CONFIG.format(
        command=json.dumps(command or collector),
        central=central,
        bucket=bucket,
        routes=routes,
        interval=interval,
        org=org,
        buffer=buffer,
        rounded=str(rounded).lower(),
        more=more,
    )
    (folder / "telegraf.conf").write_text(text)
    return folder / "telegraf.conf"


def processor_seconds(pid: int) -> float:
    """Return the seconds of processor time that a process has used, and those that it began and that have ended."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def peak_memory(pid: int) -> float:
    """Return VmHWM of a process in MiB."""
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert found is not None
    return int(found[1]) / 1024


def forget_peak(pid: int) -> None:
    """Have VmHWM of a process begin anew (Linux; elsewhere it goes on being the peak since its start)."""
    with contextlib.suppress(OSError):
        Path(f"/proc/{pid}/clear_refs").write_text("5")


@dataclass(frozen=True)
class Use:
    """What a process has used: seconds of processor time, and MiB of memory at its peak."""

    processor: float
    memory: float


class Meter:
    """Reads what named processes use from when they were added on."""

    def __init__(self) -> None:
        self._began: dict[str, tuple[int, float]] = {}

    def add(self, name: str, pid: int, new: bool = False) -> None:
        """Begin with a process; all that it has used counts where it is `new`."""
        forget_peak(pid)
        self._began[name] = pid, 0.0 if new else processor_seconds(pid)

    def read(self) -> dict[str, Use]:
        """Return what each has used, while all of them run."""
        return {
            name: Use(round(processor_seconds(pid) - before, 2), round(peak_memory(pid), 1))
            for name, (pid, before) in self._began.items()
        }
