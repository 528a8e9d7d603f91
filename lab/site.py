"""`Site`: the README's two sources and central on loopback, and the environment that `.env` would give."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass

from lab.assembly import Assembly
from lab.influxd import InfluxServer
from telegraf_plugin.config.settings import silence

POD_8 = "POD-8"
POD_30 = "POD-30"


@dataclass(frozen=True)
class Buckets:
    """The buckets' names: POD-8's, POD-30's two (all also in central), and that of the own metrics."""

    telegraf: str = "telegraf"
    pods: str = "pod_monitoring"
    power: str = "power_monitoring"
    metrics: str = "metrics"


class Site(Assembly):
    """POD-8 (org default), POD-30 (org pod) and central (org central) with their buckets and tokens.

    A context. The collector's tokens: `pod_8_token` and `pod_30_token` only read their source's buckets;
    `central_token` reads and writes central's four.
    """

    def __init__(self, buckets: Buckets | None = None) -> None:
        """`buckets` are the buckets' names, the README's by default."""
        self.buckets = buckets or Buckets()
        self.pod_8 = InfluxServer("default", self.buckets.telegraf)
        self.pod_30 = InfluxServer("pod", self.buckets.pods)
        self.central = InfluxServer("central", self.buckets.metrics)
        self.pod_8_token = self.pod_30_token = self.central_token = ""

    def assemble(self, stack: ExitStack) -> None:
        """Start the servers side by side, and make buckets and tokens."""
        servers = (self.pod_8, self.pod_30, self.central)
        for server in servers:
            stack.callback(server.close)
        with ThreadPoolExecutor(len(servers)) as pool:
            list(pool.map(InfluxServer.start, servers))
        self._furnish()

    def _furnish(self) -> None:
        names = self.buckets
        self.pod_30.create_bucket(names.power)
        for name in (names.telegraf, names.pods, names.power):
            self.central.create_bucket(name)
        self.pod_8_token = self.pod_8.token_for(read=[names.telegraf])
        self.pod_30_token = self.pod_30.token_for(read=[names.pods, names.power])
        landing = [names.telegraf, names.pods, names.power, names.metrics]
        self.central_token = self.central.token_for(read=landing, write=landing)

    def environment(self, interval_s: int, health_port: int, log_level: str = "INFO") -> dict[str, str]:
        """The variables of `.env` for this site, and no others.

        `interval_s` is the collector's interval in whole seconds, `health_port` where outputs.health listens
        (`loopback.free_port` gives one), `log_level` one of DEBUG, INFO, WARN, WARNING, ERROR.
        """
        return {
            "INFLUXDB_CENTRAL_URL": self.central.url,
            "INFLUXDB_CENTRAL_TOKEN": self.central_token,
            "INFLUXDB_CENTRAL_ORG": self.central.org,
            "INFLUXDB_CENTRAL_BUCKET": self.buckets.metrics,
            "SERVER_A_URL": self.pod_8.url,
            "SERVER_A_TOKEN": self.pod_8_token,
            "SERVER_A_ORG": self.pod_8.org,
            "SERVER_A_BUCKET": self.buckets.telegraf,
            "SERVER_B_URL": self.pod_30.url,
            "SERVER_B_TOKEN": self.pod_30_token,
            "SERVER_B_ORG": self.pod_30.org,
            "SERVER_B_BUCKET": self.buckets.pods,
            "SERVER_B_BUCKET_2": self.buckets.power,
            "COLLECTOR_INTERVAL": str(interval_s),
            "HEALTH_CHECK_PORT": str(health_port),
            "HEALTH_MAX_SILENCE": f"{silence(interval_s * 10**9) // 10**9}s",
            "LOG_LEVEL": log_level,
        }
