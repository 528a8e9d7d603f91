"""A shard's Telegraf: one output a bucket of central, first in, first out; and the lines in flight towards it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from lab.simulation.central import Central, Landing
from lab.simulation.loop import Do, Loop
from lab.simulation.meter import Series
from telegraf_plugin.stream.flow import PIECES_A_LIMIT, Flow
from telegraf_plugin.stream.flow import Load as Lines
from telegraf_plugin.stream.ledger import Mark, Origin
from telegraf_plugin.stream.spans import NOTHING, Spans
from telegraf_plugin.stream.units import SECOND

BATCH = 5000
"""Lines that an output sends at a time (metric_batch_size)."""
FLUSH = SECOND
"""How long the rest of a batch waits, and between two tries (flush_interval)."""
BUFFER = 200_000
"""Lines that an output holds (metric_buffer_limit)."""
PATIENCE = 10 * SECOND
"""How long a reading waits for room while no mark comes back."""


@dataclass(slots=True)
class Printed:
    """So many `lines`: points of one stream at the times `spans`, or a mark."""

    landing: Landing
    lines: int
    spans: Spans = NOTHING
    mark: Mark | None = None
    origin: Origin | None = None

    def land(self) -> None:
        """Have it in central."""
        if self.mark is None:
            self.landing.there += self.spans
            return
        self.landing.mark(self.mark)
        if self.origin is not None:
            self.landing.origin = self.origin


class Speed:
    """What all outputs of a shard write together: `lines_per_second`; a request takes `latency` (ns) besides."""

    def __init__(self, lines_per_second: int, latency: int) -> None:
        self._lines_per_second, self._latency = lines_per_second, latency
        self._free_at = 0

    def takes(self, lines: int, now: int) -> int:
        """Return how long (ns) a request of so many lines takes that is sent now, behind those before it."""
        self._free_at = max(self._free_at, now) + lines * SECOND // self._lines_per_second
        return self._free_at - now + self._latency


class Output:
    """One output of a Telegraf, which shares the `speed` with its neighbours."""

    def __init__(self, loop: Loop, central: Central, speed: Speed, written: Series) -> None:
        self._loop, self._central, self._speed, self._written = loop, central, speed, written
        self._buffer: deque[Printed] = deque()
        self._lines = 0
        self._due = False  # a flush is to come, or a request is under way
        self._life = 0
        self.dropped = self.most = 0

    def take(self, printed: Printed) -> None:
        """Take lines; what is too much drops the oldest."""
        self._buffer.append(printed)
        self._lines += printed.lines
        self.most = max(self.most, self._lines)
        while self._lines > BUFFER:
            gone = self._buffer.popleft()
            self._lines -= gone.lines
            self.dropped += gone.lines
        if not self._due:
            self._flush(self._loop.now if self._lines >= BATCH else self._loop.now + FLUSH)

    def kill(self) -> None:
        """Lose the buffer; a request that is under way may land."""
        self._buffer.clear()
        self._lines, self._due = 0, False
        self._life += 1

    def _flush(self, time: int) -> None:
        self._due = True
        life = self._life
        self._loop.at(time, lambda: self._send() if life == self._life else None)

    def _send(self) -> None:
        now = self._loop.now
        if not self._central.answers(now):
            self._flush(now + FLUSH)
            return
        batch: list[Printed] = []
        lines = 0
        while self._buffer and (not batch or lines + self._buffer[0].lines <= BATCH):
            batch.append(self._buffer.popleft())
            lines += batch[-1].lines
        life = self._life
        self._loop.at(now + self._speed.takes(lines, now), lambda: self._landed(batch, lines, now, life))

    def _landed(self, batch: list[Printed], lines: int, began: int, life: int) -> None:
        now = self._loop.now
        if not self._central.answered(began, now):
            if life == self._life:
                self._buffer.extendleft(reversed(batch))
                self._flush(now + FLUSH)
            return
        for printed in batch:
            printed.land()
        self._written.add(now, lines)
        if life != self._life:
            return
        self._lines -= lines
        self._due = False
        if self._buffer:
            self._flush(now if self._lines >= BATCH else now + FLUSH)


class FlowWindow:
    """The lines in flight towards one bucket, for one run of the plugin: what `InFlightWindow` is, without threads.

    Who waits for room is called when a mark has come back.
    """

    def __init__(self, loop: Loop, limit: int) -> None:
        self.flow = Flow(limit)
        self.piece = Lines(limit // PIECES_A_LIMIT, self.flow.max_bytes // PIECES_A_LIMIT)
        self._loop = loop
        self._waiting: list[Do] = []

    def wait(self, do: Callable[[], object]) -> None:
        """Have `do` called when the next mark is back."""
        self._waiting.append(do)

    def has_room(self, live: bool, stream: str | None = None) -> bool:
        """Say whether live data, or a backlog, of `stream` may begin to be read."""
        return self.flow.may_begin(self.piece, live, stream)

    def waits(self, stream: str, waiting: bool) -> None:
        """Note whether live data of `stream` waits for room."""
        self.flow.waits(stream, waiting)

    def back(self, stream: str, mark: int) -> None:
        """Note a mark that is back, and wake who waits for room."""
        self.flow.back(stream, mark)
        waiting, self._waiting = self._waiting, []
        for do in waiting:
            self._loop.at(self._loop.now, do)

    def lines(self, stream: str | None = None) -> int:
        """Return how many lines are in flight, of `stream` or of all."""
        return self.flow.lines(stream)

    def permit(self, until: int) -> None:
        """Nobody stands by here: lines always pass."""

    @property
    def crowded(self) -> bool:
        """Whether so much is in flight that a backlog waits for marks, or soon will."""
        return self.flow.crowded
