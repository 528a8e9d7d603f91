"""`Canaries`: how long after each fault a point written at its end, in every stream, can be read in central."""

from __future__ import annotations

import csv
import threading
import time
from dataclasses import dataclass, field
from http.client import HTTPException

from lab.background import Background
from lab.chaos.collector import STREAMS
from lab.chaos.lines import Line, integer
from lab.chaos.stage import Stage
from lab.loopback import HttpRefused

EVERY_S = 0.5
_MEASUREMENT = {"telegraf": "cpu", "pod_monitoring": "kubernetes_node", "power_monitoring": "electric_current"}


@dataclass
class _Canary:
    at_ns: int  # of the points, since 1970 UTC: the fault's end
    ended_at: float  # time.monotonic()
    to_write: set[str] = field(default_factory=set)  # buckets
    to_see: set[str] = field(default_factory=set)


class Canaries(Background):
    """A thread that writes canaries to the sources and looks for them in central while the context is open.

    It asks central itself, not the proxy. `recovered` has the seconds by the fault's number; while other faults go on,
    their harm is in it too.
    """

    def __init__(self, stage: Stage) -> None:
        super().__init__("canaries", 65.0)
        self.recovered: dict[int, float] = {}
        self._stage = stage
        self._open: dict[int, _Canary] = {}
        self._lock = threading.Lock()

    def add(self, number: int) -> None:
        """A fault has just ended."""
        buckets = {stream.bucket for stream in STREAMS}
        with self._lock:
            self._open[number] = _Canary(time.time_ns(), time.monotonic(), set(buckets), set(buckets))

    @property
    def outstanding(self) -> int:
        """Canaries that are not in central yet."""
        return len(self._open)

    @property
    def unwritten(self) -> int:
        """Canaries that a source has not taken yet."""
        with self._lock:
            return sum(bool(canary.to_write) for canary in self._open.values())

    def work(self) -> None:
        """Write what is to be written, and look for what is to be seen."""
        while not self.ended(EVERY_S):
            with self._lock:
                waiting = dict(self._open)
            for number, canary in waiting.items():
                self._write(number, canary)
            for stream in STREAMS:
                self._look(stream.bucket, waiting)
            for number, canary in waiting.items():
                if not canary.to_see:
                    self.recovered[number] = time.monotonic() - canary.ended_at
                    with self._lock:
                        del self._open[number]

    def _write(self, number: int, canary: _Canary) -> None:
        for stream in STREAMS:
            if stream.bucket in canary.to_write:
                fields = (integer("canary", number),)
                line = Line(_MEASUREMENT[stream.bucket], (("unit", "canary"),), fields, canary.at_ns)
                try:
                    self._stage.write(stream.bucket, [line])
                    canary.to_write.discard(stream.bucket)
                except (OSError, HTTPException, HttpRefused):  # away, by another fault: at the next turn
                    pass

    def _look(self, bucket: str, waiting: dict[int, _Canary]) -> None:
        times = [canary.at_ns for canary in waiting.values() if bucket in canary.to_see - canary.to_write]
        if not times:
            return
        flux = (
            f'from(bucket: "{bucket}") |> range(start: time(v: {min(times)}), stop: time(v: {max(times) + 1}))'
            ' |> filter(fn: (r) => r._field == "canary") |> keep(columns: ["_value"])'
        )
        try:
            reply = self._stage.central.query_csv(flux)
        except (OSError, HTTPException, HttpRefused):
            return
        for row in csv.reader(reply.splitlines()):
            if row and not row[0] and row[-1].isdecimal() and int(row[-1]) in waiting:
                waiting[int(row[-1])].to_see.discard(bucket)
