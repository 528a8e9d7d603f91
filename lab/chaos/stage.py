"""`Stage`: everything that runs in a chaos run, and the copy of central's files that can be put back."""

from __future__ import annotations

import contextlib
import random
import shutil
import tempfile
import threading
import time
from contextlib import ExitStack
from pathlib import Path

from lab.assembly import Assembly
from lab.chaos.collector import LOOKBACK_S, STREAMS, collector
from lab.chaos.feeder import Feeder
from lab.chaos.journal import Journal
from lab.chaos.lines import Line
from lab.chaos.proxy import Proxy
from lab.chaos.standby import active_of
from lab.chaos.upheaval import Upheavals
from lab.influxd import InfluxServer
from lab.kafka_way import SITE_CONF, KafkaWay
from lab.loopback import HttpRefused, wait_until
from lab.process import alive, children
from lab.site import POD_8, POD_30, Site
from lab.telegraf import TelegrafProcess

CENTRAL = "central"  # what it is called beside the sources' names
SHARD_GROUP_S = 3600  # the least InfluxDB has: the feeder changes types at every hour
FIRST, NEWEST = "central-first", "central-newest"
_FILES = ("influxd.bolt", "influxd.sqlite", "engine")


class Interrupted(Exception):
    """The run is to end now."""


class NoEffect(Exception):
    """A fault did not happen, though nothing went wrong: no request came while a proxy waited for one."""


def duration(chance: random.Random) -> float:
    """How long a fault lasts, in seconds."""
    return chance.triangular(0.3, 4.0, 1.0)


class Stage(Assembly):
    """The site with its shard groups of an hour, proxies in front of all three servers, feeders and the collector.

    A context: everything started on entry is ended on leaving, whatever state a fault left it in. `ended` is set from
    outside to end the run early.
    """

    def __init__(
        self,
        seed: int,
        ended: threading.Event,
        refills: bool = True,
        mutant: str = "",
        over: str = "",
        standby: bool = False,
    ) -> None:
        """`refills`: central will be put back; `mutant`: what the plugin is started as; `over`: "kafka" or nothing;
        `standby`: there are two collectors, of which one stands by.
        """
        self.seed = seed
        self.ended = ended
        self.refills = refills
        self._mutant, self.standby = mutant, standby
        self._over = over
        self.way: KafkaWay | None = None
        self.upheavals = Upheavals()
        lookback_ns = LOOKBACK_S * 1_000_000_000
        self.journals = {
            stream.bucket: Journal(
                stream.source, stream.bucket, stream.measurements, stream.exclude_fields, lookback_ns
            )
            for stream in STREAMS
        }
        self.site = Site()
        self._copied_at: dict[str, float] = {}  # time.monotonic() by the copy's name
        self.telegraf_ended_itself = 0
        self.refused = ""  # the last of what a source would not take: the bench wrote something wrong
        self._seconds = 0  # second collectors so far

    def assemble(self, stack: ExitStack) -> None:
        """Start it all."""
        self.folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="lab-chaos-")))
        stack.enter_context(self.site)
        for stream in STREAMS:
            self.source(stream.source).set_shard_groups(stream.bucket, SHARD_GROUP_S)
            self.central.set_shard_groups(stream.bucket, SHARD_GROUP_S)
        if self.refills:
            self.central.stop()
            self.copy_central()
            self.central.start()
        self.proxy = stack.enter_context(Proxy(self.central.url))
        self.source_proxies = {name: stack.enter_context(Proxy(self.source(name).url)) for name in (POD_8, POD_30)}
        self.feeders = [
            stack.enter_context(Feeder(self.write, buckets, self.seed)) for buckets in _buckets_by_source().values()
        ]
        if self._over:
            central = {"INFLUXDB_CENTRAL_URL": self.proxy.url}
            self.way = stack.enter_context(KafkaWay(self.folder, self.site, central))
        self.collectors = [self.new_collector(self.folder / name) for name in self._names()]
        for journal in self.journals.values():
            journal.seen_ns = time.time_ns()
        for each in self.collectors:
            stack.enter_context(each)

    @property
    def central(self) -> InfluxServer:
        """The central server."""
        return self.site.central

    def source(self, name: str) -> InfluxServer:
        """A source by its name in queries.yaml."""
        return {POD_8: self.site.pod_8, POD_30: self.site.pod_30}[name]

    def write(self, bucket: str, lines: list[Line]) -> None:
        """Write to a stream's bucket at its source, and take note of that. Raises what a failed write raises."""
        server = next(self.source(stream.source) for stream in STREAMS if stream.bucket == bucket)
        batch = self.journals[bucket].send(lines)
        try:
            server.write(bucket, "\n".join(line.protocol() for line in lines).encode())
        except BaseException as error:
            batch.end(acknowledged=False)
            if isinstance(error, HttpRefused) and error.status in (400, 422):
                self.refused = str(error)
            raise
        batch.end(acknowledged=True)

    def new_collector(self, folder: Path) -> TelegrafProcess:
        """A collector that reaches all servers through the proxies, not yet started, in a new `folder`."""
        urls = {
            "INFLUXDB_CENTRAL_URL": self.proxy.url,
            "SERVER_A_URL": self.source_proxies[POD_8].url,
            "SERVER_B_URL": self.source_proxies[POD_30].url,
        }
        if self.way is None:
            return collector(folder, self.site, urls, self._mutant, standby=self.standby)
        urls |= self.way.environment
        return collector(folder, self.site, urls, self._mutant, SITE_CONF, self.standby)

    def _names(self) -> tuple[str, ...]:
        return ("collector", "standby") if self.standby else ("collector",)

    @property
    def telegraf(self) -> TelegrafProcess:
        """The collector that reads now: a fault takes hold of that one, and keeps it to its end."""
        return active_of(self.collectors)

    def second_collector(self) -> TelegrafProcess:
        """Another collector with a folder of its own, not yet started."""
        self._seconds += 1
        return self.new_collector(self.folder / f"second-{self._seconds}")

    def hold(self, seconds: float) -> None:
        """Wait. Raises Interrupted when the run is to end."""
        if self.ended.wait(seconds):
            raise Interrupted

    def plugin_pid(self, telegraf: TelegrafProcess, timeout_s: float = 15.0, other_than: int = 0) -> int:
        """Its plugin's process id, waited for; another one than `other_than`. Raises TimeoutError."""

        def living() -> list[int]:
            return [pid for pid in children(telegraf.pid) if pid != other_than and alive(pid)]

        return wait_until(living, "a living plugin", timeout_s)[0]

    def copy_central(self) -> None:
        """Copy central's files; it has to be stopped. The first copy of a run and the newest one are kept."""
        name = NEWEST if self._copied_at else FIRST
        shutil.rmtree(self.folder / name, ignore_errors=True)
        _copy(self.central.folder, self.folder / name)
        self._copied_at[name] = time.monotonic()

    def put_central_back(self, wanted: str) -> float:
        """Put the copy FIRST or NEWEST in place of central's files, which has to be stopped; its age in seconds."""
        name = wanted if wanted in self._copied_at else FIRST
        for path in _present(self.central.folder):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()
        _copy(self.folder / name, self.central.folder)
        return time.monotonic() - self._copied_at[name]

    def mend(self) -> None:
        """Start what is not running, as whoever runs such machines would."""
        for server in (self.central, self.site.pod_8, self.site.pod_30):
            if not server.running:
                server.start()
        if self.way is not None:
            self.way.mend()
        self.mend_telegraf()

    def mend_telegraf(self) -> None:
        """Start Telegraf if it ended by itself, and count that."""
        for telegraf in self.collectors:
            if not telegraf.running:
                self.telegraf_ended_itself += 1
                telegraf.start()

    def keep_logs(self, folder: Path) -> None:
        """Copy the logs of everything to `folder`."""
        folder.mkdir(parents=True, exist_ok=True)
        logs: dict[str, Path] = {}
        for name, telegraf in zip(self._names(), self.collectors, strict=True):
            of = "" if name == "collector" else f"-{name}"
            logs[f"telegraf{of}.log"] = telegraf.log_file
            logs[f"collector{of}.log"] = telegraf.cwd / "logs" / "collector.log"
        for name, server in ((CENTRAL, self.central), (POD_8, self.site.pod_8), (POD_30, self.site.pod_30)):
            logs[f"influxd-{name}.log"] = server.log_file
        if self.way is not None:
            logs |= self.way.logs()
        for name, path in logs.items():
            with contextlib.suppress(OSError):
                shutil.copyfile(path, folder / name)


def _buckets_by_source() -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for stream in STREAMS:
        found[stream.source] = (*found.get(stream.source, ()), stream.bucket)
    return found


def _present(folder: Path) -> list[Path]:
    """The files and folders of an influxd, SQLite's companions among them."""
    return [path for path in folder.iterdir() if path.name.startswith(_FILES)]


def _copy(source: Path, target: Path) -> None:
    target.mkdir(exist_ok=True)
    for path in _present(source):
        if path.is_dir():
            shutil.copytree(path, target / path.name)
        else:
            shutil.copy2(path, target / path.name)
