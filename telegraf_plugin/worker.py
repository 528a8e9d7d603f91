"""One source's reads: its own threads, so that a source that is slow or silent holds up nobody but itself."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

from telegraf_plugin.config import Source
from telegraf_plugin.errors import OutputClosed, TransientError
from telegraf_plugin.influxdb.client import QueryClient
from telegraf_plugin.reader import StreamReader
from telegraf_plugin.stream.definition import StreamDefinition
from telegraf_plugin.stream.retry import retry_delay
from telegraf_plugin.stream.status import Attempt
from telegraf_plugin.telegraf.writer import LineWriter

_SECOND = 1_000_000_000


class SourceWorker:
    """Reads the streams of one source, at most `concurrent_queries` at a time, each tick and after failures.

    A tick that comes while the last one's reads are not done is remembered, once. `on_attempt` gets every outcome,
    `on_idle` the source's name and the tick's number when its reads are done, `on_closed` is called when nobody reads
    the lines any more; all three from this worker's threads. `oldest` says how far back central takes points of a
    stream at a time.
    """

    def __init__(
        self,
        source: Source,
        writer: LineWriter,
        on_attempt: Callable[[Attempt], None],
        on_idle: Callable[[str, int], None],
        on_closed: Callable[[], None],
        oldest: Callable[[StreamDefinition, int], int],
    ) -> None:
        self.source = source
        self._on_attempt, self._on_idle, self._on_closed = on_attempt, on_idle, on_closed
        timeouts = source.timeouts
        server = source.server
        client = QueryClient(
            server.url, server.org, server.credential.read, timeouts.connect, timeouts.read, timeouts.query
        )
        self._reader = StreamReader(client, writer, oldest)
        self._changed = threading.Condition()
        self._due: deque[StreamDefinition] = deque()
        self._running = 0
        self._wanted = self._served = 0  # numbers of ticks: the last that came, and the one that is being served
        self._tick_missed = False
        self._cycle_open = False
        self._failures: dict[str, int] = {}
        self._retry_at: dict[StreamDefinition, float] = {}  # time.monotonic() seconds
        self._not_before: dict[StreamDefinition, float] = {}  # what the server asked for

    def start(self) -> None:
        """Start the threads; they end with the process."""
        for number in range(self.source.concurrent_queries):
            threading.Thread(target=self._work, name=f"{self.source.name}-{number}", daemon=True).start()

    def tick(self, number: int) -> None:
        """Ask for all streams to be read, for the tick of that `number`."""
        with self._changed:
            self._wanted = number
            if self._due or self._running or self._cycle_open:
                self._tick_missed = True
            else:
                self._begin_cycle()
            self._changed.notify_all()

    def _begin_cycle(self) -> None:
        self._tick_missed = False
        self._cycle_open = True
        self._served = self._wanted
        now = time.monotonic()
        self._due.extend(s for s in self.source.streams if self._not_before.get(s, 0.0) <= now)
        # A stream that its server asked to leave alone for longer keeps its retry; the others' is this cycle.
        self._retry_at = {s: at for s, at in self._retry_at.items() if self._not_before.get(s, 0.0) > now}

    def _work(self) -> None:
        while True:
            stream = self._next()
            try:
                # Whole seconds: the newest fraction of one is read with the next tick; log and query stay readable.
                attempt = self._reader.read(stream, time.time_ns() // _SECOND * _SECOND)
            except OutputClosed:
                self._on_closed()
                return
            self._done(attempt)

    def _next(self) -> StreamDefinition:
        """Wait for a stream that is due, by a tick or for a retry."""
        with self._changed:
            while True:
                now = time.monotonic()
                retries = [stream for stream, at in self._retry_at.items() if at <= now]
                if retries and not self._cycle_open and not self._tick_missed:
                    del self._retry_at[retries[0]]
                    self._due.append(retries[0])
                if self._due:
                    self._running += 1
                    return self._due.popleft()
                if not self._running and (self._cycle_open or self._tick_missed):
                    self._end_cycle()
                    continue
                waits = [at - now for at in self._retry_at.values()] if not self._cycle_open else []
                self._changed.wait(max(min(waits), 0.0) if waits else None)

    def _end_cycle(self) -> None:
        """Say that a tick's reads are done, and begin with those of one that came meanwhile, or during a retry."""
        if self._cycle_open:
            self._cycle_open = False
            self._on_idle(self.source.name, self._served)
        if self._tick_missed:
            self._begin_cycle()

    def _done(self, attempt: Attempt) -> None:
        stream = attempt.stream
        with self._changed:
            self._running -= 1
            self._not_before.pop(stream, None)
            failures = self._failures[stream.label] = self._failures.get(stream.label, 0) + 1 if attempt.error else 0
            if attempt.error is not None:
                delay = retry_delay(failures, attempt.error)
                if delay is not None:
                    self._retry_at[stream] = time.monotonic() + delay
                if isinstance(attempt.error, TransientError) and attempt.error.retry_after:
                    self._not_before[stream] = self._retry_at[stream]
            self._on_attempt(attempt)
            self._changed.notify_all()
