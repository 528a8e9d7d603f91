"""`Landing`: what Telegraf is to the plugin, where the plugin is tested alone: its lines arrive in a real central."""

from __future__ import annotations

import copy
import itertools
import re
import threading
from collections.abc import Callable, Mapping
from functools import cache
from http.client import HTTPException
from types import TracebackType
from typing import Any, Self

from lab.influxd import InfluxServer
from lab.loopback import HttpRefused

NOWHERE = "http://127.0.0.1:9"
"""The central of a queries.yaml that is yet to be given one."""
FLUSH_SECONDS = 0.05
BATCH_LINES = 5000
_DROPPED = (400, 413, 422)
"""What central refuses for good: Telegraf goes on with the next batch, and tries all else again."""

_HEAD = re.compile(rb"(?:\\.|[^ \\])*")
_ROUTE = re.compile(rb"(?<!\\),source_bucket=((?:\\[,= ]|[^, ])*)")
_VARIABLE = re.compile(r"\$\{(\w+)\}")
_numbers = itertools.count(1)


@cache
def shared_central() -> InfluxServer:
    """The central of all tests that bring none of their own; `close_shared_central` ends it."""
    server = InfluxServer("central", "metrics")
    server.start()
    return server


def close_shared_central() -> None:
    if shared_central.cache_info().currsize:
        shared_central().close()
        shared_central.cache_clear()


class Landing:
    """Takes the plugin's output, and writes each line to its bucket of central, in order, every FLUSH_SECONDS.

    Lines with the tag source_bucket go to the landing bucket of that source bucket, all others to that of the metrics.
    By default the buckets are this landing's alone; with `names_as_they_are` they are called as in the sources, and
    that of the metrics `metrics`. A context, which ends with what is still waiting not written.
    """

    def __init__(self, server: InfluxServer | None = None, names_as_they_are: bool = False) -> None:
        self.server = server or shared_central()
        self._suffix = "" if names_as_they_are else f" of {next(_numbers)}"
        self.refused: list[str] = []  # what central said to batches that it did not take
        self._rest = b""
        self._waiting: dict[str, list[bytes]] = {}
        self._drops: Callable[[bytes], bool] = lambda _: False
        self._lock = threading.Lock()
        self._open = threading.Event()
        self._open.set()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._work, name="landing", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._ended.set()
        self._open.set()
        self._thread.join(30)

    def bucket(self, source_bucket: str) -> str:
        """The bucket of central in which the lines of a source's bucket land."""
        return source_bucket + self._suffix

    @property
    def metrics(self) -> str:
        """The bucket of central for all other lines."""
        return "metrics" + self._suffix

    def place(self, document: dict[str, Any], env: Mapping[str, str]) -> dict[str, Any]:
        """`document` with this central and its buckets, which are made where they are not there.

        A document that names a central keeps it.
        """
        if document["central"].get("url") != NOWHERE:
            return document
        document = copy.deepcopy(document)
        document["central"] |= {"url": self.server.url, "org": self.server.org, "metrics_bucket": self.metrics}
        self._make(self.metrics)
        for source in document["sources"]:
            for stream in source["streams"]:
                stream.setdefault("central_bucket", self.bucket(stream["bucket"]))
                self._make(_VARIABLE.sub(lambda found: env.get(found[1], found[0]), stream["central_bucket"]))
        return document

    def _make(self, bucket: str) -> None:
        try:
            self.server.create_bucket(bucket)
        except HttpRefused as refused:
            if refused.status != 422:  # it is there
                raise

    # What a test may do to it

    def pause(self) -> None:
        """Hold all lines back from now on, as if central were away."""
        self._open.clear()

    def resume(self) -> None:
        """The end of `pause`."""
        self._open.set()

    def drop(self, which: Callable[[bytes], bool]) -> None:
        """Drop the lines that `which` says from now on, as Telegraf does when a buffer is full."""
        self._drops = which

    def waiting(self) -> int:
        """How many lines are not written."""
        with self._lock:
            return sum(map(len, self._waiting.values()))

    def waiting_bytes(self) -> int:
        """What these lines take."""
        with self._lock:
            return sum(len(line) + 1 for lines in self._waiting.values() for line in lines)

    # The lines

    def feed(self, output: bytes) -> None:
        """Take a piece of the plugin's output."""
        *lines, self._rest = (self._rest + output).split(b"\n")
        with self._lock:
            for line in lines:
                if not self._drops(line):
                    self._waiting.setdefault(self._route(line), []).append(line)

    def _route(self, line: bytes) -> str:
        head = _HEAD.match(line)
        assert head is not None
        found = _ROUTE.search(head[0])
        return self.metrics if found is None else self.bucket(re.sub(rb"\\([,= ])", rb"\1", found[1]).decode())

    def _work(self) -> None:
        while not self._ended.wait(FLUSH_SECONDS):
            self._open.wait()
            with self._lock:
                batches = {bucket: lines[:BATCH_LINES] for bucket, lines in self._waiting.items()}
            for bucket, lines in batches.items():
                if not self._ended.is_set() and self._write(bucket, lines):
                    with self._lock:
                        del self._waiting[bucket][: len(lines)]

    def _write(self, bucket: str, lines: list[bytes]) -> bool:
        """Write one batch; say whether it is done with."""
        if not lines:
            return True
        try:
            self.server.write(bucket, b"\n".join(lines))
        except HttpRefused as refused:
            self.refused.append(refused.body)
            return refused.status in _DROPPED
        except (OSError, HTTPException):
            return False
        return True
