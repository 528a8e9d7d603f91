"""What the sources hold: POD-8 a real Telegraf agent's figures of this machine, POD-30 made-up ones.

`pod_30_batch` is pure: the same time and seed give the same lines, so that tests can use it with fixed times.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lab.background import Background
from lab.engines import REPOSITORY
from lab.influxd import InfluxServer
from lab.site import POD_8
from lab.telegraf import TelegrafProcess

EXCLUDED_FIELD = "chair_section"  # of power_monitoring; the collector must leave it where it is
# Each bucket's measurements, with a host under which central has to show them.
MACHINE_MEASUREMENTS = dict.fromkeys(("cpu", "disk", "mem", "net"), "pod_8")
POWER_MEASUREMENTS = dict.fromkeys(("electric_current", "pdu_status", "rack_temperature", "voltage"), "pod_30")
POD_MEASUREMENTS = {
    "container_cpu": "pod_30",
    "kubernetes_node": "worker-1",
    "kubernetes_pod_container": "worker-1",
    "kubernetes_pod_network": "pod_30",
}


def machine_agent(server: InfluxServer, bucket: str, folder: Path, interval_s: int = 2) -> TelegrafProcess:
    """A Telegraf agent, not yet started, that measures this machine as POD-8 every `interval_s` seconds.

    It writes cpu, mem, disk and net into `bucket` of `server`, by `lab/agent.conf`; its log is put into `folder`.
    """
    env = {
        "FEED_HOST": POD_8,
        "FEED_INTERVAL": str(interval_s),
        "FEED_URL": server.url,
        "FEED_TOKEN": server.token_for(write=[bucket]),
        "FEED_ORG": server.org,
        "FEED_BUCKET": bucket,
    }
    return TelegrafProcess(REPOSITORY / "lab" / "agent.conf", env, cwd=folder, log_file=folder / "agent.log")


@dataclass(frozen=True)
class Pod30Batch:
    """Line protocol, times in nanoseconds, for the two buckets of POD-30."""

    power: bytes
    pods: bytes


def pod_30_batch(at_ns: int, seed: int = 30) -> Pod30Batch:
    """The points of one reading that begins at `at_ns` (ns since 1970 UTC) and lasts under a millisecond.

    Readings a millisecond apart share no point. There are all field types, own hosts and none, text with
    spaces, commas, quotes, a backslash, a newline and beyond ASCII, and the field `chair_section` in two
    measurements.
    """
    chance = random.Random(f"{seed} {at_ns}")
    return Pod30Batch(power=_power(at_ns, chance), pods=_pods(at_ns, chance))


def _power(at_ns: int, chance: random.Random) -> bytes:
    day = math.sin(at_ns / 86_400e9 * 2 * math.pi)
    lines = []
    for rack in ("R01", "R02"):
        for phase in ("L1", "L2", "L3"):
            amperes = 11 + 4 * day + chance.gauss(0, 0.4)
            tags = {"rack": rack, "phase": phase, "feed": "main A"}
            fields = [_real("current", amperes), _boolean("overload", amperes > 15.9), "limit=16u"]
            fields.append(_text(EXCLUDED_FIELD, f'C{rack[-1]}, row "north" {phase}'))
            lines.append(_line("electric_current", tags, fields, at_ns, chance))
            fields = [_real("volts", chance.gauss(230, 1.2)), _real("frequency", chance.gauss(50, 0.01))]
            lines.append(_line("voltage", {"rack": rack, "phase": phase}, fields, at_ns, chance))
        for side in ("front", "rear"):
            celsius = 22 + 9 * (side == "rear") + 2 * day + chance.gauss(0, 0.2)
            fields = [_real("celsius", celsius), f"fan_rpm={chance.randrange(2400, 4200)}i"]
            fields.append(_text(EXCLUDED_FIELD, f"C{rack[-1]} {side}"))
            lines.append(_line("rack_temperature", {"rack": rack, "side": side}, fields, at_ns, chance))
        # Above what a signed integer holds: a Telegraf that clips unsigned values shows here.
        fields = [
            f"energy_wh={at_ns // 10**9}u",
            f"serial={2**64 - int(rack[1:])}u",
            _boolean("online", True),
        ]
        fields.append(_text("firmware", 'v2.1 "stable", geprüft ✓ C:\\pdu\nbuild 7'))
        lines.append(_line("pdu_status", {"rack": rack, "host": "POD-30"}, fields, at_ns, chance))
    return b"".join(lines)


def _pods(at_ns: int, chance: random.Random) -> bytes:
    lines = []
    for worker in ("worker-1", "worker-2"):
        node = {"host": worker, "node_name": worker}
        fields = [f"cpu_usage_nanocores={chance.randrange(10**8, 3 * 10**9)}i", "capacity_pods=110i"]
        fields += [
            f"memory_usage_bytes={chance.randrange(2**31, 2**34)}u",
            _boolean("ready", chance.random() > 0.02),
        ]
        lines.append(_line("kubernetes_node", node, fields, at_ns, chance))
        for app in ("ingress", "ledger-api"):
            pod = {"namespace": "shop", "pod_name": f"{app}-{worker[-1]}", "container_name": app}
            state = chance.choice(["running", "waiting: back-off 5m0s, restarting", 'terminated, "OOMKilled"'])
            fields = [_text("state", state), f"restarts_total={at_ns // 10**13}i", "limit_millicores=500i"]
            lines.append(_line("kubernetes_pod_container", {**pod, "host": worker}, fields, at_ns, chance))
            fields = [
                _real("usage_percent", 100 * chance.random() ** 3),
                _boolean("throttled", chance.random() < 0.1),
            ]
            lines.append(_line("container_cpu", {**pod, "image": "registry/" + app + ":1.4"}, fields, at_ns, chance))
    counter = at_ns // 10**6
    fields = [f"rx_bytes={counter * 311}u", f"tx_bytes={counter * 97}u", "rx_errors=0i"]
    lines.append(_line("kubernetes_pod_network", {"host": "POD-30", "interface": "eth0"}, fields, at_ns, chance))
    return b"".join(lines)


def _line(measurement: str, tags: Mapping[str, str], fields: list[str], at_ns: int, chance: random.Random) -> bytes:
    escaped = str.maketrans({" ": "\\ ", ",": "\\,", "=": "\\="})
    series = "".join(f",{key}={value.translate(escaped)}" for key, value in tags.items())
    return f"{measurement}{series} {','.join(fields)} {at_ns + chance.randrange(10**6)}\n".encode()


def _real(name: str, value: float) -> str:
    return f"{name}={value!r}"  # repr: all the digits, so that one lost on the way shows


def _boolean(name: str, value: bool) -> str:
    return f"{name}={'true' if value else 'false'}"


def _text(name: str, value: str) -> str:
    quoted = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'{name}="{quoted}"'


class Pod30Feeder(Background):
    """A thread that writes a `pod_30_batch` every `interval_s` seconds while the context is open.

    What goes wrong is kept in `error` and tried again with the next reading.
    """

    def __init__(self, server: InfluxServer, power: str, pods: str, interval_s: float = 1.0, seed: int = 30) -> None:
        """`power` and `pods` are the names of the two buckets of `server`."""
        super().__init__("pod-30-feeder")
        self.error: Exception | None = None
        self._server = server
        self._power = power
        self._pods = pods
        self._interval_s = interval_s
        self._seed = seed

    def work(self) -> None:
        """Write a batch every interval."""
        while True:
            batch = pod_30_batch(time.time_ns(), self._seed)
            try:
                self._server.write(self._power, batch.power)
                self._server.write(self._pods, batch.pods, gzip=True)
                self.error = None
            except Exception as error:
                self.error = error
            if self.ended(self._interval_s):
                return
